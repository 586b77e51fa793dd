package rules

import "regexp"

// typeRewrites puts what the checker of expr says in our words. The first that matches is used.
var typeRewrites = []rewrite{
	{regexp.MustCompile(`^invalid operation: \+ \(mismatched types (\[\].+) and (.+)\)$`), "+ does not go between $1 and $2", "lists are put together by concat or union"},
	{regexp.MustCompile(`^invalid operation: (contains|startsWith|endsWith|matches) \(mismatched types (\[\].+) and (.+)\)$`), "$1 does not go between $2 and $3", `for an element write "x" in list; for a part of one write any(list, # $1 "x")`},
	{regexp.MustCompile(`^invalid operation: (\|\||or) \(mismatched types (.+) and (.+)\)$`), "$1 does not go between $2 and $3", "the first that is there is default(a, b); a choice is written condition ? a : b"},
	{regexp.MustCompile(`^invalid operation: (&&|and) \(mismatched types (.+) and (.+)\)$`), "$1 does not go between $2 and $3", "a choice is written condition ? a : b; whether there is something is has(x)"},
	{regexp.MustCompile(`^invalid operation: (\S+) \(mismatched types (.+) and (.+)\)$`), "$1 does not go between $2 and $3", ""},
	{regexp.MustCompile(`^invalid operation: (\S+) \(mismatched type (.+)\)$`), "$1 does not go before $2", ""},
	{regexp.MustCompile(`^cannot use (.+) as type (.+) in array$`), "in cannot find $1 in a list whose elements are each $2", ""},
	{regexp.MustCompile(`^cannot use (.+) as type .+ in map key$`), "in cannot find $1 among the names of an object", ""},
	{regexp.MustCompile(`^builtin (\w+) takes only array \(got (.+)\)$`), "$1 needs a list, not $2", ""},
	{regexp.MustCompile(`^predicate should return boolean \(got (.+)\)$`), "the test must be true or false, not $1", ""},
	{regexp.MustCompile(`^cannot use nil as argument \(type (.+)\) to call (\w+)`), "$2 needs $1, not nil", ""},
	{regexp.MustCompile(`^cannot use (.+) as argument \(type (.+)\) to call (\w+)`), "$3 needs $2, not $1", ""},
	{regexp.MustCompile(`^not enough arguments to call (\w+)`), "$1 needs more arguments", ""},
	{regexp.MustCompile(`^too many arguments to call (\w+)`), "$1 needs fewer arguments", ""},
	{regexp.MustCompile(`^invalid number of arguments \(expected (at least )?(\d+), got (\d+)\)$`), "$3 arguments where $1$2 are needed", ""},
	{regexp.MustCompile(`^invalid argument for (\w+) \(type (.+)\)$`), "$1 does not go with $2", ""},
	{regexp.MustCompile(`^cannot (get first element|get last element|take|concat|reverse)(?: from)? (.+)$`), "a list is needed, not $2", ""},
	{regexp.MustCompile(`^non-bool expression \(type (.+)\) used as condition$`), "the condition must be true or false, not $1", ""},
	{regexp.MustCompile(`^sortBy order argument must be a string`), `the order is "asc" or "desc"`, ""},
	{regexp.MustCompile(`^unknown pointer #(\w*)$`), "unknown name #$1", "# is the element, #index its place"},
	{regexp.MustCompile(`^array elements can only be selected using an integer \(got (.+)\)$`), "elements of a list are read by number, not by $1", ""},
	{regexp.MustCompile(`^type nil has no field (.+)$`), `nil has no field "$1"`, ""},
	{regexp.MustCompile(`^type (.+) has no (?:field|method) (.+)$`), `$1 has no field "$2"`, ""},
	{regexp.MustCompile(`^type (.+)\[(.+)\] is undefined$`), "$1 has no elements", ""},
	{regexp.MustCompile(`^cannot slice (.+)$`), "only lists and strings can be cut, not $1", ""},
	{regexp.MustCompile(`^non-integer slice index (.+)$`), "a place in a list is an integer, not $1", ""},
	{regexp.MustCompile(`^cannot use (.+) to get an element from .+$`), "fields of an object are read by name, not by $1", ""},
	{regexp.MustCompile(`^cannot redeclare(?: \w+)? (.+)$`), `the name "$1" is taken`, "choose another name"},
}
