// Package facts types what plugins know: it reads the subset of JSON Schema that plugins describe their facts with, and
// turns the JSON of an answer into complete, typed Go values for the rules.
//
// Complete means that a declared field without a value has its zero value, or nil where its types are one and null. Typed means string, bool, int64, float64,
// map[string]any for an object, and []string, []bool, []int64, []float64 or []map[string]any for a list.
//
// The subset has the types object (with properties), string, boolean, integer, number and array (of any of these but
// array), and the keywords description, required, writeOnly, title and $schema; additionalProperties may only be false.
// Anything else is refused, because a keyword that is silently ignored is a promise that nobody keeps.
//
// The same schemas describe a plugin's configuration and parameters: [Type.Problems] holds a configuration against one.
// A field marked writeOnly is a secret. It is never written in a configuration itself: the name with "File" appended
// takes the path of a file that holds it.
//
// Errors name the place and never a value, since what plugins answer is personal data. The package keeps no state.
package facts
