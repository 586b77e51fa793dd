package rules

import (
	"context"
	"errors"
	goruntime "runtime"
	"strings"
	"sync"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// program is a compiled expression.
type program struct {
	src      string
	whole    string // the text that src is a part of, and where it begins there
	begin    int
	code     *vm.Program
	reads    pipeline.Reads
	machines *sync.Pool
	steps    int // how many elements it may look at
}

// Reads tells what the expression can read.
func (p *program) Reads() pipeline.Reads { return p.reads }

// run evaluates the expression. Errors are failures: they name places, lookups and claims, never values.
func (p *program) run(ctx context.Context, s *pipeline.State) (any, error) {
	if err := ctx.Err(); err != nil {
		return nil, stopped(err)
	}
	r := runOf(ctx, s, p.steps)
	m := p.machines.Get().(*vm.VM)
	v, err := m.Run(p.code, r.env)
	if r.loops <= keptLoops {
		p.machines.Put(m)
	}
	r.end()
	if err != nil {
		return nil, p.failed(err)
	}
	return v, nil
}

// failed turns an error of the machine into one without values. Most of its texts quote what it stumbled over.
func (p *program) failed(err error) error {
	var ours *failure
	if errors.As(err, &ours) && ours.complete {
		return ours
	}
	var at *file.Error
	if !errors.As(err, &at) {
		return failuref("failed")
	}
	why := reason(at)
	if ours != nil {
		why = ours.text
	}
	line, col := lineCol(p.whole, p.begin+byteOffset(p.src, at.From))
	return failuref("failed at %d:%d: %s", line, col, why)
}

// reason says why the machine stopped, in a fixed text.
func reason(err *file.Error) string {
	var wrong *goruntime.TypeAssertionError
	has := func(part string) bool { return strings.Contains(err.Message, part) }
	switch {
	case has("memory budget exceeded"):
		return "too much memory is needed"
	case has("divide by zero"):
		return "division by zero"
	case has("out of range"), has("slice bounds"):
		return "a place outside of the list"
	case has("cannot fetch"):
		return "a field is read of a value that has none, or is missing"
	case errors.As(err, &wrong), has("invalid operation"), has("invalid argument"):
		return "a value is missing, or has another type than is needed"
	}
	return "a value does not fit"
}
