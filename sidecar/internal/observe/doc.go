// Package observe tells what was decided while it is decided: the decision line of the log, and the spans of a trace. It holds names and
// places, never values. The engine calls it for each request; what is asked later is in the journal.
package observe
