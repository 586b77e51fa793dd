package rules

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/address"
)

// textFunctions are the functions over strings and lists of strings. What comes out of a list is always a list of strings;
// a list with anything else in it is a failure, and an error where it is known before the expression runs.
var textFunctions = map[string]function{
	"emailLocal":   {args: []argument{aText}, gives: aText, do: func(args []any) any { local, _ := splitAddress(text(args[0])); return local }},
	"emailDomain":  {args: []argument{aText}, gives: aText, do: func(args []any) any { _, domain := splitAddress(text(args[0])); return domain }},
	"bucket":       {args: []argument{aText}, gives: aWhole, do: func(args []any) any { return bucket(text(args[0])) }},
	"glob":         {args: []argument{aText, aPattern}, gives: aBool, do: func(args []any) any { return args[1].(pattern).matches(text(args[0])) }},
	"keep":         {args: []argument{theTexts, aPattern}, gives: theTexts, do: func(args []any) any { return chosen(args, true) }},
	"drop":         {args: []argument{theTexts, aPattern}, gives: theTexts, do: func(args []any) any { return chosen(args, false) }},
	"translate":    {args: []argument{theTexts, aTableOfLists}, gives: theTexts, do: translate},
	"firstMatch":   {args: []argument{theTexts}, more: []argument{aPattern, anything}, gives: valueOfPattern, do: firstMatch},
	"union":        {args: []argument{theTexts, theTexts}, more: []argument{theTexts}, gives: theTexts, do: union},
	"intersect":    {args: []argument{theTexts, theTexts}, more: []argument{theTexts}, gives: theTexts, do: intersect},
	"without":      {args: []argument{theTexts, theTexts}, more: []argument{theTexts}, gives: theTexts, do: without},
	"replaceGlob":  forEach(aPattern, func(s string, with any) string { return with.(pattern).replace(s) }),
	"replaceRegex": forEach(aPattern, func(s string, with any) string { return with.(pattern).replace(s) }),
	"rename":       forEach(aTable, renamed),
	"addPrefix":    forEach(aText, func(s string, prefix any) string { return text(prefix) + s }),
	"addSuffix":    forEach(aText, func(s string, suffix any) string { return s + text(suffix) }),
	"trimPrefix":   forEach(aText, func(s string, prefix any) string { return strings.TrimPrefix(s, text(prefix)) }),
	"trimSuffix":   forEach(aText, func(s string, suffix any) string { return strings.TrimSuffix(s, text(suffix)) }),
	"addDomain":    forEach(aText, addDomain),
	"stripDomain":  forEach(aText, stripDomain),
}

// forEach is a function that changes a string, or each of a list.
func forEach(second argument, change func(s string, with any) string) function {
	return function{args: []argument{oneOrMore, second}, gives: oneOrMore, do: func(args []any) any {
		if s, ok := args[0].(string); ok {
			changed := change(s, args[1])
			checkString(len(changed))
			return changed
		}
		list := texts(args[0])
		out := limited{list: make([]string, 0, len(list))}
		for _, s := range list {
			out.add(change(s, args[1]))
		}
		return out.list
	}}
}

// limited is a list of strings that does not grow without bound.
type limited struct {
	list  []string
	bytes int
}

func (l *limited) add(s string) {
	checkString(len(s))
	if l.bytes += len(s); l.bytes > maxResult {
		panic(unfitf("the strings of a list are longer than %d bytes", maxResult))
	}
	l.list = append(l.list, s)
}

// texts returns the elements of a list of strings.
func texts(v any) []string {
	if l, ok := v.([]string); ok && len(l) <= maxList {
		return l
	}
	list := elements(v)
	out := make([]string, len(list))
	for i, e := range list {
		s, ok := e.(string)
		if !ok {
			panic(failuref("a list of strings is needed, and there is %s in it", kindOf(e)))
		}
		out[i] = s
	}
	return out
}

// splitAddress cuts an e-mail address. Both parts are empty for what has not exactly one @ with something on both sides. Only
// A to Z are made small: full folding would make one domain of two.
func splitAddress(s string) (local, domain string) {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || domain == "" || strings.Contains(domain, "@") {
		return "", ""
	}
	return local, address.Lower(domain)
}

// bucket is the same in every version and on every replica: who was let in by a share stays in it, also when it grows.
func bucket(s string) int64 {
	sum := sha256.Sum256([]byte(s))
	return int64(binary.BigEndian.Uint64(sum[:8]) % 100)
}

func addDomain(s string, domain any) string {
	if strings.Contains(s, "@") {
		return s
	}
	return s + "@" + text(domain)
}

func stripDomain(s string, domain any) string {
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || address.Lower(s[at+1:]) != address.Lower(text(domain)) {
		return s
	}
	return s[:at]
}

func chosen(args []any, wanted bool) []string {
	list, matches := texts(args[0]), args[1].(pattern).matches
	out := make([]string, 0, len(list))
	for _, s := range list {
		if matches(s) == wanted {
			out = append(out, s)
		}
	}
	return out
}

func firstMatch(args []any) any {
	list := texts(args[0])
	for i := 1; i+1 < len(args); i += 2 {
		for _, s := range list {
			if args[i].(pattern).matches(s) {
				return args[i+1]
			}
		}
	}
	return args[len(args)-1]
}

func renamed(s string, table any) string {
	if to, ok := entry(table, s); ok {
		return text(to)
	}
	return s
}

func translate(args []any) any {
	out := once{}
	for _, s := range texts(args[0]) {
		to, _ := entry(args[1], s)
		switch to := to.(type) {
		case nil:
		case string:
			out.add(to)
		default:
			for _, one := range texts(to) {
				out.add(one)
			}
		}
	}
	return out.all()
}

func union(args []any) any {
	out := once{}
	for _, list := range args {
		for _, s := range texts(list) {
			out.add(s)
		}
	}
	return out.all()
}

func intersect(args []any) any {
	out := once{}
	others := sets(args[1:])
next:
	for _, s := range texts(args[0]) {
		for _, other := range others {
			if !other[s] {
				continue next
			}
		}
		out.add(s)
	}
	return out.all()
}

func without(args []any) any {
	list, others := texts(args[0]), sets(args[1:])
	out := make([]string, 0, len(list))
next:
	for _, s := range list {
		for _, other := range others {
			if other[s] {
				continue next
			}
		}
		out = append(out, s)
	}
	return out
}

func sets(lists []any) []map[string]bool {
	out := make([]map[string]bool, len(lists))
	for i, list := range lists {
		strings := texts(list)
		out[i] = make(map[string]bool, len(strings))
		for _, s := range strings {
			out[i][s] = true
		}
	}
	return out
}

// once is a list of strings without repetitions, in the order in which they came.
type once struct {
	list []string
	seen map[string]bool
}

func (o *once) add(s string) {
	if o.seen[s] {
		return
	}
	if o.seen == nil {
		o.seen = map[string]bool{}
	}
	if len(o.list) == maxList {
		panic(unfitf("a list has more than %d elements", maxList))
	}
	o.seen[s] = true
	o.list = append(o.list, s)
}

func (o *once) all() []string { return notNil(o.list) }

func object(v any) map[string]any {
	if t, ok := v.(*Table); ok {
		return t.values
	}
	m, ok := v.(map[string]any)
	if !ok {
		panic(failuref("an object is needed, and this is %s", kindOf(v)))
	}
	return m
}
