package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// benchConfig has ten rules and a lookup that is answered from the cache.
const benchConfig = `listen: unix://%s/run/hook.sock
connectors: {google: {emailDomains: [gmail.com]}}
plugins:
  nas:
    builtin: synology
    config: {url: %q, account: claimsmith, passwordFile: %s/password, caFile: %s/ca.pem}
pipeline:
  - lookup: nas
    with: {email: identity.email}
    cache: {ttl: 1h}
  - {deny: 'identity.email == ""', message: No address.}
  - {deny: 'nas.problem == "disabled"', message: Off.}
  - {deny: 'nas.problem == "ambiguous"', message: Two.}
  - {deny: not nas.found, message: Nobody.}
  - {deny: nas.admin, message: Administrators use the password.}
  - set: {username: nas.name}
  - set: {preferred_username: nas.name}
  - set: {groups: nas.groups}
  - {when: '"family" in nas.groups', set: {plan: "\"gold\""}}
  - {when: '"staff" in claims.groups', set: {tier: "\"staff\""}}
`

// BenchmarkExtendPayload measures the sidecar beside its floor: a bare gRPC unary call over a unix socket to another process,
// with a request and a reply of the same lengths, the same deadline and the same metadata. Calls of both are interleaved in blocks, in
// both orders, and x-floor is the median of the blocks' ratios: of the times, and for 64 callers also of what is got done. What is
// measured is what people get: decision lines at info, to a file and to a pipe; and what each thing costs that they may turn on.
func BenchmarkExtendPayload(b *testing.B) {
	dir := b.TempDir()
	nas, err := dsmtest.Start(dsmtest.Options{
		Accounts: []dsmtest.Account{{Name: "mum", Email: "mum@gmail.com", Groups: []string{"family"}}},
		Service:  dsmtest.Account{Name: "claimsmith", Password: "secret"},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { nas.Close() })
	write(b, filepath.Join(dir, "password"), []byte("secret"))
	write(b, filepath.Join(dir, "ca.pem"), nas.CA())
	write(b, filepath.Join(dir, "key"), []byte(strings.Repeat("5c", 32)))
	floorSocket := filepath.Join(dir, "floor.sock")
	start(b, "floor", floorSocket)
	floor := dial(b, floorSocket)
	for _, v := range variants() {
		b.Run(v.name, func(b *testing.B) {
			dir, pid := v.start(b, dir, func(dir string) []byte { return fmt.Appendf(nil, benchConfig, dir, nas.URL(), dir, dir) }, "password", "ca.pem", "key")
			real := dial(b, filepath.Join(dir, "run", "hook.sock"))
			request := benchRequest(b)
			reply, err := real.ExtendPayload(b.Context(), request)
			if err != nil || reply.GetPatches() == nil {
				b.Fatalf("the sidecar does not patch: %v, %v", reply, err)
			}
			for _, callers := range []int{1, 64} {
				b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
					defer func() {
						b.ReportMetric(float64(resident(pid, "RssAnon")), "own-MiB")
						b.ReportMetric(float64(resident(pid, "RssFile")), "shared-MiB")
						for plugin := range below(pid) { // there is one
							b.ReportMetric(float64(resident(plugin, "RssAnon")), "plugin's-own-MiB")
						}
					}()
					if v.metrics == "" {
						interleave(b, callers, request, real, floor)
						return
					}
					const allocations = "go_memstats_mallocs_total" // those of gRPC among them
					before := metric(b, v.metrics, allocations)
					calls := interleave(b, callers, request, real, floor)
					b.ReportMetric((metric(b, v.metrics, allocations)-before)/float64(calls), "allocs/call")
				})
			}
		})
	}
}

// variant is a configuration that is measured: what people get, and what each thing costs that they may turn on.
type variant struct {
	name, more string
	pipe       bool   // the log goes to a pipe; else to a file
	metrics    string // where they are served; empty: they are not
}

