// Package compile makes a rule set of a configuration and its plugins: it is where YAML, plugins, expressions and steps meet.
//
//	config ──► Build ──┬─► describer: what each plugin takes and knows (Offline, Online, Fleet, Beside)
//	                   ├─► rules: expressions, typed by that
//	                   ├─► pipeline: the steps
//	                   └─► fixture: the tests block
//
// All problems with a file come from here, at their places. Nothing is served and nothing is decided: engine serves a Set, replay
// runs one again.
package compile
