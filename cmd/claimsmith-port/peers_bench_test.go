package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

func TestMain(m *testing.M) {
	if address := os.Getenv("CLAIMSMITH_PEER"); address != "" {
		fmt.Fprintln(os.Stderr, serveHook(address)) // until it is killed
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// The same rules for each: three refusals and seven claims.
const (
	ourRules = `listen: unix://%s/run/hook.sock
connectors: {google: {emailDomains: [gmail.com]}}
pipeline:
  - {deny: 'client.id == "nobody"', message: No.}
  - {deny: 'grant == "password"', message: No.}
  - {deny: '"root" in claims.groups', message: No.}
  - set: {username: client.id}
  - set: {plan: '"gold"'}
  - {when: '"users" in claims.groups', set: {tier: '"user"'}}
  - {when: client.id == "synology", set: {team: '"bench"'}}
  - set: {groups: 'filter(identity.groups, it startsWith "a-")'}
  - {when: not identity.isUser, set: {robot: true}}
  - {when: identity.isUser, set: {robot: false}}
`
	opaRules = `package claims

default deny := false

deny if input.client == "nobody"

deny if input.grant == "password"

deny if "root" in input.payload.groups

claims := object.union_n([
	{"username": input.client, "plan": "gold", "robot": input.user == "", "groups": [g | some g in input.payload.groups; startswith(g, "a-")]},
	{k: v | some k, v in {"tier": "user"}; "users" in input.payload.groups},
	{k: v | some k, v in {"team": "bench"}; input.client == "synology"},
])

decision := {"deny": deny, "claims": claims}
`
	celRules = `client == "nobody" || grant == "password" || "root" in payload.groups ? {} : {"username": client, "plan": "gold", ` +
		`"tier": "users" in payload.groups ? "user" : "", "team": client == "synology" ? "bench" : "", ` +
		`"groups": payload.groups.filter(g, g.startsWith("a-")), "robot": user == ""}`
)

// BenchmarkPeers compares a decision of a sidecar as it is shipped, asked over a unix socket with its log in a file, with the same rules
//
//   - in cel-go, in the process of the caller, the payload decoded and the claims encoded;
//   - in a token hook as Ory Hydra asks one: JSON over HTTP, a handler in Go that decides the same and logs nothing. It is the least that
//     such a service does;
//   - in OPA, as opa run --server starts it, its log in a file. CLAIMSMITH_OPA is its program; without it, it is left out.
//
// Calls of each and of the sidecar go in blocks that take turns. x-sidecar is the median of the blocks' ratios of time: above 1 the
// sidecar is ahead.
func BenchmarkPeers(b *testing.B) {
	dir, err := os.MkdirTemp("/tmp", "cs-") // short: the path of a socket has a limit
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	in := peerInput{Client: "synology", Grant: "authorization_code", User: "108a", Payload: map[string]any{
		"iss": "https://dex.example.org", "sub": "CgQxMDhhEgZnb29nbGU", "aud": "synology", "exp": 1893456000, "iat": 1893452400,
		"email": "mum@gmail.com", "email_verified": true, "name": "Mum", "groups": manyGroups(),
	}}
	sidecar := startSidecar(b, dir, in)
	peers := map[string]func(context.Context) error{"cel-go": inProcess(b, in), "hydra-hook": startHook(b, in)}
	if program := os.Getenv("CLAIMSMITH_OPA"); program != "" {
		peers["opa"] = startOPA(b, program, dir, in)
	}
	for _, name := range []string{"cel-go", "hydra-hook", "opa"} {
		for _, callers := range []int{1, 64} {
			if peer := peers[name]; peer != nil {
				b.Run(fmt.Sprintf("%s/callers=%d", name, callers), func(b *testing.B) { againstSidecar(b, callers, peer, sidecar) })
			}
		}
	}
}

// peerInput is what each decides about.
type peerInput struct {
	Client  string         `json:"client"`
	Grant   string         `json:"grant"`
	User    string         `json:"user"`
	Payload map[string]any `json:"payload"`
}

func manyGroups() (groups []string) {
	for i := range 60 {
		groups = append(groups, fmt.Sprintf("a-group-of-the-directory-%03d", i))
	}
	return groups
}

func againstSidecar(b *testing.B, callers int, peer, sidecar func(context.Context) error) {
	const block = 256
	took := func(call func(context.Context) error) time.Duration {
		began := time.Now()
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				for range block / callers {
					ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
					if err := call(ctx); err != nil {
						b.Error(err)
					}
					cancel()
				}
			})
		}
		all.Wait()
		return time.Since(began)
	}
	var ratios []float64
	var theirs, ours time.Duration
	for b.Loop() {
		first, second := peer, sidecar
		if len(ratios)%2 == 1 {
			first, second = sidecar, peer
		}
		x, y := took(first), took(second)
		if len(ratios)%2 == 1 {
			x, y = y, x
		}
		theirs, ours = theirs+x, ours+y
		ratios = append(ratios, float64(x)/float64(y))
	}
	slices.Sort(ratios)
	calls := float64(len(ratios) * block)
	b.ReportMetric(ratios[len(ratios)/2], "x-sidecar")
	b.ReportMetric(float64(theirs.Microseconds())/calls, "µs/call")
	b.ReportMetric(float64(ours.Microseconds())/calls, "sidecar-µs/call")
	b.ReportMetric(0, "ns/op") // an operation is two blocks: it says nothing
}