func variants() []variant {
	const state, metrics = "state: {file: state/state.db, keyFile: key}\n", "127.0.0.1:39464"
	return []variant{
		{name: "default,log=file"},
		{name: "default,log=pipe", pipe: true},
		{name: "log=error", more: "log: {level: error}\n"},
		{name: "state", more: state},
		{name: "record", more: state + "record: {}\n"},
		{name: "metrics", more: "metrics: {address: " + metrics + "}\n", metrics: metrics},
		{name: "tracing=1%", more: "tracing: {otlpEndpoint: http://127.0.0.1:9, ratio: 0.01}\n"},
	}
}

// start runs a sidecar with what config gives for a folder below dir, and with files of dir. It returns the folder and the process.
func (v variant) start(b *testing.B, dir string, config func(dir string) []byte, files ...string) (folder string, pid int) {
	b.Helper()
	own, err := os.MkdirTemp(dir, "")
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range files {
		if err := os.Link(filepath.Join(dir, name), filepath.Join(own, name)); err != nil {
			b.Fatal(err)
		}
	}
	write(b, filepath.Join(own, "c.yaml"), append(config(own), v.more...))
	var log *os.File
	if !v.pipe {
		if log, err = os.Create(filepath.Join(own, "log")); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { log.Close() })
	}
	return own, startLogged(b, log, "serve", "-c", filepath.Join(own, "c.yaml")).Process.Pid
}

// metric reads a number that a sidecar gives for Prometheus.
func metric(t testing.TB, address, name string) (n float64) {
	t.Helper()
	resp, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "\n"+name+" ")
	if _, err := fmt.Sscan(after, &n); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// interleave calls both services in turn and reports the median ratio of the times that equal blocks took. It returns how often it called
