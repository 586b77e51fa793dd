package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
)

// maker makes rules. Most are well typed and know what may be missing, so that many of them compile; now and then one is neither.
type maker struct {
	t       *rapid.T
	sources []source // what can be read here
	element []source // of these, the element of a predicate
	claims  int      // how many were named
	facts   []string // of the schema
	day     time.Time
}

// source is an expression that reads something.
type source struct {
	expr, typ string
	maybe     bool // it may be nil
}

// index is a number below n. Those of rapid are small most of the time.
func (m *maker) index(n int) (i int) {
	for range bits.Len(uint(n - 1)) {
		i <<= 1
		if rapid.Bool().Draw(m.t, "bit") {
			i++
		}
	}
	return i % n
}

func (m *maker) oneIn(n int) bool { return m.index(n) == n-1 }

func (m *maker) pick(of ...string) string { return of[m.index(len(of))] }

// part makes a part that rapid can leave out when it makes a failing example smaller.
func (m *maker) part(do func(*maker) string) string {
	return rapid.Custom(func(t *rapid.T) string {
		inner := *m
		inner.t = t
		inner.pick("", "")
		return do(&inner)
	}).Draw(m.t, "part")
}

const (
	aText  = "text"
	anInt  = "int"
	aFloat = "float"
	aBool  = "bool"
	texts  = "texts"
	ints   = "ints"
	floats = "floats"
	bools  = "bools"
	shares = "shares" // objects with name, writable, size, tags
	object = "object"
	mixed  = "mixed" // a list of anything
)

func types() []string {
	return []string{aText, texts, anInt, aBool, aFloat, object, ints, floats, bools, shares, mixed}
}

// request is what every request has.
func requestSources() []source {
	return []source{
		{"identity.username", aText, false}, {"identity.userId", aText, false}, {"identity.preferredUsername", aText, false}, {"identity.email", aText, false},
		{"identity.unverifiedEmail", aText, false}, {"identity.groups", texts, false}, {"identity.isUser", aBool, false}, {"identity.emailVerified", aBool, false},
		{"client.id", aText, false}, {"connector.id", aText, false}, {"scopes", texts, false}, {"audience", texts, false}, {"grant", aText, false},
		{"stage", aText, false}, {"token", aText, false}, {"now.day", aText, false}, {"now.minute", aText, false}, {"now.weekday", aText, false}, {"identity", object, false},
		{"claims.sub", aText, false}, {"claims.iss", aText, false}, {"claims.name", aText, true}, {"claims.preferred_username", aText, true}, {"claims.email", aText, true},
		{"claims.email_verified", aBool, true}, {"claims.groups", texts, true}, {"claims.aud", aText, true}, {`claims["na" + "me"]`, aText, true},
		{"tables.roles", object, false}, {"tables.known", texts, false}, {`tables.roles["dev"]`, aText, true}, {"tables.roles[identity.username]", aText, true},
	}
}

