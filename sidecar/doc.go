// Package sidecar is the service that Dex asks before it signs a token: it loads a configuration, runs the plugins it names,
// and answers ExtendPayload. Start reading here.
//
//	Load ─► config: strict YAML with positions
//	          │
//	build ────┼─► pluginhost: a process per plugin ─► schemas of parameters and facts
//	          ├─► rules: expressions, typed by those schemas
//	          └─► pipeline: the steps ─► fixture: the tests block ─► only then: Serve
//
// What shall survive a restart is in one store of sealed rows (package state): the last good facts (lastgood), links (links), recorded
// requests (record) and who was let in (tally). A server starts without it, and goes on without it as far as that is safe.
//
// This package is the whole public Go API of the host: Check, Test, Schema, New and Server, and DialAdmin for whoever asks a
// running one. What is below internal has one reason to exist each, and build.go is the only place where the parts meet. Plugins are
// never imported: those that come with claimsmith are commands like any other (Options.Builtins).
//
// # Limits
//
// Every request has the same limits, wherever it comes from: those of package claims, which Run holds it to, and the hook its payload.
// Limits lists them with what is kept in memory: answers of plugins by their bytes, decisions without values, the last payload of people
// who were let in, and buffers of connections, of which there is a number and which are closed when they are idle. After a storm the
// heap shrinks to that with the second garbage collection, which comes within minutes on an idle machine; the runtime gives pages back
// to the system after that. Nothing is forced: the next storm would have to ask for them again.
//
// # Spans
//
// With tracing in the configuration, some requests are sent to a collector as spans. They say what the decision line of the log says,
// in the same words, without the texts of errors; the id of a decision leads from one to the other. They hold names and places,
// never values. All attributes begin with "claimsmith.".
//
//	span            kind      what                                attributes
//	ExtendPayload   server    the whole request                   decision_id, client_id, connector_id, stage, grant, outcome, rule, claims
//	└ pipeline      internal  the steps, as a whole
//	  └ lookup nas  client    a question, also of what is cached  plugin, rule, source (plugin, cache, store, stale, failed), age_ms
//
// A caller that sends the metadata traceparent is the parent and decides what is traced; of the other requests ratio says how many
// are. A plugin gets the span of its lookup in the same metadata. Who asks for the same at the same time shares a call, which belongs
// to the trace of the first. Spans that cannot be sent are lost, which the log says once a minute: no decision waits for them.
package sidecar
