package rules

import (
	"context"
	"errors"
	"fmt"
	"regexp"
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
	at       func(offset int) string // where a byte of whole stands in the file; nil: not known, empty: it goes without saying
	code     *vm.Program
	reads    pipeline.Reads
	machines *sync.Pool
	runs     *sync.Pool
	steps    int  // how many elements it may look at
	constant bool // it reads nothing of a request
}

// Reads tells what the expression can read.
func (p *program) Reads() pipeline.Reads { return p.reads }

// run evaluates the expression. Errors are failures: they name places, lookups and claims, never values.
func (p *program) run(ctx context.Context, s *pipeline.State) (any, error) {
	if err := ctx.Err(); err != nil {
		return nil, stopped(err)
	}
	r := p.runOf(ctx, s)
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
		why = ours
	}
	offset := p.begin + byteOffset(p.src, at.From)
	if p.at != nil {
		text := why.text
		if where := p.at(offset); where != "" {
			text = fmt.Sprintf("failed at %s: %s", where, text)
		}
		return &failure{text: text, cause: why.cause}
	}
	line, col := lineCol(p.whole, offset)
	return &failure{text: fmt.Sprintf("failed at %d:%d: %s", line, col, why.text), cause: why.cause}
}

// The messages of the machine that tell types and no values.
var (
	between    = regexp.MustCompile(`^invalid operation: (.+?) (<=?|>=?) (.+?)(?: \(\d.*)?$`)
	conversion = regexp.MustCompile(`^interface conversion: interface \{\} is (.+), not (.+)$`)
	fetch      = regexp.MustCompile(`(?s)^cannot (?:fetch|get) .* from ([^ ]+|map\[string\]interface \{\}|\[\]interface \{\})$`)
)

// reason says why the machine stopped, in words of ours.
func reason(err *file.Error) *failure {
	message, _, _ := strings.Cut(err.Message, "\n")
	var wrong *goruntime.TypeAssertionError
	if errors.As(err, &wrong) {
		message = wrong.Error()
	}
	if m := between.FindStringSubmatch(message); m != nil {
		return failuref("%s does not go between %s and %s", m[2], plainType(m[1]), plainType(m[3]))
	}
	if m := conversion.FindStringSubmatch(message); m != nil {
		return failuref("%s is needed, and this is %s", plainType(m[2]), plainType(m[1]))
	}
	if m := fetch.FindStringSubmatch(message); m != nil {
		return failuref("a field is read of %s", plainType(m[1]))
	}
	if strings.HasPrefix(message, "invalid operation: int(") {
		return failuref("a field is read of a string or a list")
	}
	if strings.Contains(message, "memory budget exceeded") {
		return unfitf("too much memory is needed")
	}
	return failuref("a value does not fit")
}