// factSources is what the schema of a lookup may have: its JSON Schema, and how rules read it.
func factSources() map[string]struct {
	schema string
	reads  []source
} {
	type fact = struct {
		schema string
		reads  []source
	}
	return map[string]fact{
		"name":  {`{"type": "string"}`, []source{{".name", aText, false}}},
		"phone": {`{"type": ["string", "null"]}`, []source{{".phone", aText, true}}},
		"admin": {`{"type": "boolean"}`, []source{{".admin", aBool, false}}},
		"vip":   {`{"type": ["boolean", "null"]}`, []source{{".vip", aBool, true}}},
		"uid":   {`{"type": "integer"}`, []source{{".uid", anInt, false}}},
		"level": {`{"type": ["integer", "null"]}`, []source{{".level", anInt, true}}},
		"quota": {`{"type": "number"}`, []source{{".quota", aFloat, false}}},
		"ratio": {`{"type": ["number", "null"]}`, []source{{".ratio", aFloat, true}}},
		"teams": {`{"type": "array", "items": {"type": "string"}}`, []source{{".teams", texts, false}}},
		"alt":   {`{"type": ["array", "null"], "items": {"type": "string"}}`, []source{{".alt", texts, true}}},
		"ids":   {`{"type": "array", "items": {"type": "integer"}}`, []source{{".ids", ints, false}}},
		"sizes": {`{"type": "array", "items": {"type": "number"}}`, []source{{".sizes", floats, false}}},
		"flags": {`{"type": "array", "items": {"type": "boolean"}}`, []source{{".flags", bools, false}}},
		"home": {`{"type": "object", "properties": {"path": {"type": "string"}, "mode": {"type": "integer"}, "nick": {"type": ["string", "null"]}, "deep": {"type": "object", "properties": {"x": {"type": "string"}}}}}`,
			[]source{{".home", object, false}, {".home.path", aText, false}, {".home.mode", anInt, false}, {".home.nick", aText, true}, {".home.deep.x", aText, false}}},
		"addr": {`{"type": ["object", "null"], "properties": {"country": {"type": "string"}, "zip": {"type": ["integer", "null"]}}}`,
			[]source{{".addr", object, true}, {".addr?.country", aText, true}, {".addr?.zip", anInt, true}}},
		"shares": {`{"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}, "writable": {"type": "boolean"}, "size": {"type": ["integer", "null"]}, "tags": {"type": "array", "items": {"type": "string"}}}}}`,
			[]source{{".shares", shares, false}}},
		"attributes": {`{"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}, "value": {"type": "string"}}}}`,
			[]source{{".attributes.quota", aText, true}, {".attributes", mixed, false}}},
		"home-dir": {`{"type": "string"}`, []source{{`["home-dir"]`, aText, false}}},
	}
}

func hostSources(alias string) []source {
	return []source{
		{alias + ".found", aBool, false}, {alias + ".problem", aText, false}, {alias + ".stale", aBool, false}, {alias + ".age", anInt, false},
		{alias + ".asked", aBool, false}, {alias + ".failed", aBool, false},
	}
}

// any makes an expression of any type.
func (m *maker) any(depth int) string { return m.expr(m.pick(types()...), depth) }

// expr makes an expression of a type that is never nil.
func (m *maker) expr(typ string, depth int) string {
	return m.part(func(m *maker) string {
		if m.oneIn(100) {
			typ = m.pick(types()...)
		}
		if depth <= 0 || m.oneIn(6) {
			return m.leaf(typ)
		}
		if m.oneIn(4) {
			return m.general(typ, depth-1)
		}
		return m.special(typ, depth-1)
	})
}

// leaf is a constant, or what is read.
func (m *maker) leaf(typ string) string {
	var here []string
	for _, s := range m.sources {
		if s.typ == typ && !s.maybe {
			here = append(here, s.expr)
		}
	}
	for _, s := range m.element {
		if s.typ == typ && !s.maybe {
			here = append(here, s.expr, s.expr, s.expr)
		}
	}
	if len(here) > 0 && !m.oneIn(3) {
		return m.pick(here...)
	}
	switch typ {
	case aText:
		return m.pick(`"a"`, `""`, `"dev-a"`, `"Zoë"`, `"e\u0301-x"`, `"a,b;c"`, `"x@y.org"`, `"😀 b"`, `"12"`, `"cn=Ada,ou=x"`, `"1.5"`)
	case anInt:
		return m.pick("0", "1", "2", "-1", "7", "9007199254740993", "-9007199254740991", "9223372036854775807", "256")
	case aFloat:
		return m.pick("0.5", "-1.5", "1e10", "0.0", "1e300")
	case aBool:
		return m.pick("true", "false")
	case texts:
		return m.pick(`[]`, `["a", "dev-a"]`, `["dev-a", "ops", "", "Zoë"]`)
	case ints:
		return m.pick("[1, 2]", "[0, -1, 5]", "1..3")
	case floats:
		return m.pick("[0.5, 1.5]", "[-1.5]")
	case bools:
		return m.pick("[true]", "[true, false]")
	case shares:
		return `[{name: "a", writable: true, size: 1, tags: ["x"]}]`
	case object:
		return m.pick(`{a: "x"}`, `{a: 1, b: "", c: true}`, `{}`, `{a: {b: "y"}}`)
	}
	return m.pick(`["a", 1]`, `[true, "x", 1.5]`, `[{a: 1}, "x"]`)
}

