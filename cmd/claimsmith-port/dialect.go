package main

import (
	"fmt"
	"strconv"
	"strings"
)

// kind is what is known of the type of a value: enough to choose between operators that are one elsewhere.
type kind int

const (
	kindAny kind = iota
	kindBool
	kindNumber
	kindText
	kindTexts // a list of strings
	kindList
	kindObject
	kindNull
)

func (k kind) isList() bool { return k == kindTexts || k == kindList }

// How tightly the outermost operator of an expression binds.
const (
	looseChoice = iota // c ? a : b
	looseOr
	looseAnd
	looseCompare
	looseAdd
	looseTimes
	looseNot
	tight // a name, a call, a literal
)

// value is an expression of ours.
type value struct {
	text  string
	loose int
	kind  kind
	// missing: it may be nil.
	missing bool
	// filled: it is never empty.
	filled bool
	// opposite is what it is not, where that is shorter than "not".
	opposite *value
	// branches are those of JMESPath's c && v || d && w, which is false where no condition holds. There is no text then.
	branches []branch
}

// branch is a value and the condition under which it counts.
type branch struct{ when, then value }

// noEquivalent ends a translation: rules cannot say this. It is thrown inside of a translation and caught by translate.
type noEquivalent string

func (e noEquivalent) Error() string { return string(e) }

func refuse(format string, args ...any) { panic(noEquivalent(fmt.Sprintf(format, args...))) }

// translate runs a translation to its end or to the first thing that has no equivalent.
func translate(do func() value) (v value, err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			why, ours := thrown.(noEquivalent)
			if !ours {
				panic(thrown)
			}
			err = why
		}
	}()
	return do(), nil
}

// in is the text of a value as an operand of an operator.
func (v value) in(loose int) string {
	if v.loose < loose {
		return "(" + v.text + ")"
	}
	return v.text
}

func atom(k kind, text string) value { return value{text: text, loose: tight, kind: k} }

func call(k kind, name string, args ...value) value {
	texts := make([]string, len(args))
	for i, a := range args {
		texts[i] = a.text
	}
	return atom(k, name+"("+strings.Join(texts, ", ")+")")
}

func operator(k kind, op string, loose int, a, b value) value {
	left, right := loose, loose+1
	switch loose {
	case looseCompare:
		left = loose + 1
	case looseOr, looseAnd:
		right = loose
	}
	return value{text: a.in(left) + " " + op + " " + b.in(right), loose: loose, kind: k}
}

func compare(op string, a, b value) value {
	v := operator(kindBool, op, looseCompare, a, b)
	if other := map[string]string{"==": "!=", "!=": "==", "in": "not in"}[op]; other != "" {
		o := operator(kindBool, other, looseCompare, a, b)
		v.opposite = &o
	}
	return v
}

// not is the opposite of a condition, in the form in which people write it.
func not(v value) value {
	if v.opposite != nil {
		return *v.opposite
	}
	return value{text: "not " + v.in(looseNot), loose: looseNot, kind: kindBool, opposite: &v}
}

func and(a, b value) value {
	if a.text == "true" {
		return b
	}
	return both("and", looseAnd, a, b, or)
}

func or(a, b value) value { return both("or", looseOr, a, b, and) }

// both joins two conditions. The opposite is worth writing where it has fewer words.
func both(op string, loose int, a, b value, other func(a, b value) value) value {
	v := operator(kindBool, op, loose, a, b)
	if a.opposite != nil && b.opposite != nil {
		if o := other(*a.opposite, *b.opposite); len(o.text) <= len(v.text) {
			o.opposite = nil
			v.opposite = &o
		}
	}
	return v
}

// has is the condition that there is something.
func has(v value) value {
	c := call(kindBool, "has", v)
	there := c
	c.opposite = &value{text: "not " + c.text, loose: looseNot, kind: kindBool, opposite: &there}
	return c
}

func choice(c, yes, no value) value {
	if c.text == has(yes).text && no.kind == yes.kind {
		v := call(yes.kind, "default", yes, no)
		v.filled = no.filled
		return v
	}
	if yes.text == "true" && no.kind == kindBool {
		return or(c, no)
	}
	v := value{text: c.in(looseOr) + " ? " + yes.in(looseOr) + " : " + no.text, loose: looseChoice, kind: yes.kind}
	v.missing = yes.missing || no.missing || yes.kind == kindNull || no.kind == kindNull
	v.filled = yes.filled && no.filled
	switch {
	case yes.kind == kindNull:
		v.kind = no.kind
	case no.kind != kindNull && no.kind != yes.kind:
		v.kind = kindAny
	}
	return v
}

