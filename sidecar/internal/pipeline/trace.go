package pipeline

import "time"

// Trace is what happened in a run. Changes, Facts and Visits are fit for logs: names and places, never values. Steps hold
// values, and are there only for an input that asks for an explanation.
type Trace struct {
	Changes []Change
	Facts   []Fact
	Visits  []Visit
	Steps   []StepTrace
}

// Change is a claim that a rule set or removed. The last change of a claim counts.
type Change struct {
	Claim string
	Op    string // "set", "remove", or "trim" for what a contract took away
	Pos   Pos
	Path  string   // of the step or the value
	Facts []string // what the rule read, like "nas.name"
}

// Fact is a lookup that was made.
type Fact struct {
	Alias  string
	Source string // as in Answer, or "failed"
	Stale  bool
	Age    time.Duration
	Took   time.Duration
	Err    error
	Bond   Bond // what was known of the link that follows; empty: there is none, or it was not asked for
}

// Bound notes what is known of a link.
func (t *Trace) Bound(l *Link, b Bond) {
	for i := range t.Facts {
		if t.Facts[i].Alias == l.Alias {
			t.Facts[i].Bond = b
		}
	}
}

// change records c; an earlier change of the same claim is replaced.
func (t *Trace) change(c Change) {
	for i := range t.Changes {
		if t.Changes[i].Claim == c.Claim {
			t.Changes[i] = c
			return
		}
	}
	if t.Changes == nil {
		t.Changes = make([]Change, 0, 8)
	}
	t.Changes = append(t.Changes, c)
}

func (t *Trace) fact(c *asked) {
	f := Fact{Alias: c.step.Lookup.Alias, Took: c.took, Err: c.err}
	if c.err != nil {
		f.Source = "failed"
	} else {
		f.Source, f.Stale, f.Age = c.answer.Source, c.answer.Stale, c.answer.Age
	}
	for _, known := range t.Facts {
		if known.Alias == f.Alias && c.took == 0 {
			return // the second kind of token used the same answer
		}
	}
	t.Facts = append(t.Facts, f)
}
