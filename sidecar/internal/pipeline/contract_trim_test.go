package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

func globs(t *testing.T, patterns ...string) (out []Glob) {
	t.Helper()
	for _, p := range patterns {
		g, err := NewGlob(p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, g)
	}
	return out
}

func TestTrimming(t *testing.T) {
	const all = `{"sub":"s","groups":["hr","nas-a","family","nas-b"]}`
	where := Pos{File: "c.yaml", Line: 5}
	tests := []struct {
		name      string
		contracts map[string]Contract
		audience  []string
		want      string
		trimmed   bool
		broken    string
	}{
		{name: "no contract", want: all},
		{name: "not too many", contracts: map[string]Contract{"nas": {MaxGroups: 4, TrimGroups: globs(t, "family")}}, want: all},
		{name: "too many, and nothing may be taken away", contracts: map[string]Contract{"nas": {MaxGroups: 2}}, want: all,
			broken: "clients.nas: maxGroups: 4 groups are more than 2"},
		{name: "those stay that are wanted, in their order", contracts: map[string]Contract{"nas": {MaxGroups: 3, TrimGroups: globs(t, "family", "nas-*")}},
			want: `{"sub":"s","groups":["nas-a","family","nas-b"]}`, trimmed: true},
		{name: "too many that are wanted", contracts: map[string]Contract{"nas": {MaxGroups: 2, TrimGroups: globs(t, "family", "nas-*")}},
			want: `{"sub":"s","groups":["nas-a","family","nas-b"]}`, trimmed: true, broken: "clients.nas: maxGroups: 3 groups are more than 2"},
		{name: "none is wanted", contracts: map[string]Contract{"nas": {MaxGroups: 2, TrimGroups: globs(t, "x")}}, want: `{"sub":"s","groups":[]}`, trimmed: true},
		{name: "what no rule set is not asked of allow", contracts: map[string]Contract{"nas": {MaxGroups: 3, TrimGroups: globs(t, "nas-*"), Allow: []string{"username"}}},
			want: `{"sub":"s","groups":["nas-a","nas-b"]}`, trimmed: true},
		{name: "size counts after it", contracts: map[string]Contract{"nas": {MaxGroups: 3, TrimGroups: globs(t, "family"), MaxPayloadBytes: 35}},
			want: `{"sub":"s","groups":["family"]}`, trimmed: true},
		{name: "each client of the audience", audience: []string{"nas", "wiki"},
			contracts: map[string]Contract{"nas": {MaxGroups: 3, TrimGroups: globs(t, "family", "nas-*")}, "wiki": {MaxGroups: 1, TrimGroups: globs(t, "family")}},
			want:      `{"sub":"s","groups":["family"]}`, trimmed: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, err := claims.Parse([]byte(all))
			if err != nil {
				t.Fatal(err)
			}
			for name, c := range tt.contracts {
				c.Pos = where
				tt.contracts[name] = c
			}
			trace := &Trace{}
			r := run{pipeline: &Pipeline{Contracts: tt.contracts}, in: &Input{Payload: o, Client: "nas", Audience: tt.audience}, trace: trace, state: State{Claims: claims.NewDraft(o)}}
			rules := r.state.Claims.Patch()
			patch, err := r.trimmed(t.Context(), rules)
			if err != nil {
				t.Fatal(err)
			}
			got, err := o.Apply(patch)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if trimmed := slices.ContainsFunc(trace.Changes, func(c Change) bool { return c.Op == "trim" && c.Claim == "groups" && c.Pos == where }); trimmed != tt.trimmed {
				t.Errorf("trace: got %+v", trace.Changes)
			}
			broken := ""
			if err := r.contracts(rules); err != nil {
				broken = err.Error()
			}
			if broken != tt.broken {
				t.Errorf("got  %q\nwant %q", broken, tt.broken)
			}
		})
	}
}

func TestElementsOfAList(t *testing.T) {
	for list, want := range map[string]int{
		`[]`: 0, `[ ]`: 0, `["a"]`: 1, `["a","b"]`: 2, `[ "a,b" , "\"]," ]`: 2, `[[],[1,2],{"a":1,"b":[2,3]}]`: 3, `[[]]`: 1, `[1]`: 1, `"a,b"`: 0, `{"a":[1,2]}`: 0, `1`: 0,
	} {
		if got := elements([]byte(list)); got != want {
			t.Errorf("%s: got %d, want %d", list, got, want)
		}
	}
}

// ends is a context whose time is over after Err was asked a number of times.
type ends struct {
	context.Context
	left int
}

func (e *ends) Err() error {
	if e.left--; e.left < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// TestTrimmingStopsAtItsDeadline: the patterns are the operator's, the groups are the person's.
func TestTrimmingStopsAtItsDeadline(t *testing.T) {
	c := Contract{MaxGroups: 2, TrimGroups: globs(t, "*a*a*a*b", "*c*")}
	groups := json.RawMessage(`["a","b","c","d"]`)
	ctx := &ends{Context: t.Context(), left: 5}
	if _, err := c.trim(ctx, groups); !errors.Is(err, context.DeadlineExceeded) || ctx.left != -1 {
		t.Errorf("got %v, %d", err, ctx.left)
	}
	if kept, err := c.trim(&ends{Context: t.Context(), left: 8}, groups); err != nil || string(kept) != `["c"]` {
		t.Errorf("got %s, %v", kept, err)
	}
	long, err := json.Marshal([]string{strings.Repeat("a", 60_000), "b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.trim(t.Context(), long); err == nil || err.Error() != "trim: a group is too long for a pattern" {
		t.Errorf("got %v", err)
	}
}
