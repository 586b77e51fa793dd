package pluginhost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/internal/hostile"
)

const (
	configSchema = `{"type":"object","properties":{"url":{"type":"string"}},"required":["url"]}`
	paramsSchema = `{"type":"object","properties":{"email":{"type":"string"}},"required":["email"]}`
	factsSchema  = `{"type":"object","properties":{"name":{"type":"string"},"groups":{"type":"array","items":{"type":"string"}}}}`
)

// played is a plugin that behaves, or misbehaves, as its mode says.
type played struct {
	pluginv1.UnimplementedLookupServiceServer
	mode       string
	configured string
}

func playPlugin(mode string) {
	if p := builtin(mode); p != nil {
		sdk.Main(p)
		return
	}
	switch mode {
	case "garbage":
		fmt.Println("hello world")
		select {}
	case "endless":
		fmt.Print(strings.Repeat("x", 1<<20))
		select {}
	case "net-rpc":
		fmt.Println("1|1|unix|" + os.Getenv("PLUGIN_UNIX_SOCKET_DIR") + "/s|netrpc")
		select {}
	case "other-version":
		fmt.Println("1|7|unix|" + os.Getenv("PLUGIN_UNIX_SOCKET_DIR") + "/s|grpc")
		select {}
	case "tcp":
		fmt.Println("1|1|tcp|127.0.0.1:1234|grpc")
		select {}
	case "elsewhere":
		fmt.Println("1|1|unix|/tmp/s|grpc")
		select {}
	case "bad-certificate":
		fmt.Println("1|1|unix|" + os.Getenv("PLUGIN_UNIX_SOCKET_DIR") + "/s|grpc|" + strings.Repeat("x", 60))
		select {}
	case "exit":
		fmt.Fprintln(os.Stderr, "no licence found")
		os.Exit(3)
	case "hang-start":
		fmt.Fprintln(os.Stderr, "asking the licence server")
		select {}
	case "gossip":
		if known, err := os.ReadFile("known"); err == nil {
			fmt.Fprintln(os.Stderr, `{"@level":"error","@message":"`+string(known)+`"}`)
			fmt.Println(string(known))
			select {}
		}
	case "no-tls":
		os.Unsetenv("PLUGIN_CLIENT_CERT")
	}
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: goplugin.HandshakeConfig{ProtocolVersion: protocolVersion, MagicCookieKey: confine.CookieKey, MagicCookieValue: cookieValue},
		Plugins:         goplugin.PluginSet{serviceName: playedTransport{p: &played{mode: mode}}},
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(o, grpc.MaxSendMsgSize(64<<20))...)
		},
	})
	if mode == "slow-end" {
		select {}
	}
}

type playedTransport struct {
	transport
	p *played
}

func (t playedTransport) GRPCServer(_ *goplugin.GRPCBroker, g *grpc.Server) error {
	pluginv1.RegisterLookupServiceServer(g, t.p)
	return nil
}

func (p *played) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.DescribeResponse, error) {
	d := &pluginv1.DescribeResponse{
		Name: "played", Version: "1", ConfigSchema: []byte(configSchema), ParamsSchema: []byte(paramsSchema), FactsSchema: []byte(factsSchema),
	}
	switch p.mode {
	case "exit-after-handshake":
		os.Exit(4)
	case "hang-describe":
		select {}
	case "reserved":
		d.FactsSchema = []byte(`{"type":"object","properties":{"found":{"type":"boolean"}}}`)
	case "nameless":
		d.Name = ""
	case "enum":
		d.ConfigSchema = []byte(`{"type":"object","properties":{"a":{"type":"string","enum":["x"]}}}`)
	case "changing":
		if !firstTime("described") {
			d.FactsSchema = []byte(`{"type":"object","properties":{}}`)
		}
	}
	return d, nil
}

func (p *played) Configure(_ context.Context, req *pluginv1.ConfigureRequest) (*pluginv1.ConfigureResponse, error) {
	if p.mode == "picky" {
		return &pluginv1.ConfigureResponse{Problems: []*pluginv1.Problem{
			{Path: "url", Message: "is not\nreachable", Hint: "plug it in"}, {Message: "and more"},
		}}, nil
	}
	if p.mode == "dies-of-configuration" {
		fmt.Fprintln(os.Stderr, "hunter2: no such account")
		os.Exit(7)
	}
	if !req.GetCheckOnly() {
		p.configured = string(req.GetConfig())
	}
	return &pluginv1.ConfigureResponse{}, nil
}

