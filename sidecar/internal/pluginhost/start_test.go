package pluginhost

import (
	"context"
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

	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
)

func TestTheHandshakeIsTheOneOfTheSDK(t *testing.T) {
	got := []any{protocolVersion, confine.CookieKey, cookieValue, serviceName}
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

func TestAWrongDeclarationDoesNotStart(t *testing.T) {
	command := filepath.Join(t.TempDir(), "no")
	_, err := newTestHost(t, Options{}).Start(t.Context(), confine.Declaration{Name: "nas", Command: []string{command}, TLS: "on"})
	want := "plugin nas: tls: unknown mode \"on\"\nplugin nas: command[0]: no such file: " + command
	if !errors.As(err, new(*confine.CommandError)) || !errors.Is(err, fs.ErrNotExist) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
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
	if err := <-failed; !errors.Is(err, context.Canceled) && !errors.Is(err, answers.ErrClosed) {
		t.Error(err)
	}
}
