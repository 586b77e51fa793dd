package http

import (
	"io"
	"net"
	nethttp "net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

func TestTheAddressIsThatOfTheSocket(t *testing.T) {
	s := serve(t, reply(`{}`))
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	config := Config{URL: "https://localhost:" + port + "/{email}", CAFile: s.ca(t)}
	answer := ask(t, sdktest.Start(t, Plugin(), config), email("mum@gmail.com"))
	if !strings.Contains(answer.Err, "is refused (this machine") || strings.Contains(answer.Err, "mum") {
		t.Errorf("%+v", answer)
	}
	if asked := s.took(); asked != nil {
		t.Errorf("asked %v", asked)
	}
}

func TestRedirects(t *testing.T) {
	elsewhere := serve(t, reply(`{"name": "other"}`))
	tests := []struct {
		name, method, to string
		status           int
		want             string
		wantAsked        int
	}{
		{"to another path", "GET", "/there?m=secret", 302, "", 2},
		{"with its body", "POST", "/there", 307, "", 2},
		{"without its body", "POST", "/there", 303, "the service redirects from POST to GET, which loses the body: write in url what is meant", 1},
		{"in a circle", "GET", "/", 302, "the service redirects more than 3 times", 4},
		{"to another service", "GET", elsewhere.URL + "/mum@gmail.com", 302, "the service redirects to " + elsewhere.URL + ": write in url what is meant", 1},
		{"to no TLS", "GET", "http://example.org/mum@gmail.com", 302, "the service redirects to http://example.org: write in url what is meant", 1},
		{"to nothing that can be read", "GET", "http://[mum@gmail.com", 302, "the service did not answer as HTTP wants it", 1},
		{"to nowhere", "GET", "", 302, "the service answered with status 302", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
				if r.URL.Path == "/there" {
					reply(`{"name": "mum"}`)(w, r)
					return
				}
				if tt.to != "" {
					w.Header().Set("Location", tt.to)
				}
				w.WriteHeader(tt.status)
			})
			config := s.config(t, "/")
			config.Answers = Answers{Name: "/name"}
			config.AllowNetworks = []string{"127.0.0.0/8", "::1"}
			if config.Method = tt.method; tt.method == "POST" {
				config.Body = `{}`
			}
			want := found(Facts{Name: "mum", Groups: []string{}, Texts: []Text{}})
			if tt.want != "" {
				want = unknown(tt.want)
			}
			if diff := cmp.Diff(want, ask(t, sdktest.Start(t, Plugin(), config), Params{})); diff != "" {
				t.Error(diff)
			}
			if got := len(s.took()); got != tt.wantAsked {
				t.Errorf("asked %d times, want %d", got, tt.wantAsked)
			}
		})
	}
	if asked := elsewhere.took(); asked != nil {
		t.Errorf("the other service was asked %v", asked)
	}
}

func TestHeadersAndSecretsThatChange(t *testing.T) {
	s := serve(t, reply(`{}`))
	token, key := write(t, "token", "first\n"), write(t, "key", "k1")
	config := s.config(t, "/")
	config.BearerFile = token
	config.Headers = []Header{{Name: "x-tenant", Value: "home"}, {Name: "X-API-Key", ValueFile: key}}
	c := sdktest.Start(t, Plugin(), config)
	for _, want := range [][2]string{{"first", "k1"}, {"second", "k2"}} {
		put(t, token, want[0]+"\n")
		put(t, key, want[1])
		if answer := ask(t, c, Params{}); !answer.Found {
			t.Fatalf("%+v", answer)
		}
		h := s.head()
		got := map[string][]string{}
		for name, values := range h {
			got[name] = values
		}
		if diff := cmp.Diff(map[string][]string{
			"Accept": {"application/json"}, "Authorization": {"Bearer " + want[0]}, "User-Agent": {"claimsmith"}, "X-Tenant": {"home"}, "X-Api-Key": {want[1]},
		}, got); diff != "" {
			t.Error(diff)
		}
	}
	s.took()
	for content, want := range map[string]string{
		"":         "read the secret of the header Authorization: the file is empty",
		"a\x01b":   "the secret of the header Authorization holds what no header can",
		"two\nrow": "read the secret of the header Authorization: the file holds more than one line",
	} {
		put(t, token, content)
		if diff := cmp.Diff(unknown(want), ask(t, c, Params{})); diff != "" {
			t.Error(diff)
		}
	}
	if err := os.Remove(token); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(unknown("read the secret of the header Authorization: no such file or directory"), ask(t, c, Params{})); diff != "" {
		t.Error(diff)
	}
	if asked := s.took(); asked != nil {
		t.Errorf("asked without a token: %v", asked)
	}
}

func TestNoProxyIsUsed(t *testing.T) {
	proxy := serve(t, reply(`{}`))
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	transport := newClient(&settings{guard: newGuard(nil)}, nil).Transport.(*nethttp.Transport)
	if transport.Proxy != nil {
		t.Error("there is a proxy")
	}
}

func TestServicesThatDoNotAnswer(t *testing.T) {
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	tests := []struct {
		name   string
		answer nethttp.HandlerFunc
		want   string
	}{
		{"not at all", func(_ nethttp.ResponseWriter, r *nethttp.Request) {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		}, "rpc error: code = DeadlineExceeded desc = the service did not answer within 100ms: context deadline exceeded"},
		{"not to the end", func(w nethttp.ResponseWriter, r *nethttp.Request) {
			_, _ = io.WriteString(w, `{"name": "mum`)
			_ = nethttp.NewResponseController(w).Flush()
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		}, "rpc error: code = DeadlineExceeded desc = the service did not answer within 100ms: context deadline exceeded"},
		{"less than it said", func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"name": "mum"}`)
		}, "rpc error: code = Unavailable desc = the service ended the connection before its reply was complete"},
		{"something else than HTTP", func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			conn, _, err := nethttp.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "mum@gmail.com is not here\r\n\r\n")
				_ = conn.Close()
			}
		}, "rpc error: code = Unavailable desc = the service did not answer as HTTP wants it"},
		{"with an endless header", func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", 2*maxHeaders))
		}, "rpc error: code = Unavailable desc = the service did not answer as HTTP wants it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tt.answer)
			config := s.config(t, "/{email}")
			if config.Timeout = sdk.Duration(time.Minute); strings.Contains(tt.want, "DeadlineExceeded") {
				config.Timeout = sdk.Duration(soon)
			}
			config.Answers = Answers{Name: "/name"}
			if got := ask(t, sdktest.Start(t, Plugin(), config), email("mum@gmail.com")); got.Err != tt.want {
				t.Errorf("%+v, want %s", got, tt.want)
			}
		})
	}
}

func TestAServiceThatIsNotThere(t *testing.T) {
	s := serve(t, reply(``))
	config := s.config(t, "/{email}")
	address := s.Listener.Addr().String()
	s.Close()
	want := unknown("reach the service: dial tcp " + address + ": connect: connection refused")
	if diff := cmp.Diff(want, ask(t, sdktest.Start(t, Plugin(), config), email("mum@gmail.com"))); diff != "" {
		t.Error(diff)
	}
}

func TestAConnectionThatDiedIsReplaced(t *testing.T) {
	s := serve(t, reply(`{}`))
	config := s.config(t, "/")
	config.Body = `{}`
	c := sdktest.Start(t, Plugin(), config)
	for range 3 {
		if answer := ask(t, c, Params{}); !answer.Found {
			t.Fatalf("%+v", answer)
		}
		s.CloseClientConnections()
	}
}
