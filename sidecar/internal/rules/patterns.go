package rules

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// pattern is a constant argument in the form in which it is used. It is a struct of functions, so the compiler of expr does
// not compare it with others. A run binds it to itself before it is used, so that looking at a text counts.
type pattern struct {
	find    func(string) bool
	put     func(p pattern, s string) string
	size    int  // instructions, for each group that is remembered
	address bool // there is an @ in it
	text    string
	run     *run
}

func (p pattern) matches(s string) bool {
	p.run.match(p.size, len(s))
	return p.find(s)
}

func (p pattern) replace(s string) string {
	p.run.match(p.size, len(s))
	return p.put(p, s)
}

// bindOp gives a pattern that belongs to the run.
type bindOp struct{ p pattern }

func (o *bindOp) eval(r *run, _ any) any {
	p := o.p
	p.run = r
	return p
}

// matchOp tells whether the argument is like a pattern. Nothing is like one.
type matchOp struct{ p pattern }

func (o *matchOp) eval(r *run, arg any) any {
	if arg == nil {
		return false
	}
	s, ok := arg.(string)
	if !ok {
		panic(failuref("matches needs a string, and this is %s", kindOf(arg)))
	}
	p := o.p
	p.run = r
	return p.matches(s)
}

// match counts what a pattern of a size looks at. It bounds the time between two looks at the deadline: the text comes with the
// request, and package regexp cannot be stopped.
func (r *run) match(size, length int) {
	work := size * (length + 1)
	if work > pipeline.MaxMatch {
		panic(unfitf("a string is too long for this pattern"))
	}
	r.steps(work / perStep)
}

const largeHint = "a pattern that repeats repetitions is large; write a smaller number"

// regex compiles a regular expression that is the argument of a function or an operator, and tells its size.
func (v *resolver) regex(n ast.Node, name string) (*regexp.Regexp, int, *Error) {
	s, ok := n.(*ast.StringNode)
	if !ok {
		return nil, 0, v.errorAt(n, "", "the pattern of %s must be a constant string", name)
	}
	re, err := regexp.Compile(s.Value)
	if err != nil {
		return nil, 0, v.errorAt(n, "", "the pattern of %s cannot be used: %s", name, whyNot(err))
	}
	size := pipeline.PatternSize(s.Value)
	if size > pipeline.MaxPattern {
		return nil, 0, v.errorAt(n, largeHint, "the pattern of %s is too large", name)
	}
	return re, size, nil
}

// patternArgs turns the constant patterns among the arguments of a function into what is used when it runs. Patterns that
// come with a request could be anything, so there are none.
func (v *resolver) patternArgs(n *ast.CallNode, name string) *Error {
	switch name {
	case "glob", "keep", "drop":
		return v.globArgs(n, name)
	case "firstMatch":
		return v.firstMatchArgs(n)
	case "replaceGlob", "replaceRegex":
		return v.replaceArgs(n, name)
	}
	return nil
}

func (v *resolver) globArgs(n *ast.CallNode, name string) *Error {
	if len(n.Arguments) < 2 {
		return v.errorAt(n, "", "%s needs more arguments", name)
	}
	globs := make([]pipeline.Glob, 0, len(n.Arguments)-1)
	address, size, text := false, 0, ""
	for _, arg := range n.Arguments[1:] {
		g, err := v.glob(arg, name)
		if err != nil {
			return err
		}
		globs = append(globs, g)
		size += g.Size()
		text += arg.String() + ","
		address = address || hasAt(arg)
	}
	n.Arguments = []ast.Node{n.Arguments[0], constant(n.Location(), pattern{find: anyGlob(globs), size: size, address: address, text: text})}
	return nil
}

func anyGlob(globs []pipeline.Glob) func(string) bool {
	return func(s string) bool {
		for _, g := range globs {
			if g.Matches(s) {
				return true
			}
		}
		return false
	}
}

func (v *resolver) firstMatchArgs(n *ast.CallNode) *Error {
	args := len(n.Arguments)
	switch {
	case args < 4:
		return v.errorAt(n, "", "firstMatch needs more arguments")
	case args%2 != 0:
		return v.errorAt(n, "write firstMatch(list, pattern, value, pattern, value, otherwise)", "firstMatch needs a value for each pattern, and one for when none holds")
	}
	for i := 1; i < args-1; i += 2 {
		g, err := v.glob(n.Arguments[i], "firstMatch")
		if err != nil {
			return err
		}
		n.Arguments[i] = constant(n.Arguments[i].Location(), pattern{find: g.Matches, size: g.Size(), address: hasAt(n.Arguments[i]), text: n.Arguments[i].String()})
	}
	return nil
}

