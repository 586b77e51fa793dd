package conform

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
)

const (
	configSchema = `{"type":"object","properties":{"url":{"type":"string"},"token":{"type":"string","writeOnly":true}},"required":["url"]}`
	paramsSchema = `{"type":"object","properties":{"name":{"type":"string"},"n":{"type":"integer"}},"required":["name"]}`
	factsSchema  = `{"type":"object","properties":{"name":{"type":"string"},"n":{"type":"integer"}}}`
)

// played is a plugin without any SDK that keeps the contract, or breaks it as its mode says.
type played struct {
	pluginv1.UnimplementedLookupServiceServer
	mode           string
	config, params *facts.Type
	configured     atomic.Int32
	asked          atomic.Int64
	workers        chan struct{}
	end            chan struct{}
	ended          sync.Once

	mu   sync.Mutex
	hold [][]byte
}

func playPlugin(mode string) {
	if os.Getenv("CLAIMSMITH_PLUGIN") != "claimsmith.plugin.v1" && mode != "serves-anybody" {
		playByHand(mode)
	}
	switch mode {
	case "garbage":
		fmt.Println("hello world")
		select {}
	case "silent":
		fmt.Fprintln(os.Stderr, "no licence found")
		os.Exit(3)
	case "unflushed":
		select {}
	case "tcp":
		fmt.Println("1|1|tcp|127.0.0.1:1234|grpc")
		select {}
	}
	if mode != "obedient" {
		signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	}
	p := &played{mode: mode, workers: make(chan struct{}, 8), end: make(chan struct{})}
	p.config, _ = facts.Parse([]byte(configSchema))
	p.params, _ = facts.Parse([]byte(paramsSchema))
	p.serve()
	os.Exit(map[string]int{"sad-end": 3}[mode])
}

func playByHand(mode string) {
	switch mode {
	case "patient":
		select {}
	case "speechless":
		os.Exit(1)
	case "content":
		os.Exit(0)
	}
	fmt.Fprintln(os.Stderr, "claimsmith starts this")
	os.Exit(2)
}

func (p *played) serve() {
	socket := filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "played")
	l, err := net.Listen("unix", socket)
	if err != nil {
		panic(err)
	}
	creds, certificate := p.credentials()
	size := map[string]int{"small": 1 << 20, "huge": 64 << 20}[p.mode]
	if size == 0 {
		size = 4 << 20
	}
	s := grpc.NewServer(grpc.Creds(creds), grpc.MaxRecvMsgSize(size))
	pluginv1.RegisterLookupServiceServer(s, p)
	h := health.NewServer()
	if p.mode != "sick" {
		h.SetServingStatus("plugin", grpc_health_v1.HealthCheckResponse_SERVING)
	}
	grpc_health_v1.RegisterHealthServer(s, h)
	s.RegisterService(&grpc.ServiceDesc{ServiceName: "plugin.GRPCController", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{
		{MethodName: "Shutdown", Handler: p.shutdown},
	}}, p)
	go func() { _ = s.Serve(l) }()
	fmt.Printf("1|1|unix|%s|grpc|%s\n", socket, certificate)
	<-p.end
	s.GracefulStop()
}

func (p *played) credentials() (credentials.TransportCredentials, string) {
	host := os.Getenv("PLUGIN_CLIENT_CERT")
	if host == "" || p.mode == "no-tls" {
		return insecure.NewCredentials(), ""
	}
	id, err := newIdentity()
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(host))
	config := &tls.Config{Certificates: []tls.Certificate{id.pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	switch p.mode {
	case "open":
		config.ClientAuth = tls.NoClientCert
	case "trusting":
		config.ClientAuth = tls.RequireAnyClientCert
	}
	return credentials.NewTLS(config), base64.RawStdEncoding.EncodeToString(id.pair.Certificate[0])
}

func (p *played) shutdown(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	if err := decode(&emptypb.Empty{}); err != nil {
		return nil, err
	}
	switch p.mode {
	case "immortal":
		return &emptypb.Empty{}, nil
	case "parent":
		if err := exec.Command("/bin/sleep", "30").Start(); err != nil {
			return nil, err
		}
	}
	p.ended.Do(func() { close(p.end) })
	return &emptypb.Empty{}, nil
}

func (p *played) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.DescribeResponse, error) {
	d := &pluginv1.DescribeResponse{
		Name: "played", Version: "1", ConfigSchema: []byte(configSchema), ParamsSchema: []byte(paramsSchema), FactsSchema: []byte(factsSchema),
	}
	switch p.mode {
	case "nameless":
		d.Name = ""
	case "enum":
		d.FactsSchema = []byte(`{"type":"object","properties":{"a":{"type":"string","enum":["x"]}}}`)
	case "reserved":
		d.FactsSchema = []byte(`{"type":"object","properties":{"found":{"type":"boolean"}}}`)
	case "changing":
		d.FactsSchema = []byte(factsSchema + strings.Repeat(" ", int(p.asked.Add(1))))
	}
	return d, nil
}