// the first.
func interleave(b *testing.B, callers int, request *hookv1.ExtendPayloadRequest, real, floor hookv1.ClaimsHookServiceClient) int {
	const block = 256
	var ratios []float64
	var took, atBest time.Duration
	blocks := 0
	for b.Loop() {
		first, second := real, floor
		if blocks%2 == 1 {
			first, second = floor, real
		}
		x, y := calls(b, first, request, callers, block), calls(b, second, request, callers, block)
		if blocks%2 == 1 {
			x, y = y, x
		}
		took, atBest = took+x, atBest+y
		ratios = append(ratios, float64(x)/float64(y))
		blocks++
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-floor")
	b.ReportMetric(1/ratios[len(ratios)/2], "of-floor") // of its throughput
	b.ReportMetric(float64(took.Microseconds())/float64(blocks*block), "µs/call")
	b.ReportMetric(float64(atBest.Microseconds())/float64(blocks*block), "floor-µs/call")
	b.ReportMetric(0, "ns/op") // an operation is two blocks: it says nothing
	return blocks * block
}

func calls(b *testing.B, c hookv1.ClaimsHookServiceClient, request *hookv1.ExtendPayloadRequest, callers, n int) time.Duration {
	start := time.Now()
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range n / callers {
				if err := hooked(b.Context(), c, request); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return time.Since(start)
}

// hooked makes a call as the hook in Dex makes it.
func hooked(ctx context.Context, c hookv1.ClaimsHookServiceClient, request *hookv1.ExtendPayloadRequest) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	_, err := c.ExtendPayload(ctx, request)
	return err
}

// benchRequest has a payload of about 2 KB, most of it groups.
func benchRequest(b *testing.B) *hookv1.ExtendPayloadRequest {
	groups := make([]string, 60)
	for i := range groups {
		groups[i] = fmt.Sprintf("a-group-of-the-directory-%03d", i)
	}
	payload, err := json.Marshal(map[string]any{
		"iss": "https://dex.example.org", "sub": "CgQxMDhhEgZnb29nbGU", "aud": "synology", "exp": 1893456000, "iat": 1893452400,
		"email": "mum@gmail.com", "email_verified": true, "groups": groups, "name": "Mum",
	})
	if err != nil {
		b.Fatal(err)
	}
	return &hookv1.ExtendPayloadRequest{
		Payload:     payload,
		Identity:    &hookv1.Identity{UserId: "108a", Username: "Mum", Email: "mum@gmail.com", EmailVerified: true, Groups: groups},
		ConnectorId: "google", ClientId: "synology", Audience: []string{"synology"}, Scopes: []string{"openid", "profile", "email", "groups"},
		Stage: hookv1.Stage_STAGE_TOKEN, TokenKinds: []hookv1.TokenKind{hookv1.TokenKind_TOKEN_KIND_ACCESS, hookv1.TokenKind_TOKEN_KIND_ID},
		GrantType: "authorization_code", RequestId: "", Features: []string{"login", "grant-type"},
	}
}

// floorServer answers every call with the same reply.
type floorServer struct {
	hookv1.UnimplementedClaimsHookServiceServer
	reply *hookv1.ExtendPayloadResponse
}

func (f floorServer) ExtendPayload(context.Context, *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
	return f.reply, nil
}

// serveFloor is the main of the process that only answers.
func serveFloor(socket string) error {
	tuneMemory()
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	s := grpc.NewServer(grpc.MaxRecvMsgSize(1<<20), grpc.MaxSendMsgSize(1<<20))
	hookv1.RegisterClaimsHookServiceServer(s, floorServer{reply: floorReply()})
	healthv1.RegisterHealthServer(s, allServing{})
	return s.Serve(l)
}

// floorReply is as long as the sidecar's for benchRequest.
func floorReply() *hookv1.ExtendPayloadResponse {
	patch := &hookv1.Patch{Set: map[string][]byte{
		"username": []byte(`"mum"`), "preferred_username": []byte(`"mum"`), "groups": []byte(`["family","users"]`), "plan": []byte(`"gold"`),
	}}
	return &hookv1.ExtendPayloadResponse{DecisionId: "7K2M-Q9XD", Outcome: &hookv1.ExtendPayloadResponse_Patches{
		Patches: &hookv1.Patches{AccessToken: patch, IdToken: patch},
	}}
}

type allServing struct {
	healthv1.UnimplementedHealthServer
}

func (allServing) Check(context.Context, *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
	return &healthv1.HealthCheckResponse{Status: healthv1.HealthCheckResponse_SERVING}, nil
}

// start runs this test binary with other arguments until the test ends.
func start(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	return startLogged(t, nil, args...)
}

// startLogged is start with another place for what is said there: nil is a pipe to this process.
func startLogged(t testing.TB, log *os.File, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd := exec.Command(self, args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if log != nil {
		cmd.Stdout, cmd.Stderr = log, log
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended
		_ = cmd.Wait()                       // its own error is in what it said
		if t.Failed() {
			t.Logf("%s said:\n%s", args[0], said.String())
		}
	})
	return cmd
}

// dial returns a client once the service at the socket is healthy.
func dial(t testing.TB, socket string) hookv1.ClaimsHookServiceClient {
	t.Helper()
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		_, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{}, grpc.WaitForReady(true))
		if err == nil {
			return hookv1.NewClaimsHookServiceClient(conn)
		}
		if ctx.Err() != nil {
			t.Fatalf("nobody serves at %s: %v", socket, err)
		}
	}
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// resident is the memory of a process in MiB: RssAnon is its own, RssFile is of files and shared with others that have them open. It is 0
// where the system does not say.
func resident(pid int, what string) (kib int) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // it may be gone
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, what+":"); found {
			_, _ = fmt.Sscan(rest, &kib) // it is a number
		}
	}
	return kib >> 10
}

// below are the children of a process.
func below(pid int) map[int]bool {
	all := map[int]bool{}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				all[child] = true
			}
		}
	}
	return all
}