// nothing is an expression of a type that may be nil.
func (m *maker) nothing(typ string, depth int) string {
	return m.part(func(m *maker) string {
		var here []string
		for _, s := range append(slices.Clone(m.sources), m.element...) {
			if s.typ == typ && s.maybe {
				here = append(here, s.expr)
			}
		}
		if len(here) > 0 && !m.oneIn(3) {
			return m.pick(here...)
		}
		list, ok := map[string]string{aText: texts, anInt: ints, aFloat: floats, aBool: bools}[typ]
		if !ok {
			list = mixed
		}
		l := m.expr(list, depth-1)
		switch m.index(5) {
		case 0:
			return "first(" + l + ")"
		case 1:
			return "last(" + l + ")"
		case 2:
			return "(" + l + ")" + m.pick("[0]", "[1]", "[-1]")
		case 3:
			return m.pick("find(", "findLast(") + l + ", " + m.predicate(list, depth-1) + ")"
		}
		if typ == anInt {
			return m.pick("findIndex(", "findLastIndex(") + l + ", " + m.predicate(list, depth-1) + ")"
		}
		return "first(" + l + ")"
	})
}

// predicate is a test of an element.
func (m *maker) predicate(list string, depth int) string { return m.each(list, aBool, depth) }

// each is a value for an element.
func (m *maker) each(list, typ string, depth int) string {
	inner := *m
	elem := map[string]string{texts: aText, ints: anInt, floats: aFloat, bools: aBool}[list]
	it := m.pick("it", "it", "#")
	switch {
	case elem != "":
		inner.element = []source{{it, elem, false}, {"#index", anInt, false}}
	case list == shares:
		inner.element = []source{{it + ".name", aText, false}, {it + ".writable", aBool, false}, {it + ".size", anInt, true}, {it + ".tags", texts, false}, {it, object, false}}
	default:
		inner.element = []source{{"toJSON(" + it + ")", aText, false}, {"type(" + it + ")", aText, false}}
	}
	return inner.expr(typ, min(depth, 2))
}

// general are the forms that give any type.
func (m *maker) general(typ string, depth int) string {
	x := func() string { return m.expr(typ, depth) }
	switch m.index(14) {
	case 0, 1:
		return "(" + m.expr(aBool, depth) + " ? " + x() + " : " + x() + ")"
	case 2:
		return "(if " + m.expr(aBool, depth) + " { " + x() + " } else { " + x() + " })"
	case 3, 4:
		return "(" + m.nothing(typ, depth) + " ?? " + x() + ")"
	case 5, 6:
		return "default(" + m.nothing(typ, depth) + ", " + x() + ")"
	case 7:
		return "default(" + m.nothing(typ, depth) + ", " + m.nothing(typ, depth) + ", " + x() + ")"
	case 8:
		some := m.nothing(typ, depth)
		return "(" + some + m.pick(" != nil ? ", " != nil and true ? ") + some + " : " + x() + ")"
	case 9:
		some := m.nothing(typ, depth)
		return "(has(" + some + ") ? " + some + " : " + x() + ")"
	case 10:
		return "firstMatch(" + m.expr(texts, depth) + `, "dev-*", ` + x() + `, "a?", ` + x() + ", " + x() + ")"
	case 11:
		bound := m.pick(types()...)
		inner := *m
		inner.sources = append(slices.Clone(m.sources), source{"v", bound, false}, source{"v", bound, false})
		return "(let v = " + m.expr(bound, depth) + "; " + inner.expr(typ, depth) + ")"
	case 12:
		if typ == aText || typ == texts || typ == object {
			return "default(" + x() + ", " + x() + ")"
		}
		return x()
	}
	if typ == aText || typ == texts {
		return "required(" + m.pick(x(), m.nothing(typ, depth)) + ")"
	}
	return "[" + x() + ", " + x() + "][0]"
}

