package rules

import "slices"

// Function is a function that expressions may call. No other is available.
type Function struct {
	Name      string
	Signature string
	Doc       string
	Example   string // an expression without variables
	Result    string // its value as JSON
}

// Functions returns all functions, for the documentation.
func Functions() []Function { return slices.Clone(functions) }

// functions is the allow-list. The functions of package expr that are not on it are off: they leak the clock, surprise, or
// can grow without bound. Those of ownFunctions replace expr's.
var functions = []Function{
	{"all", "all(list, test)", "whether the test holds for each element, which is called it, or #", `all(["a", "ab"], it startsWith "a")`, `true`},
	{"any", "any(list, test)", "whether the test holds for some element", `any(["a", "b"], it == "b")`, `true`},
	{"none", "none(list, test)", "whether the test holds for no element", `none(["a", "b"], it == "c")`, `true`},
	{"one", "one(list, test)", "whether the test holds for exactly one element", `one(["a", "b"], it == "b")`, `true`},
	{"count", "count(list, test)", "for how many elements the test holds", `count([1, 2, 3], it > 1)`, `2`},
	{"filter", "filter(list, test)", "the elements for which the test holds", `filter(["dev-a", "ops"], it startsWith "dev-")`, `["dev-a"]`},
	{"map", "map(list, value)", "the value for each element", `map(["a", "b"], "nas:" + it)`, `["nas:a","nas:b"]`},
	{"find", "find(list, test)", "the first element for which the test holds, or nil", `find(["a", "ab"], it endsWith "b") ?? "none"`, `"ab"`},
	{"findLast", "findLast(list, test)", "the last element for which the test holds, or nil", `findLast([1, 2, 3], it < 3) ?? 0`, `2`},
	{"findIndex", "findIndex(list, test)", "the place of the first such element, from 0, or nil", `findIndex(["a", "b"], it == "b") ?? -1`, `1`},
	{"findLastIndex", "findLastIndex(list, test)", "the place of the last such element, or nil", `findLastIndex([1, 2, 1], it == 1) ?? -1`, `2`},
	{"sortBy", "sortBy(list, value, order)", `the list sorted by a value; order is "asc" or "desc"`, `sortBy(["bb", "a"], len(it))`, `["a","bb"]`},
	{"len", "len(x)", "the number of elements, or of characters", `len("Jörg")`, `4`},
	{"first", "first(list)", "the first element, or nil", `first(["a", "b"])`, `"a"`},
	{"last", "last(list)", "the last element, or nil", `last(["a", "b"])`, `"b"`},
	{"take", "take(list, n)", "the first n elements", `take(["a", "b", "c"], 2)`, `["a","b"]`},
	{"concat", "concat(list, list, ...)", "the lists one after the other", `concat(["a"], ["b"])`, `["a","b"]`},
	{"reverse", "reverse(list)", "the list from the end", `reverse([1, 2])`, `[2,1]`},
	{"sort", "sort(list, order)", `the list sorted; order is "asc" or "desc"`, `sort(["b", "a"])`, `["a","b"]`},
	{"uniq", "uniq(list)", "the list without repetitions; its elements are strings, numbers or booleans", `uniq(["a", "b", "a"])`, `["a","b"]`},
	{"flatten", "flatten(list)", "the elements of the lists in a list", `flatten([["a"], ["b", "c"]])`, `["a","b","c"]`},
	{"join", "join(list, between)", "the strings of a list as one", `join(["a", "b"], ", ")`, `"a, b"`},
	{"split", "split(string, at, n)", "the parts of a string; at most n where n is given", `split("a,b", ",")`, `["a","b"]`},
	{"keys", "keys(object)", "the names of an object's members, sorted", `keys({b: 1, a: 2})`, `["a","b"]`},
	{"lower", "lower(string)", "the string in lower case", `lower("Mum")`, `"mum"`},
	{"upper", "upper(string)", "the string in upper case", `upper("mum")`, `"MUM"`},
	{"trim", "trim(string, characters)", "the string without spaces, or those characters, at both ends", `trim(" a ")`, `"a"`},
	{"hasPrefix", "hasPrefix(string, prefix)", "the same as startsWith", `hasPrefix("dev-a", "dev-")`, `true`},
	{"hasSuffix", "hasSuffix(string, suffix)", "the same as endsWith", `hasSuffix("dev-a", "-a")`, `true`},
	{"indexOf", "indexOf(string, part)", "where the part begins, in characters from 0, or -1", `indexOf("Zoë@b", "@")`, `3`},
	{"lastIndexOf", "lastIndexOf(string, part)", "where the part begins for the last time, or -1", `lastIndexOf("a.b.c", ".")`, `3`},
	{"replace", "replace(string, old, new)", "the string with each old replaced by new", `replace("a.b", ".", "-")`, `"a-b"`},
	{"string", "string(x)", "a string, number or boolean as string", `string(42)`, `"42"`},
	{"int", "int(x)", "a number, or a string that is one, as integer", `int("42")`, `42`},
	{"float", "float(x)", "a number, or a string that is one, as number", `float("0.5")`, `0.5`},
	{"emailLocal", "emailLocal(address)", "what stands before the @; empty for what is no address", `emailLocal("mum@example.org")`, `"mum"`},
	{"emailDomain", "emailDomain(address)", "what stands behind the @, in lower case; empty for what is no address", `emailDomain("mum@Example.org")`, `"example.org"`},
	{"glob", "glob(string, pattern, ...)", "whether one of the patterns is the whole string; * is any text, ? one character", `glob("dev-a", "ops", "dev-*")`, `true`},
	{"keep", "keep(list, pattern, ...)", "the strings for which one of the patterns holds, as glob says", `keep(["dev-a", "hr", "ops"], "dev-*", "ops")`, `["dev-a","ops"]`},
	{"drop", "drop(list, pattern, ...)", "the strings for which none of the patterns holds", `drop(["dev-a", "hr", "ops"], "dev-*", "ops")`, `["hr"]`},
	{"replaceGlob", "replaceGlob(x, pattern, with)", "a string, or each of a list, that is like the pattern, written as with says; its * stand for those of the pattern", `replaceGlob(["acme:dev", "hr"], "acme:*", "*-at-acme")`, `["dev-at-acme","hr"]`},
	{"replaceRegex", "replaceRegex(x, pattern, with)", "a string, or each of a list, with what the pattern finds replaced; $1 and ${1} are its groups", `replaceRegex(["acme:dev", "hr"], "^acme:(.*)$", "${1}-at-acme")`, `["dev-at-acme","hr"]`},
	{"rename", "rename(x, table)", "a string, or each of a list, as a table calls it; what is not in the table stays", `rename(["dev", "hr"], {dev: "developers"})`, `["developers","hr"]`},
	{"translate", "translate(list, table)", "what a table gives for each string, a string or a list of strings, once each; what is not in the table is left out", `translate(["dev", "hr"], {dev: ["editor", "viewer"], ops: "admin"})`, `["editor","viewer"]`},
	{"firstMatch", "firstMatch(list, pattern, value, ..., otherwise)", "the value, of any type, of the first pattern that holds for one of the strings, as glob says; otherwise the last argument", `firstMatch(["ops", "dev-a"], "admins", "Admin", "dev-*", "Editor", "Viewer")`, `"Editor"`},
	{"addPrefix", "addPrefix(x, prefix)", "a string, or each of a list, with the prefix before it", `addPrefix(["a", "b"], "nas:")`, `["nas:a","nas:b"]`},
	{"addSuffix", "addSuffix(x, suffix)", "a string, or each of a list, with the suffix behind it", `addSuffix("a", "-ro")`, `"a-ro"`},
	{"trimPrefix", "trimPrefix(x, prefix)", "a string, or each of a list, without the prefix", `trimPrefix(["dev-a", "hr"], "dev-")`, `["a","hr"]`},
	{"trimSuffix", "trimSuffix(x, suffix)", "a string, or each of a list, without the suffix", `trimSuffix("a-ro", "-ro")`, `"a"`},
	{"addDomain", "addDomain(x, domain)", "a string, or each of a list, with @ and the domain behind it, if there is no @ in it yet", `addDomain(["admins", "users@example.com"], "example.com")`, `["admins@example.com","users@example.com"]`},
	{"stripDomain", "stripDomain(x, domain)", "a string, or each of a list, without @ and this domain, whatever its case; other domains stay", `stripDomain(["admins@Example.com", "users", "a@b.org"], "example.com")`, `["admins","users","a@b.org"]`},
	{"union", "union(list, list, ...)", "the strings that are in one of the lists, once each", `union(["a", "b"], ["b", "c"])`, `["a","b","c"]`},
	{"intersect", "intersect(list, list, ...)", "the strings of the first list that are in all others, once each", `intersect(["a", "b"], ["b", "c"])`, `["b"]`},
	{"without", "without(list, list, ...)", "the strings of the first list that are in none of the others", `without(["a", "b"], ["b", "c"])`, `["a"]`},
	{"bucket", "bucket(string)", "a number from 0 to 99, always the same for a string: bucket(identity.userId) < 10 holds for about a tenth of all people", `bucket("roles:" + "mum")`, `78`},
	{"groupBy", "groupBy(list, name)", "an object of lists: the elements by what is given for each", `groupBy(["dev:a", "ops:b", "dev:c"], split(it, ":")[0])`, `{"dev":["dev:a","dev:c"],"ops":["ops:b"]}`},
	{"fromPairs", "fromPairs(list)", "an object of lists of a name and a value; the last of a name counts", `fromPairs(map(["a", "b"], [it, len(it)]))`, `{"a":1,"b":1}`},
	{"merge", "merge(object, object, ...)", "the members of all of them; the last of a name counts", `merge({a: 1, b: 1}, {b: 2})`, `{"a":1,"b":2}`},
	{"compact", "compact(x)", "an object or a list without what has(x) says is not there", `compact({a: "", b: nil, c: "x"})`, `{"c":"x"}`},
	{"toJSON", "toJSON(x)", "the JSON of a value, for those who want text", `toJSON({a: ["x"]})`, `"{\"a\":[\"x\"]}"`},
	{"quote", "quote(string)", "the string in double quotes, as JSON writes it", `"{" + join(map(["a", "b"], quote(it)), ",") + "}"`, `"{\"a\",\"b\"}"`},
	{"ascii", "ascii(x)", "a string, or each of a list, without accents and what is not in ASCII then", `ascii("Zoë Straße")`, `"Zoe Strasse"`},
	{"fold", "fold(x)", "a string, or each of a list, such that those that differ only in case are equal", `fold("Straße") == fold("STRAßE")`, `true`},
	{"dn", "dn(x, attribute)", "the first value of an attribute in a distinguished name, or in each of a list; those without are left out", `dn(["CN=Müller\\, Ada,OU=x", "ou=y"], "cn")`, `["Müller, Ada"]`},
	{"has", "has(x)", "whether there is something: not nil, not an empty string, list or object. What x is read from may be missing", `has({a: ""}.a) or has({a: 1}.b.c)`, `false`},
	{"default", "default(x, ..., otherwise)", "the first for which has(x), else the last", `default({a: ""}.a, "none")`, `"none"`},
	{"optional", "optional(x)", "x if has(x), else nothing: the claim, or the member or element of one, is left out. It stands alone as a value", `{a: optional(""), b: optional("x")}`, `{"b":"x"}`},
	{"required", "required(x)", "x; the request fails if not has(x)", `required({a: "x"}.a)`, `"x"`},
	{"type", "type(x)", "nil, bool, int, float, string, array or map", `type({})`, `"map"`},
}