func (p *played) Lookup(ctx context.Context, req *pluginv1.LookupRequest) (*pluginv1.LookupResponse, error) {
	var params struct{ Email string }
	if err := json.Unmarshal(req.GetParams(), &params); err != nil {
		return nil, status.Error(codes.InvalidArgument, "params")
	}
	if p.configured == "" {
		return nil, status.Error(codes.FailedPrecondition, "not configured")
	}
	if resp := p.lying(); resp != nil {
		return resp, nil
	}
	switch p.mode {
	case "hang-call":
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	case "frozen":
		select {}
	case "gossip":
		_ = os.WriteFile("known", []byte("MUM@ gmail"), 0o600) // its folder outlives it
		die()
	case "crash-once":
		if firstTime("asked") {
			die()
		}
	case "changing", "crash-loop":
		die()
	case "panic":
		go func() {
			var nobody *struct{ name string }
			fmt.Println(nobody.name)
		}()
		select {}
	case "panic-value":
		go func() { panic(errors.New("cannot find " + params.Email)) }()
		select {}
	case "refusing":
		return nil, status.Error(codes.Unavailable, "GET https://nas/?q="+strings.ReplaceAll(strings.ToUpper(params.Email), "@", "%40")+"\nfor "+params.Email)
	case "chatty":
		chatter(params.Email)
	case "parent":
		return p.answer("", children(nil)...), exec.Command("/bin/sleep", "600").Start()
	case "world":
		return p.world(), nil
	case "hostile":
		return p.answer(hostile.Attack(params.Email)), nil
	}
	return p.answer(strings.TrimSuffix(params.Email, "@gmail.com"), "users"), nil
}

func (p *played) answer(name string, groups ...string) *pluginv1.LookupResponse {
	facts, _ := json.Marshal(map[string]any{"name": name, "groups": append([]string{}, groups...)})
	return &pluginv1.LookupResponse{Found: true, Facts: facts}
}

// lying returns answers that break the contract.
func (p *played) lying() *pluginv1.LookupResponse {
	switch p.mode {
	case "lying":
		return &pluginv1.LookupResponse{Found: true, Facts: []byte(`{"name":["mum@gmail.com"]}`)}
	case "lying-name":
		return &pluginv1.LookupResponse{Found: true, Facts: []byte(`{"MUMgmailcom":1}`)}
	case "lying-found":
		return &pluginv1.LookupResponse{Found: true, Problem: "none"}
	case "lying-problem":
		return &pluginv1.LookupResponse{Problem: "nobody is called mum@gmail.com"}
	case "lying-age":
		return &pluginv1.LookupResponse{Found: true, AgeMs: -1}
	case "lying-size":
		return p.answer(strings.Repeat("x", 5<<20))
	}
	return nil
}

// world tells what a plugin sees: its environment, directory, descriptors and stdin.
func (p *played) world() *pluginv1.LookupResponse {
	var groups []string
	for _, v := range os.Environ() {
		name, value, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "HAND_") {
			name += "=" + value
		}
		groups = append(groups, name)
	}
	dir, _ := os.Getwd()
	info, _ := os.Stat(dir)
	stdin, _ := os.Readlink("/proc/self/fd/0")
	inherited, _ := os.Readlink("/proc/self/fd/50")
	return p.answer(fmt.Sprintf("%s %s %v home=%v stdin=%s fd50=%q", dir, info.Mode(), os.Getenv("TMPDIR") == dir, os.Getenv("HOME") == dir, stdin, inherited), groups...)
}

func chatter(email string) {
	fmt.Println("stdout:", email)
	fmt.Fprintln(os.Stderr, "stderr:", email)
	stderr := os.NewFile(2, "stderr") // the real one: go-plugin took the other
	fmt.Fprintln(stderr, "raw:", email)
	fmt.Fprintln(stderr, `{"@message":1,"@level":["x"],"email":"`+email+`"}`)
	fmt.Fprintln(stderr, `{"@message":"half a record, `+email)
	fmt.Fprintln(stderr, string(bytes.Repeat([]byte(email), 100_000)))
	fmt.Fprintln(stderr, `{"@level":"warn","@message":"the NAS is slow","@timestamp":"2026-08-20T10:00:00.000000Z","took_ms":9007199254740993,"plugin":"me"}`)
}

// firstTime reports whether it is called for the first time in this working directory, which outlives the process.
func firstTime(what string) bool {
	f, err := os.OpenFile(what, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return false
	}
	_ = f.Close()
	return true
}

// die is the end of a process that nothing can be done about.
func die() {
	self, _ := os.FindProcess(os.Getpid())
	_ = self.Kill()
	select {}
}
