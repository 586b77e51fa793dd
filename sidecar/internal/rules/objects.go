package rules

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/claimsmith/claimsmith/sidecar/fold"
)

// objectFunctions make objects, and values of what objects hold.
var objectFunctions = map[string]function{
	"merge":     {args: []argument{anObject, anObject}, more: []argument{anObject}, gives: anObject, do: merged},
	"fromPairs": {args: []argument{aList}, gives: anObject, do: fromPairs},
	"compact": {args: []argument{anything}, gives: theFirst, do: func(args []any) any {
		switch kindOf(args[0]) {
		case "an object", "a list":
			return compact(args[0])
		}
		panic(failuref("compact needs an object or a list, and this is %s", kindOf(args[0])))
	}},
	"toJSON": {args: []argument{anything}, gives: aText, do: func(args []any) any { return asJSON(args[0]) }},
	"quote":  {args: []argument{aText}, gives: aText, do: func(args []any) any { return asJSON(args[0]) }},
	"ascii":  forOne(ascii),
	"fold":   forOne(fold.Key),
	"dn": {args: []argument{oneOrMore, aText}, gives: oneOrMore, do: func(args []any) any {
		if s, ok := args[0].(string); ok {
			value, _ := dn(s, text(args[1]))
			return value
		}
		list := texts(args[0])
		out := limited{list: make([]string, 0, len(list))}
		for _, s := range list {
			if value, ok := dn(s, text(args[1])); ok {
				out.add(value)
			}
		}
		return out.list
	}},
}

// forOne is forEach without a second argument.
func forOne(change func(string) string) function {
	f := forEach(anything, func(s string, _ any) string { return change(s) })
	f.args = f.args[:1]
	do := f.do
	f.do = func(args []any) any { return do(append(args[:1:1], nil)) }
	return f
}

// merged puts objects into one; of members with the same name the last counts.
func merged(args []any) any {
	out := map[string]any{}
	for _, arg := range args {
		for name, value := range object(arg) {
			out[name] = value
		}
	}
	return out
}

func fromPairs(args []any) any {
	out := map[string]any{}
	for _, e := range elements(args[0]) {
		l := reflect.ValueOf(e)
		if l.Kind() != reflect.Slice || l.Len() != 2 {
			panic(failuref("fromPairs needs lists of a name and a value"))
		}
		name, ok := l.Index(0).Interface().(string)
		if !ok {
			panic(failuref("fromPairs needs a string as name, and this is %s", kindOf(l.Index(0).Interface())))
		}
		out[name] = l.Index(1).Interface()
	}
	return out
}

// compact is an object or a list without what has(x) says is not there.
func compact(v any) any {
	if kindOf(v) == "an object" {
		out := map[string]any{}
		for name, value := range object(v) {
			if present(value) {
				out[name] = value
			}
		}
		return out
	}
	out := []any{}
	for _, e := range elements(v) {
		if present(e) {
			out = append(out, e)
		}
	}
	return sameList(v, out)
}

func asJSON(v any) string {
	raw, err := encode(v)
	if err != nil {
		panic(err)
	}
	checkString(len(raw))
	return string(raw)
}

// plainLetters are letters that no accent makes of others.
var plainLetters = strings.NewReplacer("ß", "ss", "ẞ", "SS", "æ", "ae", "Æ", "AE", "œ", "oe", "Œ", "OE", "ø", "o", "Ø", "O", "ł", "l", "Ł", "L",
	"đ", "d", "Đ", "D", "ð", "d", "Ð", "D", "þ", "th", "Þ", "TH", "ı", "i")

// ascii takes accents off, and leaves out what is no letter of ASCII then.
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf || unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(plainLetters.Replace(s)))
}

// dn returns the first value of an attribute in a distinguished name, as RFC 4514 writes it.
func dn(s, attribute string) (string, bool) {
	for len(s) > 0 {
		end := endOfPart(s)
		name, value, ok := strings.Cut(s[:end], "=")
		if ok && strings.EqualFold(strings.TrimSpace(name), attribute) {
			return unescaped(value), true
		}
		s = s[min(end+1, len(s)):]
	}
	return "", false
}

// endOfPart is where the first , ; or + stands that is no part of a value.
func endOfPart(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == ';' || c == '+'):
			return i
		}
	}
	return len(s)
}

func unescaped(value string) string {
	value = strings.TrimLeft(value, " ")
	for strings.HasSuffix(value, " ") && !strings.HasSuffix(value, `\ `) {
		value = value[:len(value)-1]
	}
	if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
		value = value[1 : len(value)-1]
	}
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] != '\\' || i+1 == len(value) {
			b.WriteByte(value[i])
			continue
		}
		var hex byte
		if i+2 < len(value) {
			if n, _ := fmt.Sscanf(value[i+1:i+3], "%02x", &hex); n == 1 && isHex(value[i+2]) {
				b.WriteByte(hex)
				i += 2
				continue
			}
		}
		i++
		b.WriteByte(value[i])
	}
	if !utf8.ValidString(b.String()) {
		return value
	}
	return b.String()
}

func isHex(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }

// groupedOp makes an object of what groupBy of expr gives.
type groupedOp struct{}

func (*groupedOp) eval(_ *run, arg any) any {
	out := map[string]any{}
	for key, list := range arg.(map[any][]any) {
		name, ok := key.(string)
		if !ok {
			panic(failuref("groupBy needs a string for each element, and this is %s", kindOf(key)))
		}
		out[name] = list
	}
	return out
}

// attributeOp reads an attribute of a list of names and values: people.attributes.quota is the value of the first element called quota.
type attributeOp struct{ alias, fact, name string }

func (o *attributeOp) eval(r *run, _ any) any {
	for _, e := range elements(r.fact(o.alias, o.fact, false)) {
		if m := object(e); m["name"] == o.name {
			return m["value"]
		}
	}
	return nil
}
