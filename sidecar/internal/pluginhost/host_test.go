package pluginhost

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

func sortedWords(words []string) string {
	return strings.Join(slices.Sorted(slices.Values(words)), " ")
}

func TestTheHandshakeIsTheOneOfTheSDK(t *testing.T) {
	got := []any{protocolVersion, cookieKey, cookieValue, serviceName}
	if diff := cmp.Diff([]any{1, "CLAIMSMITH_PLUGIN", "claimsmith.plugin.v1", "lookup"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAPluginAnswers(t *testing.T) {
	for _, tls := range []string{TLSAuto, TLSOff, ""} {
		t.Run("tls "+tls, func(t *testing.T) {
			d := playing("good")
			d.TLS = tls
			p := start(t, newTestHost(t, Options{}), d)
			answer, err := p.Asker(CachePolicy{}).Ask(within(t, 10*time.Second), question(`{"email":"mum@gmail.com"}`))
			if err != nil {
				t.Fatal(err)
			}
			want := &pipeline.Answer{Found: true, Facts: map[string]any{"name": "mum", "groups": []string{"users"}}, Source: "plugin"}
			if diff := cmp.Diff(want, answer); diff != "" {
				t.Error(diff)
			}
			if s := p.Status(); s.State != Running || s.PID == 0 || s.PID != p.PID() {
				t.Errorf("status %+v", s)
			}
		})
	}
}

func TestAPluginWithoutTLSMayBeUsedIfThatIsSaid(t *testing.T) {
	d := playing("no-tls")
	d.TLS = TLSOff
	p := start(t, newTestHost(t, Options{}), d)
	if _, err := p.Asker(CachePolicy{}).Ask(within(t, 10*time.Second), question(`{"email":"mum@gmail.com"}`)); err != nil {
		t.Error(err)
	}
}

func TestAPluginThatDoesNotStart(t *testing.T) {
	tests := []struct {
		mode string
		want string
	}{
		{"garbage", `plugin nas: it printed "hello world\n" instead of a handshake`},
		{"endless", `plugin nas: it printed a line of more than 8192 bytes instead of a handshake`},
		{"net-rpc", `plugin nas: it speaks "netrpc", want grpc`},
		{"other-version", `plugin nas: it speaks version "7" of the plugin protocol, the host speaks 1`},
		{"tcp", `plugin nas: it does not listen on a unix socket in the directory that PLUGIN_UNIX_SOCKET_DIR names`},
		{"elsewhere", `plugin nas: it does not listen on a unix socket in the directory that PLUGIN_UNIX_SOCKET_DIR names`},
		{"no-tls", `plugin nas: it offers no TLS: use a go-plugin with AutoMTLS, or write tls: off for a plugin that cannot`},
		{"exit", `plugin nas: it ended (exit status 3) before its handshake; its last words: "no licence found"`},
		{"hang-start", `plugin nas: no handshake within 3s; its last words: "asking the licence server"`},
		{"hang-describe", `plugin nas: no description within 3s`},
		{"exit-after-handshake", `plugin nas: it ended (exit status 4) before its description`},
		{"reserved", `plugin nas: its description: facts: schema: properties.found: the name belongs to the host`},
		{"enum", `plugin nas: its description: config: schema: properties.a: keyword "enum" is not supported`},
		{"nameless", `plugin nas: its description: name or version is missing`},
	}
	for _, tt := range tests {
		t.Run(tt.mode, func(t *testing.T) {
			o := Options{}
			if strings.HasPrefix(tt.mode, "hang") {
				o.StartTimeout = 3 * time.Second
			}
			h := newTestHost(t, o)
			_, err := h.Start(t.Context(), playing(tt.mode))
			if err == nil {
				t.Fatal("it started")
			}
			got := regexp.MustCompile(`; its last words: "\d{4}.*`).ReplaceAllString(err.Error(), "") // of go-plugin's own log
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if left := children(t); len(left) > 0 {
				t.Errorf("processes are left: %v", left)
			}
		})
	}
}

func TestABadCertificateIsAnError(t *testing.T) {
	_, err := newTestHost(t, Options{}).Start(t.Context(), playing("bad-certificate"))
	if err == nil || !strings.HasPrefix(err.Error(), "plugin nas: no handshake: error parsing server cert: ") {
		t.Error(err)
	}
}

func TestAStartCanBeGivenUp(t *testing.T) {
	h := newTestHost(t, Options{})
	_, err := h.Start(within(t, 300*time.Millisecond), playing("hang-start"))
	if want := "plugin nas: start: context deadline exceeded"; err == nil || err.Error() != want || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestADeclarationIsChecked(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("x"))
	digest := hex.EncodeToString(sum[:])
	other := strings.Repeat("ab", 32)
	tests := []struct {
		name string
		d    Declaration
		want []string
	}{
		{"all is well", Declaration{Name: "nas", Command: []string{os.Args[0]}, TLS: "off", Env: []string{"LANG"}, SHA256: map[string]string{plain: strings.ToUpper(digest)}}, nil},
		{"no command", Declaration{Name: "nas"}, []string{"plugin nas: command: is empty"}},
		{"a missing command", Declaration{Name: "nas", Command: []string{dir + "/no"}}, []string{"plugin nas: command[0]: no such file: " + dir + "/no"}},
		{"a relative command", Declaration{Name: "nas", Command: []string{"bin/nas"}}, []string{"plugin nas: command[0]: bin/nas is not an absolute path"}},
		{"a directory", Declaration{Name: "nas", Command: []string{dir}}, []string{"plugin nas: command[0]: not a file: " + dir}},
		{"a command that cannot be run", Declaration{Name: "nas", Command: []string{plain}}, []string{"plugin nas: command[0]: not executable: " + plain}},
		{"another digest", Declaration{Name: "nas", Command: []string{os.Args[0]}, SHA256: map[string]string{plain: other}},
			[]string{"plugin nas: sha256." + plain + ": the digest of the file is " + digest}},
		{"all at once", Declaration{Name: "n s", Command: []string{"nas"}, TLS: "on", Env: []string{"A=B", "PLUGIN_X", "HOME"},
			SHA256: map[string]string{dir + "/no": other, "rel": other, plain: "abc"}},
			[]string{
				"plugin n s: name: must be letters, digits, - and _, at most 32, and start with a letter",
				`plugin n s: tls: unknown mode "on"`,
				"plugin n s: env[0]: not the name of an environment variable",
				"plugin n s: env[1]: PLUGIN_X is set by the host",
				"plugin n s: env[2]: HOME is set by the host",
				"plugin n s: command[0]: nas is not an absolute path",
				"plugin n s: sha256." + dir + "/no: no such file: " + dir + "/no",
				"plugin n s: sha256." + plain + ": not a SHA-256 digest: want 64 hexadecimal digits",
				"plugin n s: sha256.rel: rel is not an absolute path",
			}},
	}
	h := newTestHost(t, Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, e := range tt.d.Check() {
				got = append(got, e.Error())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if len(tt.want) == 0 {
				return
			}
			_, err := h.Start(t.Context(), tt.d)
			var typed *CommandError
			if !errors.As(err, &typed) || err.Error() != strings.Join(tt.want, "\n") {
				t.Errorf("start: %v", err)
			}
		})
	}
	_, err := h.Start(t.Context(), Declaration{Name: "nas", Command: []string{dir + "/no"}})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("not %v: %v", fs.ErrNotExist, err)
	}
}

func TestTheWrapperChecksDigestsToo(t *testing.T) {
	l := &launcher{host: newTestHost(t, Options{}), decl: playing("good"), dir: t.TempDir(), log: slog.New(slog.DiscardHandler)}
	l.decl.SHA256 = map[string]string{"/dev/null": strings.Repeat("00", 32)}
	_, err := l.start(t.Context())
	want := `plugin nas: it ended (exit status 1) before its handshake; its last words: "plugin exec: /dev/null: the digest of the file is e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestTheWrapperIsNotForPeople(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"no arguments", nil, "plugin exec: no command: this is run by claimsmith itself"},
		{"no parent", []string{"--", "/bin/true"}, "plugin exec: no command: this is run by claimsmith itself"},
		{"an unknown flag", []string{"--x"}, "plugin exec: flag provided but not defined: -x"},
		{"the parent is gone", []string{"--parent=1073741824", "--", "/bin/true"}, "plugin exec: the host is gone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := Exec(tt.args); err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestProblemsOfAConfiguration(t *testing.T) {
	h := newTestHost(t, Options{})
	p, err := h.Start(t.Context(), playing("picky"))
	if err != nil {
		t.Fatal(err)
	}
	found, err := p.Configure(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	want := []Problem{{Path: "url", Message: "is not reachable", Hint: "plug it in"}, {Message: "and more"}}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
}

func TestCheckOnlyConfiguresNothing(t *testing.T) {
	p, err := newTestHost(t, Options{}).Start(t.Context(), playing("good"))
	if err != nil {
		t.Fatal(err)
	}
	if found, err := p.Configure(t.Context(), true); len(found) > 0 || err != nil {
		t.Fatal(found, err)
	}
	_, err = p.Asker(CachePolicy{}).Ask(t.Context(), question(`{"email":"a@b.c"}`))
	if want := "plugin nas: lookup: failed precondition: not configured"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAFailedLookup(t *testing.T) {
	tests := []struct {
		mode string
		want string
		is   error
	}{
		{"refusing", "plugin nas: lookup: unavailable: GET https://nas/?q=… for …", nil},
		{"lying", "plugin nas: lookup: its answer: facts: name: must be a string, not a list", nil},
		{"lying-found", "plugin nas: lookup: its answer: found and a problem at once", nil},
		{"lying-problem", "plugin nas: lookup: its answer: the problem is not one word", nil},
		{"lying-age", "plugin nas: lookup: its answer: the age is out of range", nil},
		{"lying-size", "plugin nas: lookup: resource exhausted: grpc: received message larger than max (5242910 vs. 4194304)", nil},
		{"hang-call", "plugin nas: lookup: no answer in time", context.DeadlineExceeded},
		{"frozen", "plugin nas: lookup: no answer in time", context.DeadlineExceeded},
		{"crash-loop", "plugin nas: down: it crashed again and is restarted after a pause", ErrDown},
	}
	for _, tt := range tests {
		t.Run(tt.mode, func(t *testing.T) {
			h := newTestHost(t, Options{CallTimeout: 10 * time.Second})
			if tt.is == context.DeadlineExceeded {
				h.o.CallTimeout = 200 * time.Millisecond
			}
			p := start(t, h, playing(tt.mode))
			_, err := p.Asker(CachePolicy{}).Ask(t.Context(), question(`{"email":"mum@gmail.com"}`))
			if tt.mode == "crash-loop" && !errors.Is(err, ErrDown) {
				// The second crash may be told as itself; then the next question finds it down.
				_, err = p.Asker(CachePolicy{}).Ask(t.Context(), question(`{"email":"mum@gmail.com"}`))
			}
			if err == nil || err.Error() != tt.want || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestAFirstCrashCostsNoAnswer(t *testing.T) {
	log := &logBuffer{}
	p := start(t, newTestHost(t, Options{Log: log.logger()}), playing("crash-once"))
	before := p.PID()
	answer, err := p.Asker(CachePolicy{}).Ask(within(t, 20*time.Second), question(`{"email":"mum@gmail.com"}`))
	if err != nil {
		t.Fatal(err)
	}
	if answer.Facts["name"] != "mum" || p.PID() == before {
		t.Errorf("answer %v, pid %d and %d", answer, before, p.PID())
	}
	if s := p.Status(); s.State != Running || s.Crashes != 1 || s.Last != "signal: killed" {
		t.Errorf("status %+v", s)
	}
	if want := "level=WARN msg=\"plugin crashed\" plugin=nas pid="; !strings.Contains(log.String(), want) {
		t.Errorf("log lacks %s:\n%s", want, log)
	}
}

func TestAKilledIdlePluginComesBack(t *testing.T) {
	p := start(t, newTestHost(t, Options{}), playing("good"))
	for range 2 { // the second time it pauses before it starts, and must still be configured
		before := p.sup.current()
		if err := syscall.Kill(before.pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-before.exited
		p.sup.await(t, Running)
		answer, err := p.Asker(CachePolicy{}).Ask(within(t, 20*time.Second), question(`{"email":"mum@gmail.com"}`))
		if err != nil || answer.Facts["name"] != "mum" {
			t.Fatal(answer, err)
		}
	}
}

func (s *supervisor) current() *instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cur
}

// await waits until the supervisor has an instance that lives.
func (s *supervisor) await(t *testing.T, want State) {
	t.Helper()
	for {
		s.mu.Lock()
		state, cur, moved := s.state, s.cur, s.moved
		s.mu.Unlock()
		if state == want {
			select {
			case <-cur.exited:
			default:
				return
			}
		}
		select {
		case <-moved:
		case <-time.After(20 * time.Second):
			t.Fatalf("state is %s, want %s", state, want)
		}
	}
}

func TestAPluginMayNotComeBackAsAnother(t *testing.T) {
	log := &logBuffer{}
	p := start(t, newTestHost(t, Options{Log: log.logger()}), playing("changing"))
	_, err := p.Asker(CachePolicy{}).Ask(within(t, 20*time.Second), question(`{"email":"mum@gmail.com"}`))
	if !errors.Is(err, ErrDown) {
		t.Error(err)
	}
	want := `msg="plugin did not restart" plugin=nas err="plugin nas: it describes itself in another way than before: reload the configuration"`
	if !strings.Contains(log.String(), want) {
		t.Errorf("log lacks %s:\n%s", want, log)
	}
}

func TestNoValueIsLogged(t *testing.T) {
	for _, mode := range []string{"chatty", "panic", "panic-value", "refusing", "lying", "lying-problem", "good"} {
		t.Run(mode, func(t *testing.T) {
			log, raw := &logBuffer{}, &logBuffer{}
			h := newTestHost(t, Options{Log: log.logger(), Stderr: raw})
			p := start(t, h, playing(mode))
			_, err := p.Asker(CachePolicy{}).Ask(within(t, 20*time.Second), question(`{"email":"mum@gmail.com"}`))
			if err != nil && strings.Contains(err.Error(), "mum") {
				t.Errorf("the error holds a value: %v", err)
			}
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(log.String(), "mum") {
				t.Errorf("the log holds a value:\n%s", log)
			}
			if mode == "chatty" {
				checkChatter(t, log.String(), raw.String())
			}
			if mode == "panic" && !strings.Contains(log.String(), "playplugin_test.go") && !strings.Contains(log.String(), "Lookup.func1") {
				t.Errorf("the log does not tell where:\n%s", log)
			}
		})
	}
}

func checkChatter(t *testing.T, log, raw string) {
	t.Helper()
	want := `level=WARN msg="the NAS is slow" plugin=nas plugin_plugin=me took_ms=9007199254740993`
	if !strings.Contains(log, want) {
		t.Errorf("the log lacks %s:\n%s", want, log)
	}
	for _, want := range []string{"raw: mum@gmail.com\n", `{"@message":1,`} {
		if !strings.Contains(raw, want) {
			t.Errorf("what was printed lacks %s", want)
		}
	}
}

func TestCloseIsSafeTwiceAndBounded(t *testing.T) {
	h := newTestHost(t, Options{})
	p := start(t, h, playing("slow-end"))
	q := start(t, h, playing("good"))
	for range 2 {
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []*Plugin{p, q} {
		if s := p.Status(); s.State != Closed || s.PID != 0 {
			t.Errorf("status %+v", s)
		}
		_, err := p.Asker(CachePolicy{}).Ask(t.Context(), question(`{"email":"a@b.c"}`))
		if want := "plugin nas: plugin host is closed"; err == nil || err.Error() != want || !errors.Is(err, ErrClosed) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := h.Start(t.Context(), playing("good")); !errors.Is(err, ErrClosed) {
		t.Errorf("start after close: %v", err)
	}
	if _, err := os.Stat(h.sockets); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory is left: %v", err)
	}
}

func TestAFrozenPluginCannotHoldUpClose(t *testing.T) {
	h := newTestHost(t, Options{})
	p := start(t, h, playing("good"))
	if err := syscall.Kill(p.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- h.Close() }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(closeBudget):
		t.Error("close hangs")
	}
}

func TestDescription(t *testing.T) {
	d := start(t, newTestHost(t, Options{}), playing("good")).Description()
	if d.Name != "played" || d.Version != "1" || len(d.Config.Required) != 1 || d.Params.Fields["email"] == nil || d.Facts.Fields["groups"] == nil {
		b, _ := json.Marshal(d)
		t.Errorf("got %s", b)
	}
}
