// Package sdk makes a Go program a claimsmith plugin.
//
// A plugin knows things: which account belongs to an address, which groups somebody is in. It answers questions with
// facts, and the rules of whoever runs claimsmith decide what becomes of them. A plugin cannot write a claim.
//
// # A plugin
//
// A plugin is three struct types and a function. Config is what its operator writes, Params is what it is asked, Facts is
// what it answers. [Spec] ties them together and [Main] serves it; the example of [Main] is a whole program.
//
//	type Config struct {
//		URL      string       `json:"url" doc:"address of the directory"`
//		Token    string       `json:"token" secret:"true"`
//		Timeout  sdk.Duration `json:"timeout,omitempty"`
//	}
//
// The types become the JSON Schemas by which claimsmith checks configuration and rules before anything is served: a rule
// that reads nas.nmae is an error at "claimsmith check", with line and column. Fields may be strings, booleans, integers
// up to 64 bits signed, floats, structs, lists of these, and types that read and write themselves as text
// (encoding.TextUnmarshaler, for facts encoding.TextMarshaler), like [Duration] or netip.Addr.
//
//   - json:"name" gives the name. In Config and Params a field is required unless its tag says omitempty or omitzero.
//   - A field of Facts that is a pointer, or whose tag says omitempty or omitzero, may be missing: it is null in rules, which have to say
//     what comes of that. All others have their zero value.
//   - doc:"..." describes the field to people.
//   - secret:"true" marks a string that no configuration holds: for a field token the operator writes tokenFile, the path
//     of a file, and the SDK reads it, without the line break at its end.
//
// The names asked, found, failed, stale, age and problem belong to claimsmith and are refused among the facts.
//
// # Life of a plugin
//
// claimsmith starts one process for each declared plugin, asks it to describe itself, configures it, and then asks it. The
// process gets an environment with next to nothing in it, a working directory of its own, and /dev/null as stdin. It ends
// when claimsmith ends, in whatever way that happens.
//
// Which files it may open is read from its configuration: those that stand there, by absolute path, below a key that is "file"
// or ends in "File", and those in limits: {readable: [...]} of its declaration. A default in the code is not among them, so a file
// that is needed is a required field.
//
// Open checks a configuration and allocates what is needed. It may open local files, but makes no network call: the
// directory may be asleep while claimsmith starts. What is wrong with a configuration is returned as [Problems]. Open is
// also called to check only; then what it returned is closed at once.
//
// Lookup is called by many goroutines at the same time. Its context ends after nine seconds, or when claimsmith ends: a call is
// one for all who ask the same, and an answer that comes after they left is kept for the next one.
// "Nobody has this address" is an answer, with Found false and a Problem in one word. An error means "I don't know". After five in
// a row the plugin is left alone for a while, so an error that is about one record only is returned as [Unanswerable]. A
// panic in Lookup becomes an error and the process lives.
//
// When claimsmith asks the process to end, running lookups are given a moment, and what Open returned is closed if it is an
// io.Closer. Interrupts and SIGTERM are left to claimsmith, so that stopping a whole process group loses no answer.
//
// # Logs
//
// Until the first question Host.Log, which is also slog.Default, reaches the log of claimsmith with level and attributes. From then on
// the plugin knows people, and nobody can tell what is in its words: its records and the texts of its errors are kept in memory for an
// hour, where "claimsmith plugin status" shows them, and the log has their number and the kind of an error. Keep secrets out of both.
// What a plugin prints to stdout or stderr in any other way is counted and thrown away.
//
// # Age
//
// An answer that is given from what a plugin keeps says how old that is ([Answer].Age), and [Spec].Keeps says how old it can get. [Fresh]
// tells a plugin that keeps something that an operator does not want it to.
//
// # Traces
//
// Where claimsmith sends spans to a collector, [Traceparent] lets a plugin join with its own. They leave the machine, so keep personal
// data and secrets out of them.
//
// # Tests
//
// Package sdktest runs a plugin inside a test and asks it over gRPC, as claimsmith does.
package sdk
