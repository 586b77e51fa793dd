package sidecar_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// shadowed is the household with a candidate beside it.
func shadowed(dir string) string { return household(dir) + "shadow: {file: candidate.yaml}\n" }

// serveBeside runs the household with a candidate that is the household with another pipeline.
func serveBeside(t *testing.T, change func(string) string) *running {
	t.Helper()
	dir := shortDir(t)
	propose(t, dir, change(household(dir)))
	return serveFile(t, dir, written(t, dir, shadowed(dir)))
}

// propose replaces the candidate in one step.
func propose(t *testing.T, dir, text string) {
	t.Helper()
	next := filepath.Join(dir, "candidate.next")
	must(t, os.WriteFile(next, []byte(text), 0o600))
	must(t, os.Rename(next, filepath.Join(dir, "candidate.yaml")))
}

func replace(old, now string) func(string) string {
	return func(text string) string { return strings.Replace(text, old, now, 1) }
}

// told is a line of the log without what is another one each time, and with the folder of the test left out of places.
func (r *running) told(line string) map[string]any {
	r.t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(strings.ReplaceAll(line, r.dir+"/", "")), &m); err != nil {
		r.t.Fatal(err)
	}
	maps.DeleteFunc(m, func(name string, _ any) bool { return name == "time" || name == "decision_id" || name == "took_ms" })
	return m
}

