package claimshook_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"google.golang.org/grpc"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// never says nothing until the test is over.
func never(t *testing.T) answerFunc {
	over := t.Context()
	return func(context.Context, *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
		<-over.Done()
		return nil, over.Err()
	}
}

// TestSignUnchanged is the table of what goes wrong against what the operator allowed.
func TestSignUnchanged(t *testing.T) {
	over := t.Context()
	deaf := grpc.UnaryInterceptor(func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
		<-over.Done()
		return nil, over.Err()
	})
	services := map[string]func(t *testing.T) string{
		"there is no socket": socketPath,
		"nobody serves the socket": func(t *testing.T) string {
			s := serve(t, never(t))
			s.server.Stop()
			return s.socket
		},
		"the process is stopped": func(t *testing.T) string {
			l, err := net.Listen("unix", socketPath(t)) // connections are made, and nobody speaks
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			return l.Addr().String()
		},
		"nothing is answered, not even health": func(t *testing.T) string { return serve(t, never(t), deaf).socket },
		"a reply takes too long":               func(t *testing.T) string { return serve(t, never(t)).socket },
		"the reply is bad":                     func(t *testing.T) string { return serve(t, always(patches(nil, set("sub", `"x"`)))).socket },
		"the service answers an error": func(t *testing.T) string {
			return serve(t, hookv1.UnimplementedClaimsHookServiceServer{}.ExtendPayload).socket
		},
		"the login is refused": func(t *testing.T) string { return serve(t, always(denial("No.", "r"))).socket },
	}
	absent := map[string]string{
		"there is no socket":                   "claims hook: no connection: dial unix SOCKET: connect: no such file or directory (decision LOCAL)",
		"nobody serves the socket":             "claims hook: no connection: dial unix SOCKET: connect: no such file or directory (decision LOCAL)",
		"the process is stopped":               "claims hook: no connection: not established in time (decision LOCAL)",
		"nothing is answered, not even health": "claims hook: no reply within 2s (decision LOCAL)",
	}
	present := map[string]string{
		"a reply takes too long":       "claims hook: no reply within 2s (decision LOCAL)",
		"the reply is bad":             `claims hook: patch of the ID token: claim "sub" is reserved for Dex (decision d1)`,
		"the service answers an error": "claims hook: the service answered Unimplemented (decision LOCAL)",
		"the login is refused":         "refused (decision d1, rule r)",
	}
	for name, start := range services {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			socket := start(t)
			want, isAbsent := absent[name]
			if !isAbsent {
				want = present[name]
			}
			want = strings.ReplaceAll(want, "SOCKET", socket)
			var log bytes.Buffer
			h := openLogging(t, socket, `, "timeout": "2s", "signUnchanged": ["nas"]`, &log)

			got, err := h.Extend(exchangeContext(t, "r1", ""), []byte(payload), token())
			if isAbsent && (err != nil || string(got) != payload) {
				t.Errorf("a client that may: got %s, %v", got, err)
			}
			if !isAbsent && (withoutLocalID(err) != want || got != nil) {
				t.Errorf("a client that may, but somebody is there:\ngot  %s\nwant %s", withoutLocalID(err), want)
			}
			if isAbsent != strings.Contains(log.String(), "signing without the claims hook") {
				t.Errorf("log: %s", log.String())
			}

			other := token()
			other.Audience = []string{"nas", "wiki"}
			got, err = h.Extend(exchangeContext(t, "r2", ""), []byte(payload), other)
			if withoutLocalID(err) != want || got != nil {
				t.Errorf("an audience that may not:\ngot  %s\nwant %s", withoutLocalID(err), want)
			}

			err = h.Login(exchangeContext(t, "r3", ""), []byte(payload), token())
			if withoutLocalID(err) != want {
				t.Errorf("login:\ngot  %s\nwant %s", withoutLocalID(err), want)
			}
		})
	}
}

func TestBothTokensOfAnExchangeStayUnchangedTogether(t *testing.T) {
	socket := socketPath(t)
	h := open(t, socket, `, "timeout": "2s", "signUnchanged": ["nas"]`)
	ctx := exchangeContext(t, "r1", "authorization_code")
	if got, err := h.Extend(ctx, []byte(payload), access(token())); err != nil || string(got) != payload {
		t.Fatalf("access token: got %s, %v", got, err)
	}
	s := serveAt(t, socket, always(patches(set("username", `"mum"`), set("username", `"mum"`))))
	if got, err := h.Extend(ctx, []byte(payload), token()); err != nil || string(got) != payload || len(s.calls()) != 0 {
		t.Errorf("ID token: got %s, %v after %d calls", got, err, len(s.calls()))
	}
}

func TestAServiceThatComesBackIsFound(t *testing.T) {
	first := serve(t, always(patches(nil, nil)))
	h := open(t, first.socket, "")
	if _, err := h.Extend(exchangeContext(t, "r1", ""), []byte(payload), token()); err != nil {
		t.Fatal(err)
	}
	first.server.Stop()
	second := serveAt(t, first.socket, always(patches(nil, nil)))
	if _, err := h.Extend(exchangeContext(t, "r2", ""), []byte(payload), token()); err != nil {
		t.Error(err)
	}
	if n := len(second.calls()); n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestARequestThatWasGivenUpIsNeverSigned(t *testing.T) {
	ctx, cancel := context.WithCancel(exchangeContext(t, "r1", ""))
	s := serve(t, func(call context.Context, req *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
		cancel()
		return never(t)(call, req)
	})
	h := open(t, s.socket, `, "signUnchanged": ["nas"]`)
	got, err := h.Extend(ctx, []byte(payload), token())
	if want := "claims hook: the request was given up by who made it (decision LOCAL)"; withoutLocalID(err) != want || got != nil {
		t.Errorf("got %s, %s", got, withoutLocalID(err))
	}
}

func TestServerUID(t *testing.T) {
	s := serve(t, always(patches(nil, nil)))
	if _, err := open(t, s.socket, fmt.Sprintf(`, "serverUid": %d`, os.Getuid())).Extend(exchangeContext(t, "r1", ""), []byte(payload), token()); err != nil {
		t.Errorf("our own user id: %v", err)
	}
	stranger := open(t, s.socket, fmt.Sprintf(`, "serverUid": %d, "timeout": "2s", "signUnchanged": ["nas"]`, os.Getuid()+1))
	_, err := stranger.Extend(exchangeContext(t, "r1", ""), []byte(payload), token())
	want := "claims hook: no connection: the socket is not served by serverUid (decision LOCAL)"
	if withoutLocalID(err) != want {
		t.Errorf("got  %s\nwant %s", withoutLocalID(err), want)
	}
}
