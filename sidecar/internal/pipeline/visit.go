package pipeline

import "time"

// About is what a step is, without what it does: it holds on to nothing of a configuration that is gone.
type About struct {
	Pos  Pos
	Path string
	Name string
	What string // lookup nas, set, remove, deny or steps
}

// Visit is a step that a run came to. There is one for each step of each decision, so it is small.
type Visit struct {
	At   time.Duration // since the run began
	Step int32         // index in Pipeline.Outline
	Ran  bool          // its when held, and a lookup may be made for this request
	pass pass
}

// pass is the kind of token that the steps are run for, in one byte.
type pass uint8

const (
	forAll pass = iota
	forAccess
	forID
)

// Kind is that of the pass; empty when one pass is for all kinds.
func (v Visit) Kind() Kind {
	switch v.pass {
	case forAccess:
		return KindAccess
	case forID:
		return KindID
	}
	return ""
}

// Number numbers steps in the order of the file, groups before what is in them, notes which requests they are not for, and returns what
// Pipeline.Outline wants.
func Number(steps []Step) []About { return number(steps, nil) }

func number(steps []Step, out []About) []About {
	for i := range steps {
		s := &steps[i]
		s.no = int32(len(out))
		if s.When != nil {
			s.only = s.When.Reads().Only
		}
		out = append(out, About{Pos: s.Pos, Path: s.Path, Name: s.Name, What: s.What()})
		out = number(s.Steps, out)
	}
	return out
}

// few steps are all noted. Of more, those of other clients and connectors are not: what is kept of a decision would grow with the
// number of clients.
const few = 200

// visit notes that the run came to a step. Ran is set by ran.
func (r *run) visit(s *Step) {
	outline := r.pipeline.Outline
	if outline == nil {
		return
	}
	if r.trace.Visits == nil {
		r.trace.Visits = make([]Visit, 0, min(len(outline), few))
	}
	v := Visit{Step: s.no, At: time.Since(r.start)}
	if r.pipeline.PerKind {
		if v.pass = forID; r.state.Kind == KindAccess {
			v.pass = forAccess
		}
	}
	r.trace.Visits = append(r.trace.Visits, v)
}

// ran notes that the step visited last does what it is there for.
func (r *run) ran() {
	if n := len(r.trace.Visits); n > 0 {
		r.trace.Visits[n-1].Ran = true
	}
}