// startSidecar builds claimsmith and starts its sidecar.
func startSidecar(b *testing.B, dir string, in peerInput) func(context.Context) error {
	program := filepath.Join(dir, "claimsmith")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/claimsmith/claimsmith/cmd/claimsmith").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	file := filepath.Join(dir, "claimsmith.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, ourRules, dir), 0o600); err != nil {
		b.Fatal(err)
	}
	startProgram(b, filepath.Join(dir, "sidecar.log"), program, "serve", "-c", file)
	conn, err := grpc.NewClient("unix://"+dir+"/run/hook.sock", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	client := hookv1.NewClaimsHookServiceClient(conn)
	payload, err := json.Marshal(in.Payload)
	if err != nil {
		b.Fatal(err)
	}
	groups := manyGroups()
	call := func(ctx context.Context) error {
		reply, err := client.ExtendPayload(ctx, &hookv1.ExtendPayloadRequest{
			Payload:     payload,
			Identity:    &hookv1.Identity{UserId: in.User, Username: "Mum", Email: "mum@gmail.com", EmailVerified: true, Groups: groups},
			ConnectorId: "google", ClientId: in.Client, Audience: []string{in.Client}, Scopes: []string{"openid", "groups"},
			Stage: hookv1.Stage_STAGE_TOKEN, TokenKinds: []hookv1.TokenKind{hookv1.TokenKind_TOKEN_KIND_ACCESS, hookv1.TokenKind_TOKEN_KIND_ID},
			GrantType: in.Grant, Features: []string{"login", "grant-type"},
		}, grpc.WaitForReady(true))
		if err == nil && string(reply.GetPatches().GetIdToken().GetSet()["team"]) != `"bench"` {
			err = fmt.Errorf("the sidecar answers %v", reply)
		}
		return err
	}
	ready(b, call)
	return call
}

// inProcess decides with cel-go.
func inProcess(b *testing.B, in peerInput) func(context.Context) error {
	env, err := cel.NewEnv(cel.Variable("client", cel.StringType), cel.Variable("grant", cel.StringType), cel.Variable("user", cel.StringType),
		cel.Variable("payload", cel.MapType(cel.StringType, cel.DynType)))
	if err != nil {
		b.Fatal(err)
	}
	tree, issues := env.Compile(celRules)
	if issues.Err() != nil {
		b.Fatal(issues.Err())
	}
	program, err := env.Program(tree)
	if err != nil {
		b.Fatal(err)
	}
	raw, err := json.Marshal(in.Payload)
	if err != nil {
		b.Fatal(err)
	}
	return func(ctx context.Context) error {
		var payload map[string]any
		if err := json.Unmarshal(raw, &payload); err != nil {
			return err
		}
		out, _, err := program.ContextEval(ctx, map[string]any{"client": in.Client, "grant": in.Grant, "user": in.User, "payload": payload})
		if err != nil {
			return err
		}
		native, err := out.ConvertToNative(reflect.TypeFor[*structpb.Value]())
		if err != nil {
			return err
		}
		text, err := json.Marshal(native.(*structpb.Value).AsInterface())
		if err == nil && !bytes.Contains(text, []byte(`"bench"`)) {
			err = fmt.Errorf("cel-go gives %s", text)
		}
		return err
	}
}

// startHook serves a token hook of Hydra's form from another process: this test program.
func startHook(b *testing.B, in peerInput) func(context.Context) error {
	address := freeAddress(b)
	b.Setenv("CLAIMSMITH_PEER", address)
	startProgram(b, os.DevNull, os.Args[0])
	os.Unsetenv("CLAIMSMITH_PEER")
	return posting(b, "http://"+address+"/", map[string]any{"session": in, "request": map[string]any{"client_id": in.Client, "grant_types": []string{in.Grant}}})
}

// serveHook is the main of that process.
func serveHook(address string) error {
	return http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Session struct {
				peerInput
				Payload struct{ Groups []string }
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		in := body.Session
		if in.Client == "nobody" || in.Grant == "password" || slices.Contains(in.Payload.Groups, "root") {
			http.Error(w, "No.", http.StatusForbidden)
			return
		}
		claims := map[string]any{"username": in.Client, "plan": "gold", "robot": in.User == ""}
		if slices.Contains(in.Payload.Groups, "users") {
			claims["tier"] = "user"
		}
		if in.Client == "synology" {
			claims["team"] = "bench"
		}
		claims["groups"] = slices.DeleteFunc(in.Payload.Groups, func(g string) bool { return g[:2] != "a-" })
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"session": map[string]any{"access_token": claims, "id_token": claims}}) // the caller may be gone
	}))
}

func startOPA(b *testing.B, program, dir string, in peerInput) func(context.Context) error {
	file, address := filepath.Join(dir, "claims.rego"), freeAddress(b)
	if err := os.WriteFile(file, []byte(opaRules), 0o600); err != nil {
		b.Fatal(err)
	}
	startProgram(b, filepath.Join(dir, "opa.log"), program, "run", "--server", "--addr", address, file)
	return posting(b, "http://"+address+"/v1/data/claims/decision", map[string]any{"input": in})
}

// posting asks over HTTP.
func posting(b *testing.B, url string, question any) func(context.Context) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	b.Cleanup(client.CloseIdleConnections)
	call := func(ctx context.Context) error {
		body, err := json.Marshal(question)
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err == nil && !bytes.Contains(answer, []byte(`"bench"`)) {
			err = fmt.Errorf("%s answers %s: %s", url, resp.Status, answer)
		}
		return err
	}
	ready(b, call)
	return call
}

// startProgram runs a program until the benchmark ends.
func startProgram(b *testing.B, log, program string, args ...string) {
	out, err := os.Create(log)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended
		_ = cmd.Wait()
		out.Close()
	})
}

// ready waits until a service answers.
func ready(b *testing.B, call func(context.Context) error) {
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := call(ctx)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.Fatal(err)
		}
	}
}

func freeAddress(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
