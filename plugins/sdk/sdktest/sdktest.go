package sdktest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
)

// Client asks a plugin. It is safe for concurrent use, and of no use once its test has ended.
type Client struct {
	api pluginv1.LookupServiceClient
}

// Start serves p, configures it and returns a client of it. Problems with the configuration fail the test. The plugin ends,
// and what it opened is closed, when the test is over.
//
// config is anything that encoding/json writes as the configuration, or the JSON itself as []byte or json.RawMessage; nil is
// an empty one.
func Start(t testing.TB, p sdk.Plugin, config any) *Client {
	t.Helper()
	c := serve(t, p)
	problems, err := c.configure(t.Context(), config, false)
	if err != nil {
		t.Fatalf("configure: %v", err)
	}
	if len(problems) > 0 {
		t.Fatalf("the configuration has problems:\n%v", problems)
	}
	return c
}

// Check returns what p finds wrong with config, without putting it to use.
func Check(t testing.TB, p sdk.Plugin, config any) sdk.Problems {
	t.Helper()
	problems, err := serve(t, p).configure(t.Context(), config, true)
	if err != nil {
		t.Fatalf("configure: %v", err)
	}
	return problems
}

// Lookup asks the plugin. params is anything that encoding/json writes as the parameters, facts is where the facts are
// decoded to; nil throws them away. An error is the gRPC status that the host would get.
func (c *Client) Lookup(ctx context.Context, params, facts any) (found bool, problem string, err error) {
	found, problem, _, err = c.LookupAge(ctx, params, facts)
	return found, problem, err
}

// LookupAge is Lookup for those who want to see the age of the answer too.
func (c *Client) LookupAge(ctx context.Context, params, facts any) (found bool, problem string, age time.Duration, err error) {
	data, err := encode(params)
	if err != nil {
		return false, "", 0, fmt.Errorf("encode parameters: %w", err)
	}
	resp, err := c.api.Lookup(ctx, &pluginv1.LookupRequest{Params: data})
	if err != nil {
		return false, "", 0, err
	}
	if facts != nil && len(resp.GetFacts()) > 0 {
		if err := json.Unmarshal(resp.GetFacts(), facts); err != nil {
			return false, "", 0, fmt.Errorf("decode facts: %w", err)
		}
	}
	return resp.GetFound(), resp.GetProblem(), time.Duration(resp.GetAgeMs()) * time.Millisecond, nil
}

func (c *Client) configure(ctx context.Context, config any, checkOnly bool) (sdk.Problems, error) {
	data, err := encode(config)
	if err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	resp, err := c.api.Configure(ctx, &pluginv1.ConfigureRequest{Config: data, CheckOnly: checkOnly})
	if err != nil {
		return nil, err
	}
	var problems sdk.Problems
	for _, p := range resp.GetProblems() {
		problems = append(problems, sdk.Problem{Path: p.GetPath(), Message: p.GetMessage(), Hint: p.GetHint()})
	}
	return problems, nil
}

func encode(v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return []byte("{}"), nil
	case []byte:
		return v, nil
	}
	return json.Marshal(v)
}

// serve runs p behind a socket of its own until the test is over.
func serve(t testing.TB, p sdk.Plugin) *Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "sdk") // t.TempDir is too long a path for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	host := sdk.Host{
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
		Dir: t.TempDir(),
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sdk.Serve(ctx, l, host, p) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return dial(t, socket)
}

func dial(t testing.TB, socket string) *Client {
	t.Helper()
	const cap = 4 << 20
	conn, err := grpc.NewClient("unix:"+socket,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(cap), grpc.MaxCallSendMsgSize(cap)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &Client{api: pluginv1.NewLookupServiceClient(conn)}
}
