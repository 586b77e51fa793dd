package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
)

// TestMain lets the test binary be the plugin that its tests start.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "as-plugin" {
		Main(notebook())
	}
	os.Exit(m.Run())
}

type (
	notebookConfig struct{}
	notebookParams struct {
		Do string `json:"do"`
	}
	notebookFacts struct {
		Dir string `json:"dir"`
	}
)

// notebook is a plugin that writes "closed" into its directory at its end.
func notebook() Plugin {
	return Spec[notebookConfig, notebookParams, notebookFacts]{Name: "notebook", Version: "2.1",
		Open: func(_ context.Context, h Host, _ notebookConfig) (Lookup[notebookParams, notebookFacts], error) {
			return &notes{h}, nil
		}}
}

type notes struct{ h Host }

func (n *notes) Lookup(_ context.Context, p notebookParams) (Answer[notebookFacts], error) {
	switch p.Do {
	case "log":
		n.h.Log.Warn("it is slow", "took", 3*time.Second, "err", io.EOF)
		slog.Info("as a default", "n", 1)
		log.Print("by package log")
	case "panic":
		panic("mum@gmail.com")
	}
	return Answer[notebookFacts]{Found: true, Facts: notebookFacts{Dir: n.h.Dir}}, nil
}

func (n *notes) Close() error { return os.WriteFile("closed", nil, 0o600) }

// client is the least that a host does.
type client struct {
	goplugin.NetRPCUnsupportedPlugin
}

func (client) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error { return errors.New("no") }
func (client) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return pluginv1.NewLookupServiceClient(conn), nil
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// launch starts the notebook as a process with mutual TLS.
func launch(t *testing.T, dir string, stderr io.Writer) (*goplugin.Client, pluginv1.LookupServiceClient, int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "as-plugin")
	cmd.Dir = dir
	c := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  goplugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "CLAIMSMITH_PLUGIN", MagicCookieValue: "claimsmith.plugin.v1"},
		Plugins:          goplugin.PluginSet{"lookup": client{}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         true, SkipHostEnv: true, Cmd: cmd, Stderr: stderr, Logger: hclog.NewNullLogger(),
	})
	t.Cleanup(c.Kill)
	proto, err := c.Client()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := proto.Dispense("lookup")
	if err != nil {
		t.Fatal(err)
	}
	api := raw.(pluginv1.LookupServiceClient)
	if _, err := api.Configure(t.Context(), &pluginv1.ConfigureRequest{Config: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	return c, api, cmd.Process.Pid
}

func TestTheHandshakeIsTheOneOfTheHost(t *testing.T) {
	got := []any{protocolVersion, cookieKey, cookieValue, serviceName}
	if diff := cmp.Diff([]any{1, "CLAIMSMITH_PLUGIN", "claimsmith.plugin.v1", "lookup"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAProcessAnswersAndEndsInGoodOrder(t *testing.T) {
	dir := t.TempDir()
	c, api, pid := launch(t, dir, nil)
	// What a terminal sends to its whole group, and a service manager to a whole control group.
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if err := syscall.Kill(pid, sig); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := api.Lookup(t.Context(), &pluginv1.LookupRequest{Params: []byte(`{"do":"answer"}`)})
	if err != nil {
		t.Fatal(err)
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(resp.GetFacts()), fmt.Sprintf(`{"dir":%q}`, real); got != want {
		t.Errorf("facts %s, want %s", got, want)
	}
	c.Kill()
	if _, err := os.Stat(filepath.Join(dir, "closed")); err != nil {
		t.Errorf("it was not closed: %v", err)
	}
}

func TestAPanicCostsOneAnswer(t *testing.T) {
	stderr := &buffer{}
	c, api, _ := launch(t, t.TempDir(), stderr)
	_, err := api.Lookup(t.Context(), &pluginv1.LookupRequest{Params: []byte(`{"do":"panic"}`)})
	if want := "rpc error: code = Internal desc = panic in Lookup: string"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := api.Lookup(t.Context(), &pluginv1.LookupRequest{Params: []byte(`{"do":"answer"}`)}); err != nil {
		t.Error(err)
	}
	c.Kill()
	if got := stderr.String(); strings.Contains(got, "mum") || !strings.Contains(got, "sdk.(*notes).Lookup") {
		t.Errorf("log:\n%s", got)
	}
}

func TestLogsAreRecords(t *testing.T) {
	stderr := &buffer{}
	c, api, _ := launch(t, t.TempDir(), stderr)
	if _, err := api.Lookup(t.Context(), &pluginv1.LookupRequest{Params: []byte(`{"do":"log"}`)}); err != nil {
		t.Fatal(err)
	}
	c.Kill()
	var got []map[string]any
	var rest []string
	for line := range strings.Lines(stderr.String()) {
		record := map[string]any{}
		if json.Unmarshal([]byte(line), &record) != nil {
			rest = append(rest, strings.TrimSpace(line))
			continue
		}
		if _, err := time.Parse("2006-01-02T15:04:05.000000Z07:00", record["@timestamp"].(string)); err != nil {
			t.Error(err)
		}
		delete(record, "@timestamp")
		got = append(got, record)
	}
	want := []map[string]any{
		{"@level": "warn", "@message": "it is slow", "took": "3s", "err": "EOF"},
		{"@level": "info", "@message": "as a default", "n": 1.0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(rest) != 1 || !strings.HasSuffix(rest[0], "by package log") {
		t.Errorf("what is no record: %q", rest)
	}
}

func TestStartedByHandItSaysWhatItIs(t *testing.T) {
	out, err := exec.Command(os.Args[0], "as-plugin").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("it ended with %v", err)
	}
	want := "notebook 2.1 is a plugin of claimsmith, which starts it itself: declare it under plugins: in claimsmith.yaml.\n"
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Error(diff)
	}
}

func TestALostHostIsNoticed(t *testing.T) {
	tick := make(chan time.Time, 3)
	for range 3 {
		tick <- time.Time{}
	}
	parents := []int{7, 7, 7, 1}
	lostHost(func() int {
		p := parents[0]
		parents = parents[1:]
		return p
	}, tick)
	if len(parents) != 0 || len(tick) != 1 {
		t.Errorf("left: parents %v, %d ticks", parents, len(tick))
	}
}

func TestAttributesOfGroups(t *testing.T) {
	var b bytes.Buffer
	l := slog.New(newHandler(&b)).With("a", 1).WithGroup("g").With("b", true).WithGroup("")
	l.Debug("m", "c", 1.5, slog.Group("h", "d", []int{1}), slog.Group("", "e", "x"), slog.Any("f", nil), "long", strings.Repeat("x", 5000))
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "@timestamp")
	want := map[string]any{"@level": "debug", "@message": "m", "a": 1.0, "g.b": true, "g.c": 1.5, "g.h.d": "[1]", "g.e": "x", "g.f": "<nil>",
		"g.long": strings.Repeat("x", 4096) + "…"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