// special are the functions and operators that give a type.
func (m *maker) special(typ string, depth int) string {
	x := func(typ string) string { return m.expr(typ, depth) }
	aList := func() string { return m.pick(texts, ints, floats, bools, shares, mixed) }
	switch typ {
	case aText:
		return m.text(depth, x, aList)
	case texts:
		return m.texts(depth, x, aList)
	case aBool:
		return m.bool(depth, x, aList)
	case anInt:
		list := aList()
		switch m.index(7) {
		case 0:
			return "(" + x(anInt) + m.pick(" + ", " - ", " * ", " % ") + x(anInt) + ")"
		case 1:
			return "len(" + x(m.pick(texts, aText, object, mixed, ints, shares)) + ")"
		case 2:
			return m.pick("indexOf(", "lastIndexOf(") + x(aText) + ", " + x(aText) + ")"
		case 3:
			return "count(" + x(list) + ", " + m.predicate(list, depth) + ")"
		case 4:
			return "bucket(" + x(aText) + ")"
		case 5:
			return "int(" + x(m.pick(anInt, aFloat, aText)) + ")"
		}
		return "-(" + x(anInt) + ")"
	case aFloat:
		switch m.index(4) {
		case 0:
			return "(" + x(aFloat) + m.pick(" + ", " - ", " * ") + x(m.pick(aFloat, anInt)) + ")"
		case 1:
			return "(" + x(m.pick(aFloat, anInt)) + m.pick(" / ", " ** ") + x(m.pick(aFloat, anInt)) + ")"
		case 2:
			return "float(" + x(m.pick(anInt, aFloat, aText)) + ")"
		}
		return "-(" + x(aFloat) + ")"
	case ints, floats, bools:
		elem := map[string]string{ints: anInt, floats: aFloat, bools: aBool}[typ]
		list := aList()
		switch m.index(9) {
		case 0:
			return "map(" + x(list) + ", " + m.each(list, elem, depth) + ")"
		case 1:
			return "filter(" + x(typ) + ", " + m.predicate(typ, depth) + ")"
		case 2:
			return "[" + x(elem) + ", " + x(elem) + "]"
		case 3:
			return "take(" + x(typ) + ", " + x(anInt) + ")"
		case 4:
			return "concat(" + x(typ) + ", " + x(typ) + ")"
		case 5:
			return m.pick("sort(", "uniq(", "reverse(") + x(typ) + ")"
		case 6:
			return "(" + x(typ) + ")[" + m.pick("0:1", "1:", ":2", ":-1", "2:1") + "]"
		case 7:
			return "sortBy(" + x(typ) + ", " + m.each(typ, m.pick(elem, aText), depth) + m.pick("", `, "desc"`) + ")"
		}
		return m.leaf(typ)
	case shares:
		switch m.index(4) {
		case 0:
			return "filter(" + x(shares) + ", " + m.predicate(shares, depth) + ")"
		case 1:
			return "sortBy(" + x(shares) + ", " + m.each(shares, m.pick(aText, anInt), depth) + ")"
		case 2:
			return m.pick("reverse(", "concat([], ") + x(shares) + ")"
		}
		return "take(" + x(shares) + ", 1)"
	case object:
		list := aList()
		switch m.index(7) {
		case 0, 1:
			return "{a: " + m.any(depth) + m.pick("", ", b: "+m.any(depth), ", c: nil", ", (identity.username): 1") + "}"
		case 2:
			return "merge(" + x(object) + ", " + x(object) + ")"
		case 3:
			return "groupBy(" + x(list) + ", " + m.each(list, aText, depth) + ")"
		case 4:
			return "fromPairs(map(" + x(list) + ", [" + m.each(list, aText, depth) + ", " + m.each(list, m.pick(types()...), depth) + "]))"
		case 5:
			return "compact(" + x(object) + ")"
		}
		return x(object)
	}
	list := aList()
	switch m.index(6) {
	case 0:
		return "[" + m.any(depth) + ", " + m.any(depth) + "]"
	case 1:
		return "map(" + x(list) + ", " + m.each(list, m.pick(types()...), depth) + ")"
	case 2:
		return "filter(" + x(mixed) + ", " + m.predicate(mixed, depth) + ")"
	case 3:
		return "concat(" + x(list) + ", " + x(aList()) + ")"
	case 4:
		return "flatten([" + x(list) + ", " + x(aList()) + "])"
	}
	return "compact(" + x(mixed) + ")"
}

