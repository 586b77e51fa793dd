package pluginhost

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTheHandshakeIsTheOneOfTheSDK(t *testing.T) {
	got := []any{protocolVersion, cookieKey, cookieValue, serviceName}
	if diff := cmp.Diff([]any{1, "CLAIMSMITH_PLUGIN", "claimsmith.plugin.v1", "lookup"}, got); diff != "" {
		t.Error(diff)
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
		{"no-tls", `plugin nas: it offers no TLS: a plugin that cannot is declared with tls: off`},
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
			[]string{"plugin nas: sha256." + plain + ": the digest of the file is " + digest + ", not the one that is declared"}},
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
	want := `plugin nas: it ended (exit status 1) before its handshake; its last words: "plugin exec: /dev/null: the digest of the file is e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, not the one that is declared"`
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
		{"no orders", []string{"--", "/bin/true"}, "plugin exec: no command: this is run by claimsmith itself"},
		{"no parent", []string{"{}", "--", "/bin/true"}, "plugin exec: no command: this is run by claimsmith itself"},
		{"no command", []string{`{"parent":1}`, "--"}, "plugin exec: no command: this is run by claimsmith itself"},
		{"the parent is gone", []string{`{"parent":1073741824}`, "--", "/bin/true"}, "plugin exec: the host is gone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := Exec(tt.args); err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestADirectoryWithALongNameIsFine(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	h := newTestHost(t, Options{Dir: dir})
	if _, err := h.Start(t.Context(), playing("good")); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "nas")); err != nil || info.Mode() != fs.ModeDir|0o700 {
		t.Errorf("the working directory did not stay as it was: %v %v", info, err)
	}
}

func TestCloseGivesUpStarts(t *testing.T) {
	h := newTestHost(t, Options{StartTimeout: time.Minute})
	failed := make(chan error)
	go func() {
		_, err := h.Start(context.Background(), playing("hang-start"))
		failed <- err
	}()
	for len(children(t)) == 0 && runtime.GOOS == "linux" {
		runtime.Gosched()
	}
	go h.Close()
	if err := <-failed; !errors.Is(err, context.Canceled) && !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}
