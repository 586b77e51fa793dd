package http

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	nethttp "net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

// service is what answers a plugin, and what it was asked.
type service struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string // method, path with query, body
	heads []nethttp.Header
}

// serve starts a service over TLS. It is over with the test.
func serve(t *testing.T, answer nethttp.HandlerFunc, change ...func(*tls.Config)) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewUnstartedServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		content, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		asked := r.Method + " " + r.RequestURI
		if len(content) > 0 {
			asked += " " + string(content)
		}
		s.asked, s.heads = append(s.asked, asked), append(s.heads, r.Header.Clone())
		s.mu.Unlock()
		answer(w, r)
	}))
	s.TLS = &tls.Config{}
	for _, c := range change {
		c(s.TLS)
	}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// took returns what was asked since the last time.
func (s *service) took() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

// head is the header of the last request.
func (s *service) head() nethttp.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heads[len(s.heads)-1]
}

// ca writes the authority of the service into a file.
func (s *service) ca(t *testing.T) string {
	return write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
}

// config is the least that reaches the service at a path.
func (s *service) config(t *testing.T, path string) Config {
	return Config{URL: s.URL + path, CAFile: s.ca(t), AllowNetworks: []string{"127.0.0.1"}}
}

// reply answers with JSON.
func reply(content string) nethttp.HandlerFunc {
	return func(w nethttp.ResponseWriter, _ *nethttp.Request) { _, _ = io.WriteString(w, content) }
}

// write makes a file in a folder of the test and returns its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	put(t, file, content)
	return file
}

// put writes a file again, with another time than before.
func put(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// got is an answer as the host sees it.
type got struct {
	Found   bool
	Problem string
	Facts   Facts
	Err     string
}

// ask asks a plugin over gRPC.
func ask(t *testing.T, c *sdktest.Client, p Params) (g got) {
	t.Helper()
	var err error
	g.Found, g.Problem, err = c.Lookup(t.Context(), p, &g.Facts)
	if err != nil {
		g.Err = err.Error()
	}
	return g
}

func found(f Facts) got { return got{Found: true, Facts: f} }

func problem(word string) got { return got{Problem: word} }

// unknown is a failure: the host gets it as an error of gRPC.
// misfit is an error about one question only.
func misfit(text string) got { return got{Err: "rpc error: code = DataLoss desc = " + text} }

func unknown(text string) got { return got{Err: "rpc error: code = Unavailable desc = " + text} }

// nothing are facts of a reply in which none was looked for.
func nothing() Facts { return Facts{Groups: []string{}, Texts: []Text{}} }

func email(s string) Params { return Params{Email: &s} }

const soon = 100 * time.Millisecond