func (m *maker) text(depth int, x func(string) string, aList func() string) string {
	switch m.index(22) {
	case 0:
		return "(" + x(aText) + " + " + x(aText) + ")"
	case 1:
		return m.pick("lower(", "upper(", "trim(", "ascii(", "fold(", "quote(", "emailLocal(", "emailDomain(") + x(aText) + ")"
	case 2:
		return "(" + x(aText) + ` | ` + m.pick("lower()", "trim()", `replace("a", "bb")`, `split("-") | join("+")`, `addPrefix("p-")`) + ")"
	case 3:
		return "trim(" + x(aText) + ", " + x(aText) + ")"
	case 4:
		return "replace(" + x(aText) + ", " + x(aText) + ", " + x(aText) + ")"
	case 5:
		return "string(" + x(m.pick(aText, anInt, aFloat, aBool)) + ")"
	case 6:
		return "toJSON(" + m.any(depth) + ")"
	case 7:
		return "type(" + m.any(depth) + ")"
	case 8:
		return "join(" + x(texts) + m.pick("", ", "+x(aText)) + ")"
	case 9:
		return "(" + x(aText) + ")[" + m.pick("0:2", "1:", ":3", "-2:", ":-1", "2:1", x(anInt)+":") + "]"
	case 10:
		return "split(" + x(aText) + `, "-")[0]`
	case 11:
		return "rename(" + x(aText) + `, {dev: "d", a: ` + x(aText) + "})"
	case 12:
		return "rename(" + x(aText) + ", tables.roles)"
	case 13:
		return "replaceGlob(" + x(aText) + `, "dev-*", "*-dev")`
	case 14:
		return "replaceRegex(" + x(aText) + `, "^([a-z]+)-?", "${1}_")`
	case 15:
		return m.pick("addPrefix(", "addSuffix(", "trimPrefix(", "trimSuffix(", "addDomain(", "stripDomain(") + x(aText) + ", " + x(aText) + ")"
	case 16:
		return "dn(" + x(aText) + `, "cn")`
	case 17:
		return "firstMatch(" + x(texts) + `, "dev-*", "Dev", "?*", ` + x(aText) + `, "")`
	case 18:
		return "string(" + m.nothing(aText, depth) + " ?? " + x(anInt) + ")"
	case 19:
		list := aList()
		return "toJSON(" + x(list) + ")"
	case 20:
		return "(" + x(object) + `?.a ?? "x") | string()`
	}
	return "join(keys(" + x(object) + `), ".")`
}

func (m *maker) texts(depth int, x func(string) string, aList func() string) string {
	list := aList()
	switch m.index(20) {
	case 0:
		return "filter(" + x(texts) + ", " + m.predicate(texts, depth) + ")"
	case 1:
		return "map(" + x(list) + ", " + m.each(list, aText, depth) + ")"
	case 2:
		return m.pick("keep(", "drop(") + x(texts) + `, "dev-*", "?")`
	case 3:
		return m.pick("union(", "intersect(", "without(", "concat(") + x(texts) + ", " + x(texts) + ")"
	case 4:
		return "take(" + x(texts) + ", " + x(anInt) + ")"
	case 5:
		return m.pick("reverse(", "sort(", "uniq(", "compact(", "ascii(", "fold(") + x(texts) + ")"
	case 6:
		return "sort(" + x(texts) + `, "desc")`
	case 7:
		return m.pick("addPrefix(", "addSuffix(", "trimPrefix(", "trimSuffix(", "addDomain(", "stripDomain(") + x(texts) + ", " + x(aText) + ")"
	case 8:
		return "rename(" + x(texts) + `, {dev: "d", a: ` + x(aText) + "})"
	case 9:
		return "translate(" + x(texts) + `, {a: ["x", ` + x(aText) + `], ops: "o"})`
	case 10:
		return m.pick("translate(", "rename(") + x(texts) + ", tables.roles)"
	case 11:
		return "split(" + x(aText) + ", " + x(aText) + m.pick("", ", 2") + ")"
	case 12:
		return "keys(" + x(object) + ")"
	case 13:
		return "[" + x(aText) + ", " + x(aText) + "]"
	case 14:
		return "(" + x(texts) + ")[" + m.pick("0:1", "1:", ":2", ":-1", "2:1", x(anInt)+":") + "]"
	case 15:
		return "sortBy(" + x(texts) + ", " + m.each(texts, m.pick(aText, anInt), depth) + m.pick("", `, "desc"`) + ")"
	case 16:
		return "dn(" + x(texts) + `, "cn")`
	case 17:
		return m.pick("replaceGlob(", "replaceRegex(") + x(texts) + `, "a", "b")`
	case 18:
		return "(" + x(texts) + " | filter(" + m.predicate(texts, depth) + ") | sort())"
	}
	return "map(" + x(shares) + ", it.name)"
}