// member reads a member of an object, or an element of a list.
func member(v value, at string) string { return v.in(tight) + "[" + at + "]" }

// literal is a text as rules write it.
func literal(s string) value {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case strconv.IsPrint(r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			refuse("the text has the character %U in it", r)
		}
	}
	b.WriteByte('"')
	v := value{text: b.String(), loose: tight, kind: kindText, filled: s != ""}
	if strings.Contains(v.text, "${") { // which rules refuse, because elsewhere it is filled in
		v.text, v.loose = strings.ReplaceAll(v.text, "${", `$" + "{`), looseAdd
	}
	return v
}

// constant is a JSON value as rules write it.
func constant(x any) value {
	switch x := x.(type) {
	case nil:
		return atom(kindNull, "nil")
	case bool:
		return atom(kindBool, strconv.FormatBool(x))
	case int64:
		return number(strconv.FormatInt(x, 10))
	case float64:
		return number(strconv.FormatFloat(x, 'f', -1, 64))
	case string:
		return literal(x)
	case []any:
		return list(each(x, constant))
	case map[string]any:
		var members []pair
		for _, name := range sortedKeys(x) {
			members = append(members, pair{literal(name), constant(x[name])})
		}
		return object(members)
	}
	refuse("a value like this cannot be written down")
	return value{}
}

func number(text string) value {
	v := atom(kindNumber, text)
	if strings.HasPrefix(text, "-") {
		v.loose = looseNot
	}
	return v
}

func list(elements []value) value {
	texts, k := make([]string, len(elements)), kindTexts
	for i, e := range elements {
		texts[i] = e.text
		if e.kind != kindText {
			k = kindList
		}
	}
	return value{text: "[" + strings.Join(texts, ", ") + "]", loose: tight, kind: k, filled: len(elements) > 0}
}

type pair struct{ name, value value }

// object is one with its members. A member that may be nil is left out then.
func object(members []pair) value {
	texts := make([]string, len(members))
	for i, m := range members {
		name := m.name.text
		if m.name.loose < tight || !strings.HasPrefix(name, `"`) {
			name = "(" + name + ")"
		}
		texts[i] = name + ": " + stored(m.value).text
	}
	return value{text: "{" + strings.Join(texts, ", ") + "}", loose: tight, kind: kindObject, filled: len(members) > 0}
}

// stored is a value as a claim or a member of one, which is left out where the value is nil.
func stored(v value) value {
	v = v.settled()
	if v.missing {
		// has(x) ? x : nil is what optional says.
		if c, rest, ok := strings.Cut(v.text, " ? "); ok && v.text == c+" ? "+rest && strings.HasSuffix(rest, " : nil") {
			if x := strings.TrimSuffix(rest, " : nil"); c == "has("+x+")" {
				v.text = x
			}
		}
		return call(v.kind, "optional", v)
	}
	return v
}

// settled is a value that has a text: nil where no branch counts.
func (v value) settled() value {
	if len(v.branches) == 0 {
		return v
	}
	return chosen(v.branches, atom(kindNull, "nil"))
}

// chosen is the value of the first branch that counts, or another.
func chosen(branches []branch, otherwise value) value {
	for i := len(branches) - 1; i >= 0; i-- {
		otherwise = choice(branches[i].when, branches[i].then, otherwise)
	}
	return otherwise
}

// mapped is map(list, body), in its shorter form where there is one.
func mapped(over, body value, k kind) value {
	if prefix, ok := strings.CutSuffix(body.text, " + it"); ok && constantText(prefix) && over.kind == kindTexts {
		return call(kindTexts, "addPrefix", over, atom(kindText, prefix))
	}
	if suffix, ok := strings.CutPrefix(body.text, "it + "); ok && constantText(suffix) && over.kind == kindTexts {
		return call(kindTexts, "addSuffix", over, atom(kindText, suffix))
	}
	if body.text == "it" {
		return over
	}
	if strings.HasPrefix(body.text, "{") { // which would begin a block
		body.text = "(" + body.text + ")"
	}
	return call(k, "map", over, body)
}

// constantText reports whether an expression is one string literal.
func constantText(text string) bool {
	return len(text) > 1 && text[0] == '"' && text[len(text)-1] == '"' && strings.Count(text, `"`) == 2
}

func each[A, B any](in []A, f func(A) B) []B {
	out := make([]B, len(in))
	for i, x := range in {
		out[i] = f(x)
	}
	return out
}
