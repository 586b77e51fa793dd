package dsm

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// replay answers calls with recorded replies: for each "API method" the given files in turn, the last one for ever.
type replay struct {
	mu      sync.Mutex
	files   map[string][]string
	calls   []string        // "API method", in order
	seen    []*http.Request // with the form parsed
	handler http.HandlerFunc
}

// recorded are the replies of a DSM 7.2 on which everything works.
func recorded() map[string][]string {
	return map[string][]string{
		"SYNO.API.Info query":         {"info.json"},
		"SYNO.API.Auth login":         {"login.json"},
		"SYNO.API.Auth logout":        {"logout.json"},
		"SYNO.Core.User list":         {"users.json", "users-empty.json"},
		"SYNO.Core.User.Group get":    {"usergroup-get.json"},
		"SYNO.Core.Group list":        {"groups.json", "groups-empty.json"},
		"SYNO.Core.Group.Member list": {"members-administrators.json", "members-empty.json", "members-empty.json", "members-users.json", "members-empty.json"},
	}
}

// with gives the recorded replies with others for one call.
func with(call string, files ...string) map[string][]string {
	all := recorded()
	all[call] = files
	return all
}

func (r *replay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = req.ParseForm()
	call := req.Form.Get("api") + " " + req.Form.Get("method")
	r.calls, r.seen = append(r.calls, call), append(r.seen, req)
	if r.handler != nil {
		r.handler(w, req)
		return
	}
	files := r.files[call]
	if len(files) == 0 {
		_, _ = io.WriteString(w, `{"error":{"code":103},"success":false}`)
		return
	}
	if len(files) > 1 {
		r.files[call] = files[1:]
	}
	body, err := os.ReadFile(filepath.Join("testdata", files[0]))
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "text/plain") // DSM is not to be relied on for it
	_, _ = w.Write(body)
}

// then replaces the replies of one call.
func (r *replay) then(call string, files ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files[call] = files
}

// took returns the calls since the last time, one a line.
func (r *replay) took() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := strings.Join(r.calls, "\n")
	r.calls = nil
	return calls
}

func lines(s ...string) string { return strings.Join(s, "\n") }

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// start gives a client of a NAS that answers with recorded replies, over plain HTTP.
func start(t *testing.T, files map[string][]string) (*Client, *replay, *clock) {
	t.Helper()
	r := &replay{files: files}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	clock := &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	c, err := New(Options{
		URL: server.URL, Account: "claimsmith", Password: "a made-up password", AllowPlainHTTP: true,
		Log: slog.New(slog.DiscardHandler), Now: clock.Now, PageSize: 5,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c, r, clock
}

// text is the message of err, or "" for nil.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