func TestAShadowTellsWhatItWouldDecideOtherwise(t *testing.T) {
	tests := []struct {
		name   string
		change func(string) string
		who    string
		want   map[string]any
	}{
		{
			name: "claims, by name and rule", who: "mum@gmail.com",
			change: func(text string) string {
				return replace("username: nas.name, groups: nas.groups", `username: nas.name + "x", plan: '"gold"'`)(text)
			},
			want: map[string]any{
				"change": "otherClaims", "outcome": "patched", "candidate_outcome": "patched",
				"claims": []any{
					map[string]any{"claim": "groups", "does": "vanishes", "rule": "c.yaml:13"},
					map[string]any{"claim": "plan", "does": "appears", "candidate": "candidate.yaml:13"},
					map[string]any{"claim": "username", "does": "changes", "rule": "c.yaml:13", "candidate": "candidate.yaml:13"},
				},
			},
		},
		{
			name: "a refusal", who: "mum@gmail.com", change: replace("not nas.found", `nas.name == "mum"`),
			want: map[string]any{"change": "newlyRefused", "outcome": "patched", "candidate_outcome": "denied", "candidate_rule": "candidate.yaml:12"},
		},
		{
			name: "a refusal that is none any more", who: "nobody@gmail.com", change: func(text string) string {
				return strings.NewReplacer("deny: not nas.found", "deny: false", "nas.name", `'"guest"'`).Replace(text)
			},
			want: map[string]any{"change": "newlyLetIn", "outcome": "denied", "rule": "c.yaml:12", "candidate_outcome": "patched"},
		},
		{
			name: "a refusal in other words, without the words", who: "nobody@gmail.com", change: replace("No account has", "Nobody has"),
			want: map[string]any{"change": "otherWords", "outcome": "denied", "rule": "c.yaml:12", "candidate_outcome": "denied", "candidate_rule": "candidate.yaml:12"},
		},
		{
			name: "a failure", who: "mum@gmail.com", change: func(text string) string { return text + "clients: {synology: {require: {plan: string}}}\n" },
			want: map[string]any{
				"change": "newlyFails", "outcome": "patched", "candidate_outcome": "failed", "candidate_rule": "candidate.yaml:15",
				"err": `clients.synology: require: claim "plan" is missing`,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := serveBeside(t, tt.change)
			reply, err := r.client().ExtendPayload(t.Context(), signIn(tt.who))
			must(t, err)
			line := r.log.wait(t, `"msg":"shadow differs"`)
			want := maps.Clone(tt.want)
			maps.Copy(want, map[string]any{"level": "INFO", "msg": "shadow differs", "client_id": "synology", "connector_id": "google", "stage": "token"})
			if diff := cmp.Diff(want, r.told(line)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if !strings.Contains(line, fmt.Sprintf(`"decision_id":%q`, reply.GetDecisionId())) {
				t.Errorf("it is not told of which decision: %s", line)
			}
			if strings.Contains(line, tt.who) {
				t.Errorf("it tells values: %s", line)
			}
		})
	}
}

func TestAShadowChangesNothingAndAsksNobody(t *testing.T) {
	r := serveBeside(t, replace("not nas.found", "nas.found"))
	if got := r.username("mum@gmail.com"); got != `"mum"` {
		t.Errorf("the decision: %s", got)
	}
	r.log.wait(t, `"msg":"shadow differs"`)
	if n := strings.Count(r.log.String(), `"msg":"plugin started"`); n != 1 {
		t.Errorf("%d plugins were started", n)
	}
}

func TestAShadowIsCounted(t *testing.T) {
	r := serveBeside(t, func(text string) string {
		return replace("      - set:", "      - {when: nas.name == \"dad\", deny: true, message: No.}\n      - set:")(text)
	})
	for _, who := range []string{"mum@gmail.com", "dad@gmail.com", "nobody@gmail.com", "mum@gmail.com"} {
		if _, err := r.client().ExtendPayload(t.Context(), signIn(who)); err != nil {
			t.Fatal(err)
		}
	}
	for r.compared() < 4 { // as many as may wait, so none is left out
		runtime.Gosched()
	}
	got := r.server.Shadow()
	if got.Same != 3 || got.NotAsked != 0 || got.Dropped != 0 || len(got.Changes) != 1 || got.Changes["newlyRefused"] != 1 {
		t.Errorf("got %+v", got)
	}
}

// compared is how many decisions the shadow was done with.
func (r *running) compared() int64 {
	report := r.server.Shadow()
	n := report.Same + report.NotAsked + report.Dropped
	for _, changes := range report.Changes {
		n += changes
	}
	return n
}

func TestAShadowThatAsksOtherwiseIsNotCompared(t *testing.T) {
	r := serveBeside(t, replace("{email: identity.email}", "{email: '\"mum@gmail.com\"'}"))
	for range 2 {
		if got := r.username("dad@gmail.com"); got != `"dad"` {
			t.Fatalf("the decision: %s", got)
		}
	}
	line := r.log.wait(t, `"msg":"the shadow asks what the rules in use do not`)
	want := map[string]any{"level": "WARN", "msg": "the shadow asks what the rules in use do not: such decisions are not compared", "lookups": []any{"nas"}}
	if diff := cmp.Diff(want, r.told(line)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := r.server.Shadow(); len(got.Changes) != 0 || got.Same != 0 {
		t.Errorf("it was compared: %+v", got)
	}
	if strings.Contains(r.log.String(), "shadow differs") {
		t.Error("it was compared")
	}
}

func TestAShadowMayCallALookupWhatItLikes(t *testing.T) {
	r := serveBeside(t, func(text string) string { // asks the same of the same plugin
		text = replace("- lookup: nas", "- lookup: nas\n        as: box")(text)
		return strings.NewReplacer("nas.found", "box.found", "nas.name", `box.name + "!"`, "nas.groups", "box.groups").Replace(text)
	})
	r.username("mum@gmail.com")
	if got := r.told(r.log.wait(t, `"msg":"shadow differs"`))["claims"]; len(got.([]any)) != 1 {
		t.Errorf("got %v", got)
	}
}

func TestAShadowThatCannotBeRunKeepsNobodyFromBeingServed(t *testing.T) {
	tests := []struct {
		name, text, want string
	}{
		{"a file that is not there", "", "no such file or directory"},
		{"a mistake", "pipeline: [{set: {username: nas.name}}]", `unknown name \"nas\"`},
		{"tests that fail", failingTests, "silver it is"},
		{"a table that others can change", "tables: {roles: {file: roles.csv}}\npipeline: []", "roles.csv can be written by everybody"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := shortDir(t)
			must(t, os.WriteFile(filepath.Join(dir, "roles.csv"), []byte("a,b\n"), 0o600))
			must(t, os.Chmod(filepath.Join(dir, "roles.csv"), 0o666))
			if tt.text != "" {
				propose(t, dir, plain(dir)+tt.text+"\n")
			}
			r := serveFile(t, dir, written(t, dir, shadowed(dir)))
			if line := r.log.wait(t, `"msg":"the shadow is not run"`); !strings.Contains(line, tt.want) {
				t.Errorf("the log does not say why: %s", line)
			}
			if got := r.username("mum@gmail.com"); got != `"mum"` {
				t.Errorf("the decision: %s", got)
			}
			if r.server.Shadow() != nil {
				t.Error("there is a report")
			}
		})
	}
}

func TestAShadowIsReloaded(t *testing.T) {
	r := serveBeside(t, func(text string) string { return text })
	first := r.server.Shadow().Digest
	propose(t, r.dir, replace("not nas.found", "nas.found")(household(r.dir)))
	r.log.wait(t, `"msg":"the shadow is over"`)
	if r.server.Shadow().Digest == first {
		t.Error("it is the first one still")
	}
	r.username("mum@gmail.com")
	r.log.wait(t, `"change":"newlyRefused"`)

	// One that cannot be run leaves it where it is; with the main file it goes.
	second := r.server.Shadow().Digest
	propose(t, r.dir, "pipeline: []\n")
	r.log.wait(t, `"msg":"the shadow is not run"`)
	if r.server.Shadow().Digest != second {
		t.Error("the second one is gone")
	}
	r.put(household(r.dir))
	r.log.wait(t, `"msg":"configuration reloaded"`)
	if r.server.Shadow() != nil {
		t.Error("there is a shadow although the file has none")
	}
}

func TestAShadowThatIsBusyLeavesDecisionsOut(t *testing.T) {
	// Three predicates inside each other run until the budget of the candidate is over.
	slow := `pipeline:
  - set: {n: 'count(identity.groups, any(identity.groups, any(identity.groups, # == "no")))'}
`
	dir := shortDir(t)
	propose(t, dir, plain(dir)+"budget: 10s\n"+slow)
	r := serveFile(t, dir, written(t, dir, plain(dir)+"shadow: {file: candidate.yaml}\n"))
	req := with(signIn("mum@gmail.com"), func(q *hookv1.ExtendPayloadRequest) {
		for i := range 400 {
			q.Identity.Groups = append(q.Identity.Groups, fmt.Sprintf("group %d", i))
		}
	})
	client := r.client()
	for r.server.Shadow().Dropped == 0 {
		if _, err := client.ExtendPayload(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCheckWarnsOfACandidateThatCannotBeRun(t *testing.T) {
	tests := []struct {
		name, text, want string
	}{
		{"a mistake", "pipeline: [{set: {username: nas.name}}]\n", `candidate.yaml:2:29: pipeline[0].set.username: unknown name "nas"`},
		{"tests that fail", failingTests, "1 of 2 tests of the configuration failed"},
		{"a table that others can change", "tables: {roles: {file: roles.csv}}\npipeline: []\n",
			"candidate.yaml:2:24: tables.roles.file: roles.csv can be written by everybody: mend it with chmod go-w roles.csv"},
		{"nothing wrong", "", ""},
		{"a plugin that only a running one can describe", "plugins: {nas: {command: [/no/such/program], sha256: unverified}}\npipeline: [{lookup: nas}]\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := shortDir(t)
			must(t, os.WriteFile(filepath.Join(dir, "roles.csv"), []byte("a,b\n"), 0o600))
			must(t, os.Chmod(filepath.Join(dir, "roles.csv"), 0o666))
			propose(t, dir, plain(dir)+tt.text)
			problems, err := replay.Check(t.Context(), written(t, dir, plain(dir)+"shadow: {file: candidate.yaml}\n"), program(t, newLogBuffer()))
			must(t, err)
			var got strings.Builder
			must(t, problems.Render(&got))
			want := ""
			if tt.want != "" {
				want = "c.yaml:2:16: warning: shadow.file: this candidate cannot be run: " + tt.want + `
    2 | shadow: {file: candidate.yaml}
      |                ^
`
				if !strings.Contains(tt.want, "chmod") {
					want += "hint: claimsmith test -c candidate.yaml says all that is wrong with it\n"
				}
			}
			if diff := cmp.Diff(want, strings.ReplaceAll(got.String(), dir+"/", "")); diff != "" || problems.Failed() {
				t.Errorf("failed %v, -want +got:\n%s", problems.Failed(), diff)
			}
		})
	}
}
