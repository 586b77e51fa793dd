package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// Options configure a compiler.
type Options struct {
	Facts      map[string]*facts.Type // what the lookups know, by the name under which rules see it
	Tables     map[string]*Table      // by name
	Connectors []string               // ids that the configuration names; there may be others
}

// Compiler compiles expressions. It is safe for concurrent use, and so is what it makes.
type Compiler struct {
	facts      map[string]*facts.Type
	tables     map[string]*Table
	connectors []string
	aliases    []string
	functions  conf.FunctionsTable
	machines   *sync.Pool
	runs       *sync.Pool
	steps      int
	known      *knowing // nil: nothing is known of the claims

	at        func(offset int) string
	composed  bool // the source is a list or a map of expressions
	loose     bool // what may be missing is no mistake
	unguarded bool // predicates do not look at the deadline: only to measure what looking costs
	late      bool // what reads nothing is not computed before it runs: only to see it fail
}

// New returns a compiler. Names of lookups that expressions could not spell or that have another meaning, and facts with a
// name of the host, are errors.
func New(o Options) (*Compiler, error) {
	c := &Compiler{facts: o.Facts, tables: o.Tables, connectors: o.Connectors, functions: ownFunctions(), steps: maxSteps, machines: &sync.Pool{New: func() any {
		return &vm.VM{MemoryBudget: memoryBudget}
	}}, runs: &sync.Pool{New: func() any { return newRun() }}}
	for alias, typ := range o.Facts {
		if err := checkAlias(alias); err != nil {
			return nil, err
		}
		if err := typ.CheckFacts(); err != nil {
			return nil, fmt.Errorf("facts of %s: %w", alias, err)
		}
		c.aliases = append(c.aliases, alias)
	}
	slices.Sort(c.aliases)
	return c, nil
}

func checkAlias(alias string) error {
	if alias == element || slices.Contains(topNames(), alias) || functionKnown(alias) || unavailable(alias) != "" || keyword(alias) {
		return fmt.Errorf("a lookup cannot be called %q: rules use the name for something else", alias)
	}
	for i, r := range alias {
		if r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || i > 0 && '0' <= r && r <= '9' {
			continue
		}
		return fmt.Errorf("a lookup cannot be called %q: rules can only spell letters, digits and _", alias)
	}
	if alias == "" {
		return errors.New("a lookup has no name")
	}
	return nil
}

func keyword(name string) bool {
	switch name {
	case "not", "in", "or", "and", "matches", "contains", "startsWith", "endsWith", "let", "if", "else", "true", "false", "nil":
		return true
	}
	return false
}

// compile makes a program of an expression whose result is wanted. accept looks at its type and may refuse it; fits
// at all that is known of it.
func (c *Compiler) compile(src string, want need, accept func(root ast.Node) *Error, fits func(shape) *Error) (p *program, err *Error) {
	defer func() {
		// A mistake in the library must not take the host down with it.
		if r := recover(); r != nil {
			p, err = nil, &Error{Message: "the expression cannot be compiled"}
		}
	}()
	config := c.config()
	tree, err := c.parse(src, config)
	if err != nil {
		return nil, err
	}
	v := &resolver{c: c, src: src, reads: newReads(), seen: map[ast.Node]bool{}}
	if err := v.visit(&tree.Node); err != nil {
		return nil, err
	}
	if err := check(src, tree, config); err != nil {
		return nil, err
	}
	elements := &elementsOf{src: src}
	if ast.Walk(&tree.Node, elements); elements.wrong != nil {
		return nil, elements.wrong
	}
	if err := accept(tree.Node); err != nil {
		return nil, err
	}
	if v.unmade != nil {
		return nil, v.unmade
	}
	nils, err := c.absences(src, tree.Node, want)
	if err != nil {
		return nil, err
	}
	if err := c.types(src, tree.Node, nils, want, fits); err != nil {
		return nil, err
	}
	v.reads.only = only(tree.Node)
	ast.Walk(&tree.Node, &instrument{v.reads, !c.unguarded})
	constant := false
	if !c.late {
		if constant, err = c.failing(src, &tree.Node, config); err != nil {
			return nil, err
		}
	}
	code, failed := compiler.Compile(tree, config)
	if failed != nil {
		return nil, &Error{Message: "the expression cannot be compiled"}
	}
	return &program{src: src, whole: src, code: code, at: c.at, reads: v.reads.sorted(), machines: c.machines, runs: c.runs, steps: c.steps, constant: constant}, nil
}

// In returns a compiler for a source that stands in a file; at says where. Of composed, each part is held to the limits of an expression by itself.
func (c *Compiler) In(at func(offset int) string, composed bool) *Compiler {
	in := *c
	in.at, in.composed = at, composed
	return &in
}

// limit is that of an expression, or of what is composed of expressions.
func (c *Compiler) limit(one int) int {
	if c.composed {
		return one * maxComposed
	}
	return one
}

func (c *Compiler) config() *conf.Config {
	return &conf.Config{Optimize: true, Strict: true, ShortCircuit: true, MaxNodes: uint(c.limit(maxNodes)), Functions: c.functions, Env: envNature()}
}

// envNature types what the machine sees.
func envNature() nature.Nature {
	return objectNature(map[string]nature.Nature{
		fnGet: nature.FromType(getType), fnCall: nature.FromType(callType), fnEqual: nature.FromType(equalType), fnIn: nature.FromType(equalType),
		fnTo: nature.FromType(callType), fnFrom: nature.FromType(callType),
		fnAt: nature.FromType(callType), fnHaving: nature.FromType(callType), fnPair: nature.FromType(callType),
	})
}

// check checks types.
func check(src string, tree *parser.Tree, config *conf.Config) *Error {
	_, err := checker.Check(tree, config)
	if err == nil {
		return nil
	}
	var at *file.Error
	if !errors.As(err, &at) {
		return &Error{Message: "the expression cannot be compiled"}
	}
	e := reworded(typeRewrites, at.Message)
	e.Offset = byteOffset(src, at.From)
	placeArgument(src, tree.Node, at.Location, e)
	if name, ok := strings.CutPrefix(at.Message, "unknown field "); ok {
		e.Message = fmt.Sprintf("unknown field %q", name)
		e.Hint = fieldHint(tree.Node, at.Location, name)
	}
	return e
}

// fieldHint helps with an unknown field of a nested object.
func fieldHint(root ast.Node, at file.Location, name string) string {
	found := ast.Find(root, func(n ast.Node) bool {
		m, ok := n.(*ast.MemberNode)
		return ok && m.Property.Location() == at
	})
	m, ok := found.(*ast.MemberNode)
	if !ok || m.Node.Nature().TypeData == nil {
		return ""
	}
	var fields []string
	for field := range m.Node.Nature().Fields {
		fields = append(fields, field)
	}
	slices.Sort(fields)
	return nearest(name, fields, "fields")
}

// merge adds up what several expressions read.
func merge(all ...pipeline.Reads) pipeline.Reads {
	var sum pipeline.Reads
	for _, r := range all {
		sum.Facts = append(sum.Facts, r.Facts...)
		sum.Claims = append(sum.Claims, r.Claims...)
		sum.Clients = append(sum.Clients, r.Clients...)
		sum.AllClaims = sum.AllClaims || r.AllClaims
		sum.Token = sum.Token || r.Token
		sum.Time = sum.Time || r.Time
		sum.AnyClient = sum.AnyClient || r.AnyClient
	}
	for _, list := range []*[]string{&sum.Facts, &sum.Claims, &sum.Clients} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return sum
}
