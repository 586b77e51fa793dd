package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/fixture"
	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

var perConfiguration = flag.Int("requests", 64, "requests of a configuration at most, of the property test")

// TestProperty makes configurations and requests. What check passes without a warning never fails for a reason that stands in the file, and
// the wire, explain and test say the same of each request. CONTRIBUTING.md says how to run it for long.
func TestProperty(t *testing.T) {
	h := &harness{t: t, file: filepath.Join(t.TempDir(), "c.yaml")}
	if flag.Lookup("rapid.seed").Value.String() == "0" {
		if err := flag.Set("rapid.seed", "1"); err != nil { // a change is not to blame for what another would have found
			t.Fatal(err)
		}
		defer func() { _ = flag.Set("rapid.seed", "0") }()
	}
	start := time.Now()
	rapid.Check(t, h.property)
	t.Logf("%d executions of %d configurations (%d refused) in %s, seed %s; %v", h.executions, h.configurations, h.refused, time.Since(start).Round(time.Second), flag.Lookup("rapid.seed").Value, h.outcomes)
}

// longName is a name that YAML has no key for.
var longName = regexp.MustCompile(`"([^"\\]|\\.){600,}":`)

// harness counts what is done.
type harness struct {
	t    *testing.T
	file string

	executions, configurations, refused int
	outcomes                            map[string]int
}