func (m *maker) bool(depth int, x func(string) string, aList func() string) string {
	list := aList()
	same := m.pick(aText, anInt, aFloat, aBool, texts, object, mixed)
	switch m.index(18) {
	case 0:
		return "(" + x(aBool) + m.pick(" and ", " or ", " && ", " || ") + x(aBool) + ")"
	case 1:
		return m.pick("not ", "!") + "(" + x(aBool) + ")"
	case 2:
		return "has(" + m.pick(m.nothing(m.pick(types()...), depth), x(m.pick(aText, texts, object))) + ")"
	case 3:
		return "(" + x(same) + m.pick(" == ", " != ") + x(m.pick(same, same, same, aText)) + ")"
	case 4:
		return "(" + m.nothing(m.pick(types()...), depth) + m.pick(" == ", " != ") + "nil)"
	case 5:
		return "(" + m.nothing(same, depth) + m.pick(" == ", " != ") + x(same) + ")"
	case 6:
		return "(" + m.pick(x(aText), m.nothing(aText, depth)) + m.pick(" in ", " not in ") + x(texts) + ")"
	case 7:
		return m.pick("any(", "all(", "none(", "one(") + x(list) + ", " + m.predicate(list, depth) + ")"
	case 8:
		return "(" + m.pick(x(aText), m.nothing(aText, depth)) + m.pick(" contains ", " startsWith ", " endsWith ") + x(aText) + ")"
	case 9:
		return "(" + x(m.pick(anInt, aFloat)) + m.pick(" < ", " <= ", " > ", " >= ") + x(m.pick(anInt, aFloat)) + ")"
	case 10:
		return "(" + x(aText) + m.pick(" < ", " >= ") + x(aText) + ")"
	case 11:
		return "(" + m.pick(x(aText), m.nothing(aText, depth)) + ` matches "^[a-z]+$")`
	case 12:
		return "glob(" + x(aText) + `, "dev-*", "?")`
	case 13:
		return m.pick("hasPrefix(", "hasSuffix(") + x(aText) + ", " + x(aText) + ")"
	case 14:
		return "(" + m.nothing(aBool, depth) + " == true)"
	case 15:
		return "(" + x(anInt) + " in " + x(ints) + ")"
	case 16:
		return m.pick(`(client.id == "web")`, `(client.id in ["web", "cli"])`, `(client.id startsWith "w")`, `glob(client.id, "c*")`, `("name" in claims)`, `(token == "id")`, `(stage == "login")`,
			`(grant == "refresh_token")`, `(now.weekday in ["Saturday", "Sunday"])`, `(now.day >= "2026-12-01")`, `("a" in tables.roles)`)
	}
	return "(" + x(aText) + " in " + x(object) + ")"
}

// configuration is what is made: steps, and what a plugin knows.
type configuration struct {
	facts []string // of the schema of the plugin
	steps []*step
}

// step is a step of the file.
type step struct {
	lines  []string // what is not below
	set    []member
	steps  []*step
	lookup string // its alias
}

type member struct{ name, value string }

func (c *configuration) GoString() string { return "\n" + c.yaml("") }

func (c *configuration) yaml(tests string) string {
	var b strings.Builder
	b.WriteString("listen: unix:///run/claimsmith/hook.sock\nbudget: 10m\nconnectors:\n  google: {emailDomains: [x.org]}\nplugins:\n  nas: {builtin: nas}\n" +
		"tables:\n  roles: {values: {dev: d, a: [x, \"y\"], ops: o}}\n  known: {values: [a, dev-a]}\npipeline:\n")
	writeSteps(&b, c.steps, "  ")
	return b.String() + tests
}

