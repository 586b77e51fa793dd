package dsmtest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const info = "/webapi/query.cgi?api=SYNO.API.Info&version=1&method=query&query=SYNO.API.Auth"

// get returns status and body; a transport error takes the place of both.
func get(n *NAS, ctx context.Context, path string) (int, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, n.URL()+path, nil)
	if err != nil {
		return 0, "", err
	}
	response, err := n.Client().Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

const goodInfo = `{"data":{"SYNO.API.Auth":{"maxVersion":7,"minVersion":1,"path":"entry.cgi"}},"success":true}` + "\n"

func TestFaultsSpoilReplies(t *testing.T) {
	tests := []struct {
		name   string
		fault  Fault
		status int
		want   string
	}{
		{"none", nil, 200, goodInfo},
		{"a page of a proxy", HTML(502), 502,
			"<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1><hr>nginx</body></html>\n"},
		{"an empty reply", Empty(), 200, ""},
		{"half a reply", Truncated(), 200, goodInfo[:len(goodInfo)/2]},
		{"a login page", Redirect(302, "/#/signin"), 302, "<a href=\"/#/signin\">Found</a>.\n\n"},
		{"a code", Code(117), 200, `{"error":{"code":117},"success":false}`},
		{"a reply that is too long", Oversize(100_000), 200, strings.Repeat(" ", 100_000) + goodInfo},
	}
	n := start(t, Options{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n.SetFault("", test.fault)
			status, body, err := get(n, t.Context(), info)
			if err != nil || status != test.status || body != test.want {
				t.Errorf("got %d %.200q %v", status, body, err)
			}
		})
	}
}

func TestADroppedConnectionGivesNoReply(t *testing.T) {
	n := start(t, Options{})
	n.SetFault("SYNO.API.Info", Dropped())
	if _, _, err := get(n, t.Context(), info); !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
	want := []Call{{API: "SYNO.API.Info", Method: "query", Version: "1", Code: -1}}
	if diff := cmp.Diff(want, n.Calls()); diff != "" {
		t.Error(diff)
	}
}

func TestTheMoreExactFaultWins(t *testing.T) {
	n := start(t, Options{})
	n.SetFault("", Empty())
	n.SetFault("SYNO.API.Info", Code(117))
	if _, body, _ := get(n, t.Context(), info); !strings.Contains(body, "117") {
		t.Error(body)
	}
	n.SetFault("SYNO.API.Info", nil)
	if _, body, _ := get(n, t.Context(), info); body != "" {
		t.Error(body)
	}
}

func TestASlowReplyComesWhenItIsReleased(t *testing.T) {
	n := start(t, Options{})
	arrived, release := make(chan struct{}), make(chan struct{})
	n.SetFault("", Slow(arrived, release))
	replies := make(chan string)
	go func() {
		_, body, _ := get(n, t.Context(), info)
		replies <- body
	}()
	<-arrived
	close(release)
	if got := <-replies; got != goodInfo {
		t.Error(got)
	}
}

func TestAHangingCallEndsWithItsCallerOrWithTheNAS(t *testing.T) {
	n := start(t, Options{})
	arrived := make(chan struct{})
	n.SetFault("", Slow(arrived, nil))
	ctx, cancel := context.WithCancel(t.Context())
	failures := make(chan error, 2)
	go func() {
		_, _, err := get(n, ctx, info)
		failures <- err
	}()
	<-arrived
	cancel()
	if err := <-failures; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	n.SetFault("", Hang())
	n.SetFault("SYNO.API.Info", Slow(arrived, nil))
	go func() {
		_, _, err := get(n, t.Context(), info)
		failures <- err
	}()
	<-arrived
	n.Close()
	n.Close()
	<-failures
}
