// Package replay runs the rules of a configuration where nothing is served: it checks a file, runs its tests and says which steps they
// cover, explains a request, compares two configurations, and runs a recorded request once more with the facts that were found then.
// It is the same evaluator as the one that serves.
//
// Commands call Check, Test, Explain and Diff; the engine compares a candidate, and operator explains a recorded decision.
package replay