func (v *resolver) replaceArgs(n *ast.CallNode, name string) *Error {
	switch args := len(n.Arguments); {
	case args < 3:
		return v.errorAt(n, "", "%s needs more arguments", name)
	case args > 3:
		return v.errorAt(n, "", "%s needs fewer arguments", name)
	}
	with, ok := n.Arguments[2].(*ast.StringNode)
	if !ok {
		return v.errorAt(n.Arguments[2], "", "what %s writes must be a constant string", name)
	}
	make := v.globReplacement
	if name == "replaceRegex" {
		make = v.regexReplacement
	}
	p, err := make(n.Arguments[1], with)
	if err != nil {
		return err
	}
	p.address, p.text = hasAt(n.Arguments[1]), n.Arguments[1].String()+with.String()
	n.Arguments = []ast.Node{n.Arguments[0], constant(n.Location(), p)}
	return nil
}

func hasAt(n ast.Node) bool {
	s, ok := n.(*ast.StringNode)
	return ok && strings.Contains(s.Value, "@")
}

// glob returns the pattern that an argument is.
func (v *resolver) glob(n ast.Node, name string) (pipeline.Glob, *Error) {
	s, ok := n.(*ast.StringNode)
	if !ok {
		return pipeline.Glob{}, v.errorAt(n, "", "the patterns of %s must be constant strings", name)
	}
	g, err := pipeline.NewGlob(s.Value)
	if err != nil {
		return pipeline.Glob{}, v.errorAt(n, "", "the pattern of %s cannot be used: %v", name, err)
	}
	return g, nil
}

func (v *resolver) globReplacement(n ast.Node, with *ast.StringNode) (pattern, *Error) {
	g, err := v.glob(n, "replaceGlob")
	if err != nil {
		return pattern{}, err
	}
	if stars := strings.Count(with.Value, "*"); stars > g.Stars() {
		return pattern{}, v.errorAt(with, "", "%d * are written, and the pattern has %d", stars, g.Stars())
	}
	parts := strings.Split(with.Value, "*")
	put := func(_ pattern, s string) string {
		found, ok := g.Find(s)
		if !ok {
			return s
		}
		var b strings.Builder
		for i, part := range parts {
			if i > 0 {
				b.WriteString(found[i-1])
			}
			b.WriteString(part)
		}
		return b.String()
	}
	return pattern{put: put, size: g.Size() * (1 + g.Stars())}, nil
}

// group finds what is written like a group of a regular expression: $1, ${1}, $name, ${name}, and $$.
var group = regexp.MustCompile(`\$(\$|\w+|\{[^}]*\})`)

func (v *resolver) regexReplacement(n ast.Node, with *ast.StringNode) (pattern, *Error) {
	re, size, err := v.regex(n, "replaceRegex")
	if err != nil {
		return pattern{}, err
	}
	// A group that there is not would be written as nothing, and $1x is the group called 1x.
	for _, m := range group.FindAllStringSubmatch(with.Value, -1) {
		name := strings.Trim(m[1], "{}")
		if m[1] != "$" && !hasGroup(re, name) {
			return pattern{}, v.errorAt(with, groupHint(re, name), "the pattern has no group %q", name)
		}
	}
	put := func(p pattern, s string) string { return p.replaceCounted(re, s, with.Value) }
	return pattern{put: put, size: size * (1 + re.NumSubexp())}, nil
}

// replaceCounted replaces as ReplaceAllString does, and stops when the text becomes too long. After each find the rest may be looked
// through again, so that counts first.
func (p pattern) replaceCounted(re *regexp.Regexp, s, with string) string {
	work, left := 0, len(s)
	re.ReplaceAllStringFunc(s, func(found string) string {
		if work += p.size * (left + 1); work > pipeline.MaxMatch {
			panic(unfitf("a string is too long for this pattern"))
		}
		left -= len(found)
		return ""
	})
	p.run.steps(work / perStep)
	var out []byte
	last := 0
	for _, m := range re.FindAllStringSubmatchIndex(s, -1) {
		out = re.ExpandString(append(out, s[last:m[0]]...), with, s, m)
		checkString(len(out))
		last = m[1]
	}
	return string(append(out, s[last:]...))
}

func hasGroup(re *regexp.Regexp, name string) bool {
	if i, err := strconv.Atoi(name); err == nil {
		return i <= re.NumSubexp()
	}
	return name != "" && re.SubexpIndex(name) >= 0
}

// groupHint helps those who meant a group with letters behind it.
func groupHint(re *regexp.Regexp, name string) string {
	digits := len(name) - len(strings.TrimLeft(name, "0123456789"))
	if digits > 0 && digits < len(name) && hasGroup(re, name[:digits]) {
		return fmt.Sprintf("write ${%s}%s", name[:digits], name[digits:])
	}
	return "a dollar sign is written $$"
}

// whyNot tells why a regular expression is none, without the words of the library around it.
func whyNot(err error) string {
	if e, ok := err.(*syntax.Error); ok {
		return e.Code.String()
	}
	return "it is not valid"
}
