package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// TestExpressions translates the expressions of testdata/NAME.txt, each of which is followed by what it is in rules, or why there is nothing.
// What comes over is held against the original on many requests.
func TestExpressions(t *testing.T) {
	for _, language := range []string{"cel", "jmespath"} {
		t.Run(language, func(t *testing.T) {
			file := filepath.Join("testdata", language+".txt")
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var after strings.Builder
			compared := tally{}
			for line := range strings.Lines(string(before)) {
				src := strings.TrimSuffix(line, "\n")
				if src == "" || strings.HasPrefix(src, "\t") || strings.HasPrefix(src, "#") {
					if !strings.HasPrefix(src, "\t") {
						after.WriteString(line)
					}
					continue
				}
				claim, rest, ok := strings.Cut(src, " = ")
				if !ok || strings.Contains(claim, " ") {
					claim, rest = "", src
				}
				after.WriteString(line)
				tr, text := ported(t, newInput("x", rest), options{from: language, claim: claim})
				r := tr.blocks[0].rules[0]
				if r.lost() {
					fmt.Fprintf(&after, "\t! %s\n", r.why)
					continue
				}
				fmt.Fprintf(&after, "\t%s\n", r.ours.text)
				for _, note := range r.notes {
					fmt.Fprintf(&after, "\t# %s\n", note)
				}
				if !strings.Contains(text, "\ntests:\n") {
					t.Errorf("%s has no test", src)
				}
				held(t, tr, text, compared)
			}
			if *update {
				if err := os.WriteFile(file, []byte(after.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if after.String() != string(before) {
				t.Errorf("%s is\n%s", file, after.String())
			}
			t.Log(compared)
			if compared["equal"] < 500 || compared["both refuse"] < 10 && language == "cel" {
				t.Errorf("only %v were compared", compared)
			}
		})
	}
}

// TestConfigurationsDecideAsTheOriginals holds whole configurations against their originals.
func TestConfigurationsDecideAsTheOriginals(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	compared := tally{}
	for _, file := range files {
		archive := parsed(t, file)
		if section(archive, "out") == "" {
			continue
		}
		o, err := optionsOf(strings.Fields(section(archive, "args")))
		if err != nil {
			t.Fatal(err)
		}
		tr, text := ported(t, newInput(file, section(archive, "input")), o)
		held(t, tr, text, compared)
	}
	t.Log(compared)
	if compared["equal"] < 150 || compared["both refuse"] < 50 {
		t.Errorf("only %v were compared", compared)
	}
}

// ported translates an input that can be.
func ported(t *testing.T, in *input, o options) (*translation, string) {
	t.Helper()
	tr, err := translateInput(in, o)
	if err != nil {
		var wrong *problems
		if errors.As(err, &wrong) {
			var said strings.Builder
			wrong.render(&said)
			t.Fatal(said.String())
		}
		t.Fatal(err)
	}
	text, err := tr.prove(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tr, text
}

// tally counts how comparisons came out.
type tally map[string]int

var trusted = regexp.MustCompile(`emailDomains: \[.*\]`)

// held holds what was written against the originals for many people. Where the original has no value, rules give none that lets in.
func held(t *testing.T, tr *translation, text string, into tally) {
	t.Helper()
	file := written(t, trusted.ReplaceAllString(text, `emailDomains: ["*"]`))
	for _, b := range tr.blocks {
		ascii := slices.ContainsFunc(b.rules, func(r *rule) bool { return strings.Contains(strings.Join(r.notes, ""), "ASCII") })
		short := slices.ContainsFunc(b.rules, func(r *rule) bool { return strings.Contains(strings.Join(r.notes, ""), "too short") })
		for _, p := range crowd(b) {
			if raw, _ := json.Marshal(p); ascii && slices.ContainsFunc(raw, func(c byte) bool { return c > 0x7f }) {
				continue
			}
			want, wantErr := b.outcome(p)
			got := decide(t.Context(), t, file, b, p)
			switch {
			case wantErr != nil && (got.Denied != "" || got.failed != ""):
				into["both refuse"]++
			case wantErr != nil && (short || len(p.Groups) == 0 || !b.initial.strict):
				into["the original fails, and has a note"]++
			case wantErr != nil:
				t.Errorf("%s for %+v: the original fails (%v), and we give %+v\n%s", b.title, p, wantErr, got, text)
			case want.Denied != "" && want.Denied == got.Denied:
				into["both refuse"]++
			case want.Denied == "" && got.failed == "" && got.Denied == "" && same(want, got):
				into["equal"]++
			case stricter(want, got):
				into["we refuse what is empty"]++
			default:
				t.Errorf("%s for %+v: the original gives %+v, and we give %+v\n%s", b.title, p, want, got, text)
			}
		}
	}
}

// stricter is what required(...) refuses although the original has a value: one that is there and empty.
func stricter(want outcome, got decided) bool {
	return strings.Contains(got.failed, "required") && want.Denied == ""
}

func same(want outcome, got decided) bool {
	for name, v := range want.Claims {
		raw, err := json.Marshal(v)
		if err != nil {
			return false
		}
		var plain any
		if json.Unmarshal(raw, &plain) != nil {
			return false
		}
		list, isList := plain.([]any)
		if has, there := got.claims[name]; !there && !(isList && len(list) == 0) || there && !reflect.DeepEqual(plain, has) {
			return false
		}
	}
	for _, name := range want.Removed {
		if _, there := got.claims[name]; there {
			return false
		}
	}
	return true
}

// decided is what our rules make of a person.
type decided struct {
	Denied, failed string
	claims         map[string]any
}

func decide(ctx context.Context, t *testing.T, file string, b *block, p person) decided {
	t.Helper()
	e, err := replay.Explain(ctx, file, sidecar.Options{}, replay.Request{
		Client: b.client, Connector: b.connector, Scopes: b.scopes, Identity: replay.RequestIdentity(p),
	})
	if err != nil {
		t.Fatal(err)
	}
	out := decided{Denied: e.Message, failed: e.Err}
	if len(e.Tokens) > 0 {
		if err := json.Unmarshal(e.Tokens[0].Claims, &out.claims); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// crowd is who is compared: those of the tests, and odd people.
func crowd(b *block) (list []person) {
	for _, c := range b.candidates() {
		list = append(list, c.who)
	}
	base := person{UserID: "1", Username: "Zoë Straße", PreferredUsername: "zoë", Email: "Zoe@Example.org", EmailVerified: true, Groups: []string{"staff", "Ärzte", "a,b", "/x/y", "staff"}}
	for _, change := range []func(*person){
		func(*person) {},
		func(p *person) { p.Username = "" },
		func(p *person) { p.PreferredUsername = "" },
		func(p *person) { p.Email, p.EmailVerified = "", false },
		func(p *person) { p.Groups = nil },
		func(p *person) { p.Groups = []string{"admin"} },
		func(p *person) { p.PreferredUsername = strings.Repeat("x", 70) },
		func(p *person) { p.PreferredUsername = "ro  ot" },
		func(p *person) { p.Groups = []string{`back\slash "quoted" ${x}`} },
		func(p *person) { *p = person{UserID: "1"} },
	} {
		who := base
		who.Groups = slices.Clone(base.Groups)
		change(&who)
		list = append(list, who)
	}
	return slices.DeleteFunc(list, func(p person) bool { return p.Email != "" && !p.EmailVerified }) // whose address rules do not see
}