func (p *played) Configure(_ context.Context, req *pluginv1.ConfigureRequest) (*pluginv1.ConfigureResponse, error) {
	resp := &pluginv1.ConfigureResponse{}
	for _, found := range p.config.Problems(req.GetConfig()) {
		resp.Problems = append(resp.Problems, &pluginv1.Problem{Path: found.Path, Message: found.Message, Hint: found.Hint})
	}
	if n := len(resp.Problems); n > 0 {
		switch p.mode {
		case "lax":
			return &pluginv1.ConfigureResponse{}, nil
		case "pathless":
			return &pluginv1.ConfigureResponse{Problems: []*pluginv1.Problem{{Message: "it is wrong"}}}, nil
		case "mute":
			return &pluginv1.ConfigureResponse{Problems: []*pluginv1.Problem{{}}}, nil
		case "statuses":
			return nil, status.Error(codes.InvalidArgument, "it is wrong")
		}
		return resp, nil
	}
	if p.mode == "once" && p.configured.Load() > 0 {
		return &pluginv1.ConfigureResponse{Problems: []*pluginv1.Problem{{Message: "already configured"}}}, nil
	}
	if !req.GetCheckOnly() || p.mode == "hasty" {
		p.configured.Add(1)
	}
	return resp, nil
}

func (p *played) Lookup(ctx context.Context, req *pluginv1.LookupRequest) (*pluginv1.LookupResponse, error) {
	if p.configured.Load() == 0 && p.mode != "eager" {
		return nil, status.Error(codes.FailedPrecondition, "not configured")
	}
	var q struct {
		Name string      `json:"name"`
		N    json.Number `json:"n"`
	}
	if err := json.Unmarshal(req.GetParams(), &q); err != nil || len(p.params.Problems(req.GetParams())) > 0 {
		switch p.mode {
		case "crashing":
			os.Exit(5)
		case "telling":
			return nil, status.Error(codes.InvalidArgument, "cannot read "+string(req.GetParams()))
		case "guessing":
		default:
			return nil, status.Error(codes.InvalidArgument, "the question does not fit")
		}
	}
	if q.Name == "slow" {
		return nil, p.slow(ctx)
	}
	if deadline, _ := ctx.Deadline(); p.mode == "fragile" && time.Until(deadline) < 2*time.Millisecond {
		os.Exit(6)
	}
	p.misbehave(q.Name)
	if !strings.HasPrefix(q.Name, "ada") {
		return p.nobody(q.Name)
	}
	return p.somebody(q.Name, string(q.N))
}

func (p *played) slow(ctx context.Context) error {
	if p.mode != "stuck" {
		<-ctx.Done()
		return status.FromContextError(ctx.Err()).Err()
	}
	p.workers <- struct{}{}
	select {}
}

// misbehave does what no answer shows.
func (p *played) misbehave(name string) {
	switch p.mode {
	case "stuck":
		p.workers <- struct{}{}
		<-p.workers
	case "hoarding":
		p.mu.Lock()
		p.hold = append(p.hold, bytes.Repeat([]byte{'x'}, 128<<10)) // and no garbage, which comes and goes
		p.mu.Unlock()
	case "printing":
		fmt.Println("asked")
	case "gossiping":
		fmt.Fprintf(os.Stderr, `{"@level":"info","@message":"asked","for":%q}`+"\n", name)
	case "mumbling":
		fmt.Fprintln(os.Stderr, "asked")
	case "recording":
		fmt.Fprintln(os.Stderr, `{"@level":"info","@message":"asked"}`)
	}
}

func (p *played) nobody(name string) (*pluginv1.LookupResponse, error) {
	switch p.mode {
	case "refusing":
		return nil, status.Error(codes.NotFound, "nobody")
	case "wordy":
		return &pluginv1.LookupResponse{Problem: "nobody has that name"}, nil
	case "wordless":
		return &pluginv1.LookupResponse{}, nil
	case "generous":
		return &pluginv1.LookupResponse{Found: true}, nil
	case "echoing":
		return nil, status.Error(codes.Unavailable, "GET /?name="+name)
	}
	return &pluginv1.LookupResponse{Problem: "none"}, nil
}

func (p *played) somebody(name, n string) (*pluginv1.LookupResponse, error) {
	if n == "" {
		n = "9007199254740993"
	}
	switch p.mode {
	case "rounding":
		f, _ := strconv.ParseFloat(n, 64)
		n = strconv.FormatInt(int64(f), 10)
	case "floating":
		n += ".0"
	case "counting":
		n = strconv.FormatInt(p.asked.Add(1), 10)
	case "aging":
		return &pluginv1.LookupResponse{Found: true, AgeMs: -1}, nil
	case "undecided":
		return &pluginv1.LookupResponse{Found: true, Problem: "disabled"}, nil
	}
	return &pluginv1.LookupResponse{Found: true, Facts: []byte(`{"name":"ada","n":` + n + `}`)}, nil
}
