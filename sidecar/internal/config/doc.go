// Package config reads claimsmith.yaml: it turns the file into a Config whose parts know their place in it, and every
// mistake into a Problem with line, column, path and, where one is known, the fix.
//
// The work has three passes over one tree of YAML nodes. The first (hygiene.go) looks at the file as YAML: tags, anchors,
// aliases, duplicate keys and missing values are refused, wherever they stand. The second (decode.go) lays the tree over
// the structs of this package, led by their tags:
//
//	key   the name in the file
//	is    required, named (a map of names, kept in order), empty (an empty value is an answer)
//	one   the words allowed, separated by spaces
//	doc   what the key means, for the JSON Schema
//
// The third (check*.go) compares parts with each other: an action without its partner, a name that nobody declared. No pass
// stops at its first finding, and what one pass has reported the next does not report again.
//
// The package knows nothing of expressions. It keeps them as Scalar, which can tell the place of any byte of its value in
// the file, and leaves the compiling to others.
package config
