package rules

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/parser/lexer"
)

// parse reads an expression and checks what can be checked without knowing a name.
func (c *Compiler) parse(src string, config *conf.Config) (*parser.Tree, *Error) {
	if err := checkSource(src, c.limit(maxSource)); err != nil {
		return nil, err
	}
	if err := checkTokens(src); err != nil {
		return nil, err
	}
	tree, err := parser.ParseWithConfig(src, config)
	if err != nil {
		return nil, syntaxError(src, err)
	}
	return tree, nil
}

func checkSource(src string, limit int) *Error {
	switch {
	case strings.TrimSpace(src) == "":
		return &Error{Message: "the expression is empty"}
	case len(src) > limit:
		return &Error{Offset: limit, Message: fmt.Sprintf("the expression is longer than %d bytes", limit)}
	}
	for i, r := range src {
		if r == utf8.RuneError && !strings.HasPrefix(src[i:], "\uFFFD") {
			return &Error{Offset: i, Message: "not valid UTF-8"}
		}
	}
	return nil
}

// checkTokens refuses what nests too deeply, before a parser recurses into it.
func checkTokens(src string) *Error {
	l := lexer.New()
	l.Reset(file.NewSource(src))
	depth := 0
	for {
		t, err := l.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return syntaxError(src, err)
		case t.Is(lexer.EOF):
			return nil
		case t.Is(lexer.Bracket, "(", "[", "{"):
			if depth++; depth > maxNesting {
				return &Error{Offset: byteOffset(src, t.From), Message: fmt.Sprintf("brackets are nested deeper than %d", maxNesting)}
			}
		case t.Is(lexer.Bracket, ")", "]", "}"):
			depth--
		}
	}
}

// rewrite is a message of expr in our words. $1, $2 ... are its groups; the names of Go types in them are made plain.
type rewrite struct {
	pattern       *regexp.Regexp
	message, hint string
}

var tokenRewrites = []rewrite{
	{regexp.MustCompile(`^unexpected token EOF|^unexpected end of expression`), "the expression ends too early", ""},
	{regexp.MustCompile(`^unexpected token Operator\("="\)`), `unexpected "="`, "compare with =="},
	{regexp.MustCompile(`^unexpected token Operator\("&"\)`), `unexpected "&"`, "write && or and"},
	{regexp.MustCompile(`^unexpected token Operator\("#"\)`), `unexpected "#"`, "# is the element inside filter, map, any ..."},
	{regexp.MustCompile(`^unexpected token Identifier\("(AND|OR|NOT|IN)"\)`), `unexpected "$1"`, "operators are written in small letters"},
	{regexp.MustCompile(`^unexpected token Operator\("contains"\)`), `unexpected "contains"`, `it goes between two strings: a contains b; for an element of a list write x in list`},
	{regexp.MustCompile(`^unexpected token Operator\("(matches|startsWith|endsWith)"\)`), `unexpected "$1"`, "it goes between two strings: a $1 b"},
	{regexp.MustCompile(`^unexpected token Operator\("if"\)`), `unexpected "if"`, "write condition ? a : b"},
	{regexp.MustCompile(`^unexpected token String\(`), `unexpected string`, ""},
	{regexp.MustCompile(`^unexpected token \w+\("(.*)"\)`), `unexpected "$1"`, ""},
	{regexp.MustCompile(`\(unexpected token `), "a key is a name, a string, a number, or an expression in parentheses", ""},
	{regexp.MustCompile(`^literal not terminated`), "a string is not closed", ""},
	{regexp.MustCompile(`^invalid char escape|^unable to unescape`), "unknown escape in a string", `a backslash is written \\`},
	{regexp.MustCompile(`^unrecognized character: U\+(201[89CD])`), "unexpected character U+$1", "use straight quotes"},
	{regexp.MustCompile(`^unrecognized character: U\+0040`), `unexpected "@"`, "the element of a list is called it"},
	{regexp.MustCompile(`^unrecognized character: (U\+\w+)`), "unexpected character $1", ""},
	{regexp.MustCompile(`^expected name`), "a name is missing after the dot", ""},
	{regexp.MustCompile(`^wrap predicate with brackets`), "a test with ; is written in braces", ""},
	{regexp.MustCompile(`^expected at least (\d+) arguments`), "too few arguments", ""},
	{regexp.MustCompile(`exceeds maximum allowed nodes`), fmt.Sprintf("the expression has more than %d parts", maxNodes), ""},
	{regexp.MustCompile(`coalesce expressions`), "?? needs parentheses beside other operators", ""},
	{regexp.MustCompile(`^invalid \w+ literal|literal is too large`), "the number is too large", ""},
	{regexp.MustCompile(`^bad number syntax`), "this is not a number", ""},
	{regexp.MustCompile(`^unclosed comment`), "a comment is not closed", ""},
}

