package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// serving is `claimsmith serve` in a process of its own.
type serving struct {
	cmd    *exec.Cmd
	client hookv1.ClaimsHookServiceClient
	mu     sync.Mutex
	said   bytes.Buffer
}

func (s *serving) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.Write(b)
}

func (s *serving) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.String()
}

// serve starts it with a configuration whose socket is run/hook.sock beside it, and waits until it answers.
func serve(t *testing.T, file string) *serving {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &serving{cmd: exec.Command(self, "serve", "--log-level", "debug", "--log-format", "json", "-c", file)}
	s.cmd.Stdout, s.cmd.Stderr = s, s
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.cmd.ProcessState == nil {
			_ = s.cmd.Process.Signal(os.Interrupt)
			_ = s.cmd.Wait() // its own error is in what it said
		}
		if t.Failed() {
			t.Logf("serve said:\n%s", s.log())
		}
	})
	s.client = dial(t, filepath.Join(filepath.Dir(file), "run", "hook.sock"))
	return s
}

// end sends a signal and returns the exit code.
func (s *serving) end(t *testing.T, signal os.Signal) int {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return s.cmd.ProcessState.ExitCode()
}

func plainConfig(t *testing.T) string {
	t.Helper()
	dir := shortDir(t)
	file := filepath.Join(dir, "claimsmith.yaml")
	write(t, file, fmt.Appendf(nil, "listen: unix://%s/run/hook.sock\n", dir))
	return file
}

func mum(payload string) *hookv1.ExtendPayloadRequest {
	return &hookv1.ExtendPayloadRequest{
		Payload:     []byte(payload),
		Identity:    &hookv1.Identity{UserId: "108a", Username: "Mum", Email: "mum@gmail.com", EmailVerified: true},
		ConnectorId: "google", ClientId: "synology", Audience: []string{"synology"}, Scopes: []string{"openid"},
		Stage: hookv1.Stage_STAGE_TOKEN, TokenKinds: []hookv1.TokenKind{hookv1.TokenKind_TOKEN_KIND_ID},
		GrantType: "authorization_code", Features: []string{"login", "grant-type"},
	}
}

func TestServeRefusesWhatIsNoPayload(t *testing.T) {
	s := serve(t, plainConfig(t))
	tests := []struct{ name, payload, want string }{
		{"a list", `["mum@gmail.com"]`, "read the payload: payload is not a JSON object"},
		{"half an object", `{"sub":"mum@gmail.com`, "read the payload: JSON ends too early"},
		{"members equal under folding", `{"sub":"mum@gmail.com","ſub":"x"}`, `read the payload: members "sub" and "ſub" differ only in case`},
		{"a member twice", `{"sub":"mum@gmail.com","sub":"x"}`, `read the payload: member "sub" is there twice`},
		{"over the cap", `{"s":"` + strings.Repeat("x", 64<<10) + `"}`, "the payload has 65544 bytes, more than 65536"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := s.client.ExtendPayload(t.Context(), mum(test.payload))
			if got := status.Convert(err); got.Code() != codes.InvalidArgument || got.Message() != test.want {
				t.Errorf("%v %q", got.Code(), got.Message())
			}
		})
	}
	if _, err := s.client.ExtendPayload(t.Context(), mum(`{"sub":"a"}`)); err != nil {
		t.Errorf("and then: %v", err)
	}
	if strings.Contains(s.log(), "gmail") {
		t.Errorf("the log holds an address:\n%s", s.log())
	}
}

func TestServeAndItsSocket(t *testing.T) {
	file := plainConfig(t)
	socket := filepath.Join(filepath.Dir(file), "run", "hook.sock")
	first := serve(t, file)

	var said strings.Builder
	if code := run([]string{"serve", "-c", file}, strings.NewReader(""), &said, &said); code != exitProblems {
		t.Errorf("a second one ended with %d", code)
	}
	if want := "claimsmith: listen on " + socket + ": another process is serving there\n"; said.String() != want {
		t.Errorf("a second one said\n%swant\n%s", said.String(), want)
	}

	first.end(t, syscall.SIGKILL)
	if _, err := os.Lstat(socket); err != nil {
		t.Fatalf("a killed process leaves its socket: %v", err)
	}
	second := serve(t, file)
	if code := second.end(t, syscall.SIGTERM); code != exitGood {
		t.Errorf("stopped, it ended with %d", code)
	}
	if _, err := os.Lstat(socket); !os.IsNotExist(err) {
		t.Errorf("stopped, it left its socket: %v", err)
	}
}

