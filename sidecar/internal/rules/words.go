package rules

import "strings"

// word is what other languages call something of ours.
type word struct {
	ours          string // a function; empty for what is none
	cel, jmespath string // the names in CEL, with the extensions of cel-go, and in JMESPath of the community edition; or the form that does it
	others        string // names in these and in other languages, as Go templates, JavaScript, Python and SQL
	write         string // what to write here
}

// dictionary has the columns of the documentation, and the hints for names that nobody knows here.
var dictionary = []word{
	{"all", "all", "", "every", "all(list, test)"},
	{"any", "exists", "contains", "some includes", `any(list, test), or x in list; a part of a text is found by text contains "part"`},
	{"one", "exists_one", "", "existsOne", "one(list, test)"},
	{"filter", "filter", "[?...]", "where", "filter(list, test)"},
	{"map", "map", "[*]...", "forEach", "map(list, value)"},
	{"find", "", "[?...] | [0]", "", "find(list, test)"},
	{"sortBy", "sortBy", "sort_by", "", "sortBy(list, value)"},
	{"len", "size", "length", "strlen", "len(x)"},
	{"first", "first", "[0]", "head", "first(list)"},
	{"last", "last", "[-1]", "", "last(list)"},
	{"take", "slice", "[:n]", "substring substr charAt", "x[1:3]"},
	{"concat", "+", "[...][]", "append", "concat(list, list)"},
	{"reverse", "reverse", "reverse", "reversed", "reverse(list)"},
	{"sort", "sort", "sort", "sorted sortAlpha", "sort(list)"},
	{"uniq", "distinct", "", "unique", "uniq(list)"},
	{"flatten", "flatten", "[]", "flat", "flatten(list)"},
	{"join", "join", "join", "", "join(list, between)"},
	{"split", "split", "split", "splitList", "split(string, at)"},
	{"keys", "", "keys", "", "keys(object)"},
	{"lower", "lowerAscii", "lower", "toLower toLowerCase lowercase", "lower(string)"},
	{"upper", "upperAscii", "upper", "toUpper toUpperCase uppercase", "upper(string)"},
	{"trim", "trim", "trim", "strip trimSpace trimAll", "trim(string)"},
	{"hasPrefix", "startsWith", "starts_with", "startswith", `x startsWith "y"`},
	{"hasSuffix", "endsWith", "ends_with", "endswith", `x endsWith "y"`},
	{"indexOf", "indexOf", "find_first", "index", "indexOf(string, part)"},
	{"lastIndexOf", "lastIndexOf", "find_last", "rindex", "lastIndexOf(string, part)"},
	{"replace", "replace", "replace", "replaceAll", "replace(string, old, new)"},
	{"string", "string", "to_string", "str toString format printf", "string(x), or toJSON(x) for lists and objects; texts are put together with +"},
	{"int", "int", "to_number", "parseInt atoi Number", "int(x)"},
	{"float", "double", "to_number", "parseFloat", "float(x)"},
	{"firstMatch", "? :", "&& ||", "ternary iif cond", "condition ? a : b, or firstMatch(list, pattern, value, ..., otherwise)"},
	{"replaceRegex", "", "", "regexReplaceAll regex_replace gsub", "replaceRegex(x, pattern, with)"},
	{"groupBy", "", "group_by", "groupby", "groupBy(list, name)"},
	{"fromPairs", "", "from_items", "dict", "fromPairs(list)"},
	{"merge", "", "merge", "assign mergeOverwrite", "merge(object, object)"},
	{"compact", "", "[?@]", "", "compact(x)"},
	{"toJSON", "", "to_string", "toJson tojson stringify", "toJSON(x)"},
	{"quote", "strings.quote", "", "squote", "quote(string)"},
	{"has", "has", "", "hasValue hasKey isset", "has(x)"},
	{"default", "orValue", "||", "not_null coalesce ifnull or getOrDefault", "default(x, otherwise)"},
	{"required", "", "", "value must", "required(x)"},
	{"type", "type", "type", "typeof isinstance", "type(x)"},

	{others: "matches regexMatch match", write: `x matches "pattern"`},
	{others: "eq", write: "a == b"},
	{others: "ne", write: "a != b"},
	{others: "now date duration timezone timestamp", write: "now.day or now.minute, or from: and until: on a step"},
	{others: "get", write: "x?.y, or default(x.y, otherwise) for what may be missing"},
	{others: "null None undefined NULL Null Nil", write: "nil"},
	{others: "True TRUE", write: "true"},
	{others: "False FALSE", write: "false"},
	{others: "AND", write: "and"},
	{others: "OR", write: "or"},
	{others: "NOT", write: "not"},
	{others: "IN", write: "in"},
}

// unavailable says why functions of expr are off that people look for.
func unavailable(name string) string {
	switch name {
	case "now", "date", "duration", "timezone", "get":
		return foreign(name)
	case "fromJSON":
		return "text that somebody else wrote would become values of any type"
	case "repeat":
		return "strings could grow without bound"
	}
	return ""
}

// foreign is the hint for somebody who writes a word of another language; empty where it is none that we know.
func foreign(name string) string {
	for _, w := range dictionary {
		for _, known := range strings.Fields(w.cel + " " + w.jmespath + " " + w.others) {
			if known == name {
				return "write " + w.write
			}
		}
	}
	return ""
}

// Elsewhere is what a function is called in CEL, with the extensions of cel-go, and in JMESPath; empty where there is none.
func (f Function) Elsewhere() (cel, jmespath string) {
	for _, w := range dictionary {
		if w.ours == f.Name {
			return w.cel, w.jmespath
		}
	}
	return "", ""
}