func writeSteps(b *strings.Builder, steps []*step, pad string) {
	for _, s := range steps {
		fmt.Fprintf(b, "%s- name: step\n", pad)
		for _, line := range s.lines {
			fmt.Fprintf(b, "%s  %s\n", pad, line)
		}
		if s.set != nil {
			fmt.Fprintf(b, "%s  set:\n", pad)
		}
		for _, a := range s.set {
			fmt.Fprintf(b, "%s    %s: %s\n", pad, a.name, a.value)
		}
		if s.steps != nil {
			fmt.Fprintf(b, "%s  steps:\n", pad)
			writeSteps(b, s.steps, pad+"    ")
		}
	}
}

// without drops what stands at a path.
func without(steps []*step, path string) []*step {
	var at int
	path = strings.TrimPrefix(strings.TrimPrefix(path, "pipeline"), ".steps")
	if _, err := fmt.Sscanf(path, "[%d]", &at); err != nil || at >= len(steps) {
		return nil
	}
	s := steps[at]
	rest := path[strings.IndexByte(path, ']')+1:]
	if inner, ok := strings.CutPrefix(rest, ".set."); ok && len(s.set) > 1 {
		for i, a := range s.set {
			if name := strings.Trim(a.name, `"`); inner == name || strings.HasPrefix(inner, name+".") || strings.HasPrefix(inner, name+"[") {
				s.set = slices.Delete(s.set, i, i+1)
				return steps
			}
		}
	}
	if strings.HasPrefix(rest, ".steps[") {
		if s.steps = without(s.steps, rest); len(s.steps) > 0 {
			return steps
		}
	}
	return slices.Delete(steps, at, at+1)
}

func quoted(expr string) string { return "'" + strings.ReplaceAll(expr, "'", "''") + "'" }

// value is the value of a claim, as an expression, or as a list or a map of them.
func (m *maker) value(typ string) string {
	depth := 1 + m.index(3)
	switch m.index(12) {
	case 0:
		return "{x: " + quoted(m.any(depth)) + ", y: [" + quoted(m.any(depth)) + ", 1], z: {w: " + quoted("optional("+m.nothing(typ, depth)+")") + "}}"
	case 1:
		return "[" + quoted(m.any(depth)) + ", " + quoted("optional("+m.any(depth)+")") + ", true]"
	case 2:
		return quoted("optional(" + m.nothing(typ, depth) + ")")
	case 3:
		return quoted(m.expr(aBool, depth) + " ? optional(" + m.expr(typ, depth) + ") : " + m.expr(typ, depth))
	}
	return quoted(m.expr(typ, depth))
}

// configurations makes configurations. The day is that of the decisions.
func configurations(day time.Time) *rapid.Generator[*configuration] {
	return rapid.Custom(func(t *rapid.T) *configuration {
		m := &maker{t: t, sources: requestSources(), day: day}
		c := &configuration{}
		known := factSources()
		for _, name := range slices.Sorted(maps.Keys(known)) {
			if m.oneIn(2) {
				c.facts = append(c.facts, name)
			}
		}
		m.facts = c.facts
		for range m.index(3) {
			c.steps = append(c.steps, m.lookup(len(c.steps)))
		}
		for range 1 + m.index(6) {
			c.steps = append(c.steps, rapid.Custom(func(t *rapid.T) *step {
				inner := *m
				inner.t = t
				s := inner.step(2)
				m.sources, m.claims = inner.sources, inner.claims
				return s
			}).Draw(t, "step"))
		}
		return c
	})
}

// lookup asks the plugin; then its facts can be read.
func (m *maker) lookup(n int) *step {
	alias := fmt.Sprintf("nas%d", n)
	s := &step{lookup: alias, lines: []string{"lookup: nas", "as: " + alias, m.pick("onError: fail", "onError: continue"),
		"grants: [authorization_code, refresh_token, password, implicit]"}}
	if m.oneIn(2) {
		s.lines = append(s.lines, "with: {email: identity.email, id: "+quoted(m.expr(aText, 1))+", n: "+quoted(m.expr(anInt, 1))+", tags: "+quoted(m.expr(texts, 2))+", q: "+quoted(m.expr(aFloat, 1))+"}")
	}
	known := factSources()
	m.sources = append(slices.Clone(m.sources), hostSources(alias)...)
	for _, name := range m.facts {
		for _, r := range known[name].reads {
			m.sources = append(m.sources, source{alias + r.expr, r.typ, r.maybe})
		}
	}
	return s
}