func (h *harness) write(t *rapid.T, text string) {
	if err := os.WriteFile(h.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (h *harness) property(t *rapid.T) {
	made := configurations(time.Now().UTC()).Draw(t, "configuration")
	h.configurations++
	set := h.accepted(t, made)
	if set == nil {
		h.refused++
		return
	}
	asked := make(map[string]*pipeline.Answer)
	answering(set.Pipeline.Steps, asked)
	written, names := strings.Builder{}, []string{}
	n := 1 + (&maker{t: t}).index(*perConfiguration)
	for i := range n {
		req := requests(set.Facts).Draw(t, "request")
		h.executions++
		d := h.decide(t, made, set, req, asked)
		for _, other := range []bool{false, true} {
			if other && i%4 != 0 {
				continue
			}
			c := fixture.Case{Given: d.given, Want: d.want(other)}
			if outcome := fixture.Run(t.Context(), set.Pipeline, []fixture.Case{c})[0]; outcome.Passed() == other {
				t.Fatalf("a test that wants %v passes: %t %v\n%s\n%s", c.Want, outcome.Passed(), outcome.Diffs, made.yaml(""), jsonOf(req))
			}
			if i < 4 && !longName.MatchString(d.wanted(other)) {
				names = append(names, fmt.Sprintf("%d %t", i, other))
				written.WriteString(testCase(names[len(names)-1], req, d.given.Now, d.wanted(other)))
			}
		}
	}
	if len(names) > 0 {
		h.tested(t, made, written.String(), names)
	}
}

// tested runs cases as they are written into the file.
func (h *harness) tested(t *rapid.T, made *configuration, cases string, names []string) {
	h.write(t, made.yaml("tests:\n"+cases))
	report, err := replay.Test(t.Context(), h.file, made.options())
	var problems *compile.Problems
	if errors.As(err, &problems) {
		var b strings.Builder
		_ = problems.Render(&b)
		t.Fatalf("test: %s\n%s", b.String(), made.yaml("tests:\n"+cases))
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range report.Cases {
		if c.Passed == strings.HasSuffix(names[i], "true") {
			t.Fatalf("test says of %q: passed %t %v\n%s", c.Name, c.Passed, c.Diffs, made.yaml("tests:\n"+cases))
		}
	}
}

// accepted is what is left of a configuration without what check finds something in; nil: nothing is.
func (h *harness) accepted(t *rapid.T, c *configuration) *compile.Set {
	for len(c.steps) > 0 {
		h.write(t, c.yaml(""))
		problems := replay.CheckOffline(t.Context(), h.file, c.options())
		problems.Advise()
		if len(problems.List) == 0 {
			break
		}
		p := problems.List[len(problems.List)-1]
		if p.Message == "the expression cannot be compiled" || !strings.HasPrefix(p.Path, "pipeline[") {
			t.Fatalf("check has no reason: %s\n%s", p, c.yaml(""))
		}
		c.steps = without(c.steps, p.Path)
	}
	if len(c.steps) == 0 {
		return nil
	}
	cfg, src, problems := config.Load(h.file, config.Options{Builtins: []string{"nas"}})
	set, all := compile.Build(t.Context(), cfg, src, problems, compile.Offline{Options: c.options()})
	if set == nil {
		t.Fatalf("check passes what cannot be built: %v", all)
	}
	return set
}

// answering lets the lookups of steps answer what stands in a map.
func answering(steps []pipeline.Step, answers map[string]*pipeline.Answer) {
	for i := range steps {
		if l := steps[i].Lookup; l != nil {
			l.Asker = answer(func() *pipeline.Answer { return answers[l.Alias] })
		}
		answering(steps[i].Steps, answers)
	}
}

type answer func() *pipeline.Answer

func (f answer) Ask(context.Context, pipeline.Question) (*pipeline.Answer, error) {
	a := f()
	if a.Failed {
		return nil, errors.New("the lookup fails")
	}
	return a, nil
}

// decision is what became of a request on the wire.
type decision struct {
	given   fixture.Given
	outcome journal.Outcome
	message string                            // of a refusal
	tokens  map[pipeline.Kind]*claims.Object  // of a token
	raw     map[pipeline.Kind]json.RawMessage // the same
}

// decide has a request decided on the wire and explained.
func (h *harness) decide(t *rapid.T, made *configuration, set *compile.Set, req *replay.Request, asked map[string]*pipeline.Answer) *decision {
	fail := func(format string, args ...any) {
		t.Helper()
		t.Fatalf("%s\n%s\n%s", fmt.Sprintf(format, args...), made.yaml(""), jsonOf(req))
	}
	given, err := replay.Given(set, *req)
	if err != nil {
		fail("given: %v", err)
	}
	for alias, a := range given.Facts {
		asked[alias] = a
	}
	in, _, err := given.Request(given.Stage)
	if err != nil {
		fail("request: %v", err)
	}
	var c *call
	s := &service{log: slog.New(slog.DiscardHandler), noted: func(noted *call) { c = noted }, acquire: func() *Generation {
		g := &Generation{Set: set}
		g.calls.RLock()
		return g
	}}
	reply, err := s.ExtendPayload(t.Context(), overTheWire(t, in))
	given.Now = c.Input.Now.Truncate(time.Minute)
	d := &decision{given: given, outcome: c.Outcome}
	failed := ""
	if err != nil {
		failed = c.Err.Error()
		if why := blamed(c.Err); why == "" {
			fail("it fails, and the request is not to blame: %v", c.Err)
		} else {
			h.count(why)
		}
	} else {
		h.count(string(d.outcome))
	}
	d.message = reply.GetDenial().GetMessage()
	if p := reply.GetPatches(); p != nil {
		d.raw, d.tokens = map[pipeline.Kind]json.RawMessage{}, map[pipeline.Kind]*claims.Object{}
		for kind, patch := range map[pipeline.Kind]*hookv1.Patch{pipeline.KindID: p.GetIdToken(), pipeline.KindAccess: p.GetAccessToken()} {
			if d.raw[kind], d.tokens[kind], err = applied(in.Payload, patch); err != nil {
				fail("the %s token: %v", kind, err)
			}
		}
	}
	again := *req
	again.Now = given.Now
	e, err := replay.ExplainRequest(t.Context(), set, again)
	if err != nil {
		fail("explain: %v", err)
	}
	if e.Outcome != string(d.outcome) || e.Message != d.message || !alike(e.Err, failed) || e.Rule != c.Rule {
		fail("explain says %s %q %q %q, the wire %s %q %q %q", e.Outcome, e.Message, e.Err, e.Rule, d.outcome, d.message, failed, c.Rule)
	}
	for _, token := range e.Tokens {
		for kind, raw := range d.raw {
			if strings.Contains(token.Kind, string(kind)) && !bytes.Equal(token.Claims, raw) {
				fail("the %s token: explain says\n%s, the wire\n%s", kind, token.Claims, raw)
			}
		}
	}
	return d
}

// alike compares failures; why a lookup failed is told by whoever made it.
func alike(a, b string) bool {
	return a == b || strings.HasSuffix(b, "the lookup fails") && strings.HasPrefix(a, strings.TrimSuffix(b, "the lookup fails"))
}

func (h *harness) count(what string) {
	if h.outcomes == nil {
		h.outcomes = map[string]int{}
	}
	h.outcomes[what]++
}

// blamed says in which documented way a request is to blame for a failure; empty: it is not.
func blamed(err error) string {
	var failed *pipeline.Error
	switch {
	case !errors.As(err, &failed):
		return ""
	case failed.Class == pipeline.Unavailable, failed.Class == pipeline.Withheld, failed.Class == pipeline.Oversized, failed.Class == pipeline.Unfit:
		return fmt.Sprintf("class %d", failed.Class)
	}
	return ""
}

// overTheWire is a request as the hook sends it.
func overTheWire(t *rapid.T, in *pipeline.Input) *hookv1.ExtendPayloadRequest {
	id := in.Identity
	sent := &hookv1.ExtendPayloadRequest{
		Payload: in.Payload.Raw(), ConnectorId: in.Connector, ClientId: in.Client, Audience: in.Audience, Scopes: in.Scopes, GrantType: in.Grant, RequestId: "r",
		Identity: &hookv1.Identity{UserId: id.UserID, Username: id.Username, PreferredUsername: id.PreferredUsername, Email: id.Email, EmailVerified: id.EmailVerified, Groups: id.Groups},
		Stage:    hookv1.Stage_STAGE_TOKEN, TokenKinds: []hookv1.TokenKind{hookv1.TokenKind_TOKEN_KIND_ACCESS, hookv1.TokenKind_TOKEN_KIND_ID}, Features: []string{"grant-type"},
	}
	if in.Stage == pipeline.StageLogin {
		sent.Stage = hookv1.Stage_STAGE_LOGIN
	}
	raw, err := proto.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	got := &hookv1.ExtendPayloadRequest{}
	if err := proto.Unmarshal(raw, got); err != nil {
		t.Fatal(err)
	}
	return got
}

// applied is the payload of a token, as the hook makes it of a patch.
func applied(o *claims.Object, wired *hookv1.Patch) (json.RawMessage, *claims.Object, error) {
	patch := claims.Patch{Remove: wired.GetRemove(), Set: map[string]json.RawMessage{}}
	for name, value := range wired.GetSet() {
		patch.Set[name] = value
	}
	raw, err := o.Apply(patch)
	if err != nil {
		return nil, nil, err
	}
	after, err := claims.Parse(raw)
	return raw, after, err
}

// want is what a test wants so that this comes out, or something else.
func (d *decision) want(other bool) fixture.Want {
	switch {
	case d.tokens == nil && d.outcome == journal.Denied && d.message != "":
		message := d.message + map[bool]string{true: "!"}[other]
		return fixture.Want{Denied: &message}
	case d.tokens == nil && other:
		return fixture.Want{Removed: []string{"nothing"}}
	case d.tokens == nil:
		return fixture.Want{Failed: true}
	}
	out := fixture.Want{Only: map[pipeline.Kind]fixture.Want{}}
	for kind, token := range d.tokens {
		exact := map[string]json.RawMessage{}
		for _, name := range token.Names() {
			if !claims.Reserved(name) {
				exact[name], _ = token.Get(name)
			}
		}
		if other && kind == pipeline.KindID {
			names := append(slices.Sorted(maps.Keys(exact)), "more")
			exact[names[0]] = json.RawMessage(`["something else"]`)
		}
		out.Only[kind] = fixture.Want{Exact: exact}
	}
	return out
}

// wanted is want as it stands in a file.
func (d *decision) wanted(other bool) string {
	switch w := d.want(other); {
	case w.Denied != nil:
		return fmt.Sprintf("{denied: %s}", ascii(jsonOf(*w.Denied)))
	case w.Failed:
		return "{failed: true}"
	case w.Removed != nil:
		return "{removed: [nothing]}"
	default:
		return fmt.Sprintf("{id: {claimsExact: %s}, access: {claimsExact: %s}}", ascii(jsonOf(w.Only[pipeline.KindID].Exact)), ascii(jsonOf(w.Only[pipeline.KindAccess].Exact)))
	}
}
