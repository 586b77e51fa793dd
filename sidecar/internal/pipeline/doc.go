// Package pipeline says what a step is and runs a list of them over one request.
//
// A run begins with the payload that Dex would sign. Lookups put facts beside it, rules read both and change a draft of the
// claims, and the first deny that holds ends the run with a refusal. What comes out is a patch for each kind of token, or a
// denial, and a trace of what happened:
//
//	Input ─► who may ask for this audience? ─► steps in order ─► guard ─► contracts ─► Result
//	                                              │
//	                       Lookup ─ Asker ────────┤ facts by alias, "don't know" is neither yes nor no
//	                       Set, Remove ───────────┤ claims.Draft
//	                       Deny ──────────────────┘ Denial
//
// A refusal is a Result; an error is a failure (*Error), and it says of which class. The package knows neither the language
// of the rules nor how plugins are run: package rules implements Condition, Value and Text, package pluginhost implements Asker.
package pipeline
