package config

import (
	"fmt"
	"maps"
	"slices"
)

// checkTests looks at the cases; aliases are the names under which lookups give facts, and those lookups.
func (d *decoder) checkTests(tests []Test, aliases map[string]string) {
	names := map[string]bool{}
	for i := range tests {
		t := &tests[i]
		if !d.sound(t.Place) || d.full() {
			continue
		}
		if t.Name != "" && names[t.Name] {
			d.wrong(member(t.Path, "name"), "another test has this name", "")
		}
		names[t.Name] = true
		if d.sound(t.Given.Place) {
			d.checkGiven(&t.Given, aliases)
		}
		if d.sound(t.Want.Place) {
			d.checkWant(&t.Want)
		}
	}
}

func (d *decoder) checkGiven(g *Given, aliases map[string]string) {
	if g.Grant != "" {
		d.checkGrant(member(g.Path, "grant"), g.Grant)
	}
	if g.has("identity") && !g.has("connector") && g.Grant != "client_credentials" {
		d.wrongKey(member(g.Path, "identity"), "an identity without a connector", "say through which connector the person came")
	}
	for _, f := range g.Facts {
		if _, known := aliases[f.Name]; !known && !d.full() {
			hint := Suggest(f.Name, slices.Sorted(maps.Keys(aliases)))
			if len(aliases) == 0 {
				hint = "the pipeline has no lookup"
			}
			d.wrongKey(f.Path, fmt.Sprintf("no lookup gives facts called %q", f.Name), hint)
		}
	}
}

// checkFacts looks at one answer with a number of facts of the plugin's own.
func (d *decoder) checkFacts(it item, f *Facts, facts int) {
	found, problem, failed := f.has("found"), f.Problem != "", f.Failed
	switch {
	case failed && (f.Found || problem || facts > 0):
		d.report(it, "a lookup that failed has no facts", "write {failed: true} alone")
	case failed:
	case f.Found && problem:
		d.report(it, "found is true and there is a problem: a problem is why nobody was found", "")
	case !found && !problem:
		d.report(it, `key "found" is missing`, "write found: true or found: false")
	}
}

func (d *decoder) checkWant(w *Want) {
	var outcomes []string
	for _, o := range []struct {
		name string
		keys []string
	}{{"claims", []string{"claims", "claimsExact", "removed", "id", "access"}}, {"denied", []string{"denied"}}, {"failed", []string{"failed"}}} {
		for _, key := range o.keys {
			if w.has(key) {
				outcomes = append(outcomes, key)
				break
			}
		}
	}
	switch {
	case len(outcomes) == 0:
		d.wrong(w.Path, "nothing is wanted", "write one of claims, claimsExact, removed, id, access, denied and failed")
	case len(outcomes) > 1:
		d.wrongKey(member(w.Path, outcomes[1]), fmt.Sprintf("a case has one outcome; this one has %s and %s", outcomes[0], outcomes[1]), "")
	case w.has("failed") && w.value("failed").Value == "false":
		d.wrong(member(w.Path, "failed"), "can only be true", "write claims or denied for another outcome")
	}
	d.checkToken(&Token{Place: w.Place, Claims: w.Claims, ClaimsExact: w.ClaimsExact, Removed: w.Removed})
	for _, token := range []*Token{w.ID, w.Access} {
		if token != nil && d.sound(token.Place) {
			d.checkToken(token)
		}
	}
}

func (d *decoder) checkToken(w *Token) {
	if w.has("claims") && w.has("claimsExact") {
		d.wrongKey(member(w.Path, "claims"), "claimsExact names all claims already", "write one of the two")
	}
	d.repeated(member(w.Path, "removed"), w.Removed)
	removed := map[string]bool{}
	for _, name := range w.Removed {
		removed[name] = true
	}
	for _, c := range slices.Concat(w.Claims, w.ClaimsExact) {
		if removed[c.Name] {
			d.wrongKey(c.Path, fmt.Sprintf("claim %q is both wanted and removed", c.Name), "")
		}
	}
}