// syntaxError puts an error of lexer or parser in our words.
func syntaxError(src string, err error) *Error {
	var at *file.Error
	if !errors.As(err, &at) {
		return &Error{Message: "this is not an expression"}
	}
	e := reworded(tokenRewrites, at.Message)
	e.Offset = byteOffset(src, at.From)
	if strings.HasSuffix(e.Message, "ends too early") {
		e.Offset = len(src)
	}
	if strings.HasPrefix(src[:e.Offset]+"{", "${") && e.Offset == 1 {
		e.Hint = "${ } is for messages: here the expression stands alone"
	}
	if e.Hint == "" && plainWords.MatchString(src) && !slices.Contains(topNames(), firstName.FindString(src)) {
		e.Hint = `a text is written '"` + src + `"'`
	}
	for _, f := range foreignForms {
		if strings.HasSuffix(src[:e.Offset], f.before) && strings.HasPrefix(src[e.Offset:], f.at) {
			e.Hint = f.hint
		}
	}
	return e
}

// Words of somebody who meant a text, which are no names with a field. It may begin with a name that is known.
var (
	plainWords = regexp.MustCompile(`^(\pL+|\pN[\pN.]*)([:/@-][\pL\pN.,:/@_+-]*)?( [\pL\pN][\pL\pN.,:/@_+-]*)*$`)
	firstName  = regexp.MustCompile(`^[\pL\pN_]*`)
)

// foreignForms are signs of other languages, by what stands before and at the place where reading ends.
var foreignForms = []struct{ before, at, hint string }{
	{"[", "*", "for each element write map(list, value); all of them are the list itself"},
	{"[", "?", "for some elements write filter(list, test)"},
	{".?", "", "what may be missing is read by x?.y, or default(x.y, otherwise)"},
	{"{", "{", "{{ }} is of templates: here the expression stands alone"},
}

// reworded returns message in our words, or as it is where we have none.
func reworded(table []rewrite, message string) *Error {
	for _, r := range table {
		m := r.pattern.FindStringSubmatchIndex(message)
		if m == nil {
			continue
		}
		groups := r.pattern.FindStringSubmatch(message)
		text, hint := r.message, r.hint
		for i, g := range groups[1:] {
			text = strings.ReplaceAll(text, fmt.Sprintf("$%d", i+1), plainType(g))
			hint = strings.ReplaceAll(hint, fmt.Sprintf("$%d", i+1), plainType(g))
		}
		return &Error{Message: text, Hint: hint}
	}
	return &Error{Message: message}
}

// plainType names a Go type as rules do, with its article; what is no type stays as it is.
func plainType(t string) string {
	switch t {
	case "string":
		return "a string"
	case "bool":
		return "a boolean"
	case "int", "int64":
		return "an integer"
	case "float64":
		return "a number"
	case "[]string":
		return "a list of strings"
	case "[]int", "[]int64", "[]float64":
		return "a list of numbers"
	case "[]bool":
		return "a list of booleans"
	case "[]map[string]interface {}":
		return "a list of objects"
	case "[]interface {}":
		return "a list"
	case "map[string]interface {}", "map[interface {}][]interface {}":
		return "an object"
	case "unknown", "<nil>":
		return "nil"
	case "interface {}":
		return "a value of unknown type"
	}
	return t
}