// nasConfig reads a NAS that is one of dsmtest's.
func nasConfig(t *testing.T, nas *dsmtest.NAS) string {
	t.Helper()
	dir := shortDir(t)
	write(t, filepath.Join(dir, "password"), []byte("a long password"))
	write(t, filepath.Join(dir, "ca.pem"), nas.CA())
	file := filepath.Join(dir, "claimsmith.yaml")
	write(t, file, fmt.Appendf(nil, `listen: unix://%[1]s/run/hook.sock
budget: 10s
connectors: {google: {emailDomains: [gmail.com]}}
plugins:
  nas:
    builtin: synology
    config: {url: %[2]q, account: claimsmith, passwordFile: %[1]s/password, caFile: %[1]s/ca.pem, timeout: 500ms}
pipeline:
  - lookup: nas
    with: {email: identity.email}
  - {deny: not nas.found, message: 'No account has the address ${identity.email}.'}
  - set: {username: nas.name}
`, dir, nas.URL()))
	return file
}

func newNAS(t *testing.T) *dsmtest.NAS {
	t.Helper()
	nas, err := dsmtest.Start(dsmtest.Options{
		Accounts: []dsmtest.Account{{Name: "mum", Email: "mum@gmail.com", Password: "hers"}},
		Service:  dsmtest.Account{Name: "claimsmith", Password: "a long password"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nas.Close)
	return nas
}

// A NAS that answers nonsense costs tokens and nothing else: the failure has a place and a reason, is no refusal, and tells
// nothing about anybody. When the NAS is well again, so is the next request.
func TestServeWithANASThatAnswersNonsense(t *testing.T) {
	t.Parallel()
	const lookup = "pipeline[0]: plugin nas: lookup: "
	const query = "read the accounts: SYNO.API.Info query: "
	const page = "the answer is a web page, not DSM's Web API: check host and port of url (DSM is usually at 5001), and any proxy before the NAS"
	const empty = "the answer is empty: DSM may be starting, or something else listens at this address"
	tests := []struct {
		name   string
		fault  dsmtest.Fault
		want   string // in the words of the plugin; $NAS is the address
		status string // of the call; empty: unavailable
	}{
		{"a page of a proxy", dsmtest.HTML(502), query + page + " (HTTP status 502)", ""},
		{"a page of a NAS that is starting", dsmtest.HTML(200), query + page, ""},
		{"half a reply", dsmtest.Truncated(), query + "the answer ends in the middle: the connection was cut", ""},
		{
			"a redirect to the login page", dsmtest.Redirect(302, "/#/signin"),
			query + "the answer is a redirect to $NAS: that is a login page or another service, not DSM's Web API; set url to DSM's own address", "",
		},
		{"an empty reply", dsmtest.Empty(), query + empty, ""},
		{"a closed connection", dsmtest.Dropped(), query + empty, ""},
		{"no answer", dsmtest.Hang(), "no answer", "no answer in time"},
		{"more than anybody asked for", dsmtest.Oversize(17 << 20), query + "the answer is longer than 16 MiB", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			nas := newNAS(t)
			nas.SetFault("", test.fault)
			file := nasConfig(t, nas)
			if strings.HasPrefix(test.name, "more than") { // 16 MiB take their time
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				write(t, file, bytes.Replace(text, []byte("timeout: 500ms"), []byte("timeout: 5s"), 1))
			}
			s := serve(t, file)
			_, err := s.client.ExtendPayload(t.Context(), mum(`{"sub":"a"}`))
			got := status.Convert(err)
			// Dex logs the status, so it has an id in the place of the plugin's words. The operator sees them.
			status := regexp.MustCompile(`\(words [0-9A-Z]+\)$`).ReplaceAllString(got.Message(), "(words)")
			if want := lookup + cmp.Or(test.status, "unavailable (words)"); got.Code() != codes.Unavailable || status != want {
				t.Errorf("got  %v %q\nwant %v %q", got.Code(), status, codes.Unavailable, want)
			}
			code, said, errs := about(t, file, "plugin", "status", "nas")
			said = strings.Join(strings.Fields(said), " ")
			if want := strings.ReplaceAll(test.want, "$NAS", nas.URL()); code != exitGood || !strings.Contains(said, want) {
				t.Errorf("plugin status: %d %s\n%s\nwant %s", code, errs, said, want)
			}
			nas.SetFault("", nil)
			reply, err := s.client.ExtendPayload(t.Context(), mum(`{"sub":"a"}`))
			if err != nil || string(reply.GetPatches().GetIdToken().GetSet()["username"]) != `"mum"` {
				t.Errorf("the NAS is well again: %v, %v", reply, err)
			}
			if found := regexp.MustCompile(`(?i)gmail|a long password|"mum`).FindString(s.log()); found != "" {
				t.Errorf("the log holds %q:\n%s", found, s.log())
			}
			if code := s.end(t, syscall.SIGTERM); code != exitGood {
				t.Errorf("it ended with %d", code)
			}
		})
	}
}
