package claimshook_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// breakable is a listener whose connections can be broken.
type breakable struct {
	net.Listener

	mu    sync.Mutex
	conns []net.Conn
}

func (b *breakable) Accept() (net.Conn, error) {
	conn, err := b.Listener.Accept()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conns = append(b.conns, conn)
	return conn, err
}

func (b *breakable) breakAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, conn := range b.conns {
		_ = conn.Close() // some are closed already
	}
}

func (b *breakable) accepted() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.conns)
}

func listen(t *testing.T) *breakable {
	t.Helper()
	l, err := net.Listen("unix", socketPath(t))
	if err != nil {
		t.Fatal(err)
	}
	return &breakable{Listener: l}
}

// TestARetryIsOnlyMadeWhereNothingWasDecided: after a broken connection, once, and in the time of the exchange.
func TestARetryIsOnlyMadeWhereNothingWasDecided(t *testing.T) {
	unavailable := func(context.Context, *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
		return nil, status.Error(codes.Unavailable, "the NAS is asleep")
	}
	allow := always(patches(nil, set("username", `"mum"`)))
	tests := []struct {
		name      string
		breaks    int // how many calls meet a connection that breaks
		then      answerFunc
		wantErr   string
		wantCalls int
	}{
		{"an answer needs no retry", 0, allow, "", 1},
		{"an error that the service answered gets none", 0, unavailable, "claims hook: the service answered Unavailable (decision LOCAL)", 1},
		{"a refusal gets none", 0, always(denial("No.", "r")), "refused (decision d1, rule r)", 1},
		{"a connection that breaks before a reply gets one", 1, allow, "", 2},
		{"and the error after it is the last word", 1, unavailable, "claims hook: the service answered Unavailable (decision LOCAL)", 2},
		{"a connection that breaks twice gets no other", 2, allow, "claims hook: the connection broke twice before a reply (decision LOCAL)", 2},
		{"the retry has the time that is left", 1, never(t), "claims hook: no reply within 2s (decision LOCAL)", 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, over := listen(t), t.Context()
			var mu sync.Mutex
			seen := 0
			s := serveOn(t, l, func(ctx context.Context, req *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
				mu.Lock()
				seen++
				broken := seen <= tt.breaks
				mu.Unlock()
				if broken {
					l.breakAll()
					<-over.Done()
				}
				return tt.then(ctx, req)
			})
			h := open(t, s.socket, `, "timeout": "2s"`)
			_, err := h.Extend(exchangeContext(t, "r1", ""), []byte(payload), token())
			if got := withoutLocalID(err); got != tt.wantErr || len(s.calls()) != tt.wantCalls {
				t.Errorf("after %d calls, want %d:\ngot  %s\nwant %s", len(s.calls()), tt.wantCalls, got, tt.wantErr)
			}
		})
	}
}

func TestNobodyIsConnectedToBeforeThereIsSomethingToAsk(t *testing.T) {
	l := listen(t)
	s := serveOn(t, l, always(patches(nil, nil)))
	h := open(t, s.socket, "")
	if n := l.accepted(); n != 0 {
		t.Errorf("%d connections before the first question", n)
	}
	for _, id := range []string{"r1", "r2"} {
		if _, err := h.Extend(exchangeContext(t, id, ""), []byte(payload), token()); err != nil {
			t.Fatal(err)
		}
	}
	if n := l.accepted(); n != 1 {
		t.Errorf("%d connections for two questions", n)
	}
}

func TestARequestOverTheCapIsNotSent(t *testing.T) {
	s := serve(t, always(patches(nil, nil)))
	tok := token()
	tok.Identity.Groups = []string{strings.Repeat("g", 1<<20)} // all that the connector said is sent, wanted in the token or not
	_, err := open(t, s.socket, `, "signUnchanged": ["nas"]`).Extend(exchangeContext(t, "r1", ""), []byte(payload), tok)
	if want := "claims hook: the request could not be sent (ResourceExhausted) (decision LOCAL)"; withoutLocalID(err) != want || len(s.calls()) != 0 {
		t.Errorf("got  %s\nwant %s", withoutLocalID(err), want)
	}
}

// TestTheDecisionIsInTheLog, so that who reads Dex's log finds it again at the sidecar.
func TestTheDecisionIsInTheLog(t *testing.T) {
	var log strings.Builder
	h := openDebugging(t, serve(t, always(patches(set("username", `"mum"`), nil))).socket, &log)
	if _, err := h.Extend(exchangeContext(t, "r1", "password"), []byte(payload), token()); err != nil {
		t.Fatal(err)
	}
	want := `level=DEBUG msg="claims hook: allowed" client_id=nas connector_id=google stage=token decision_id=d1`
	if !strings.Contains(log.String(), want+"\n") {
		t.Errorf("got  %swant %s", log.String(), want)
	}
	if strings.Contains(log.String(), "mum") || strings.Contains(log.String(), "107691503500061") {
		t.Errorf("it names somebody: %s", log.String())
	}
}