// step makes a step that is no lookup; groups are nested as deep as is said.
func (m *maker) step(deep int) *step {
	s := &step{}
	sometimes := m.oneIn(3)
	if sometimes {
		s.lines = append(s.lines, "when: "+quoted(m.expr(aBool, 2)))
	}
	if m.oneIn(8) {
		sometimes = true
		s.lines = append(s.lines, m.pick("from: ", "until: ")+m.day.AddDate(0, 0, m.index(3)-1).Format(time.DateOnly))
	}
	switch kind := m.index(10); {
	case kind == 9 && deep > 0:
		before := m.sources
		for range 1 + m.index(3) {
			s.steps = append(s.steps, m.step(deep-1))
		}
		if sometimes {
			m.sources = onlySometimes(before, m.sources)
		}
	case kind == 8:
		s.lines = append(s.lines, "deny: "+quoted(m.expr(aBool, 2)), "message: "+quoted("No: ${"+m.expr(m.pick(aText, anInt, aBool, aFloat), 2)+"} for ${"+m.leaf(aText)+"}."))
	case kind == 7:
		name := m.pick("name", "groups", "preferred_username", "c0", "c1")
		s.lines = append(s.lines, "remove: ["+name+"]")
		m.sources = slices.DeleteFunc(slices.Clone(m.sources), func(s source) bool { return s.expr == "claims."+name })
	default:
		made := slices.Clone(m.sources)
		for range 1 + m.index(3) {
			a, src := m.assignment()
			if slices.ContainsFunc(s.set, func(other member) bool { return other.name == a.name }) {
				continue
			}
			s.set = append(s.set, a)
			src.maybe = src.maybe || sometimes
			made = append(slices.DeleteFunc(made, func(old source) bool { return old.expr == src.expr }), src)
		}
		m.sources = made
	}
	return s
}

// onlySometimes are the sources after a group that is not always done.
func onlySometimes(before, after []source) []source {
	out := slices.Clone(after)
	for i, s := range out {
		if !slices.Contains(before, s) {
			out[i].maybe = true
		}
	}
	return out
}

func (m *maker) assignment() (member, source) {
	typ := m.pick(types()...)
	value := m.value(typ)
	optional := strings.Contains(value, "optional(")
	if strings.HasPrefix(value, "{") || strings.HasPrefix(value, "[") {
		optional, typ = false, map[bool]string{true: object, false: mixed}[value[0] == '{']
	}
	switch m.index(8) {
	case 0:
		return member{"groups", quoted(m.expr(texts, 3))}, source{"claims.groups", texts, false}
	case 1:
		name := m.pick("name", "preferred_username", "username", "nickname", "email")
		return member{name, quoted(m.expr(aText, 3))}, source{"claims." + name, aText, false}
	case 2:
		return member{`"https://x.org/c"`, value}, source{`claims["https://x.org/c"]`, typ, optional}
	case 3:
		return member{"k", m.pick("1", "true", "0.5", "[1, 2]", "{a: 1, b: [true]}")}, source{"claims.k", mixed, true}
	}
	if m.claims > 0 && m.oneIn(3) {
		name := fmt.Sprintf("c%d", m.index(m.claims))
		return member{name, value}, source{"claims." + name, typ, optional}
	}
	m.claims++
	name := fmt.Sprintf("c%d", m.claims-1)
	return member{name, value}, source{"claims." + name, typ, optional}
}

// options describe the plugin of a configuration.
func (c *configuration) options() compile.Options {
	known, fields := factSources(), []string{}
	for _, name := range c.facts {
		raw, _ := json.Marshal(name)
		fields = append(fields, string(raw)+": "+known[name].schema)
	}
	facts := `{"type": "object", "properties": {` + strings.Join(fields, ", ") + `}}`
	params := `{"type": "object", "properties": {"email": {"type": "string"}, "id": {"type": "string"}, "n": {"type": "integer"}, "q": {"type": "number"}, "tags": {"type": "array", "items": {"type": "string"}}}}`
	return compile.Options{Builtins: map[string]compile.Builtin{"nas": {Describe: func() (compile.Description, error) {
		return compile.Description{Name: "nas", Version: "1", Config: []byte(`{"type": "object"}`), Params: []byte(params), Facts: []byte(facts)}, nil
	}}}, AllowWritable: true}
}
