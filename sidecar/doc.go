// Package sidecar is the service that Dex asks before it signs a token: it loads a configuration, runs the plugins it names,
// and answers ExtendPayload. A program that embeds it needs New, Server and Options. Start reading here.
//
// # The house
//
// A package imports only what stands below it (TestLayers):
//
//	sidecar         New, Server, Options
//	operator        answers the operator: status, why, links, forget
//	engine          answers the hook: a request, a reload, a candidate
//	replay          check, test, explain, diff: the rules run again
//	compile         a file and its plugins become a rule set
//	observe         the decision line and spans         socket   who may connect, TLS
//	stores          what survives a restart             wire     the contract with the hook
//	pluginhost      processes of plugins
//	journal         what a decision leaves behind       links    people and their accounts     lastgood  facts
//	fixture         the tests block                     rules    expressions: functions, types, messages
//	answers         what is remembered of them: cache, breaker, limits
//	pipeline        steps, patches, denials, pins       config   strict YAML with positions    state     sealed rows
//	facts           schemas                             confine  what holds the process of a plugin
//	claims          payloads                            address, duration, files, fold   what plugins and commands use too
//
// A new function of expressions goes into rules, a new kind of step into config (its keys), pipeline (what it does) and compile (how
// one becomes the other), a column of status into operator, a reason for a refusal into pipeline. Plugins are never imported: those that
// come with claimsmith are commands like any other (Options.Builtins).
//
// # The way of a request
//
// engine/request.go, from top to bottom: wire.Input reads it, pipeline.Run takes it through the steps of the active generation, which
// ask pluginhost for facts and rules for conditions and values, links are written down, wire.Reply answers; then observe logs it,
// and the journal and the candidate get it.
//
// # Glossary
//
//	claim        a member of a token's payload
//	payload      the claims that Dex is about to sign
//	patch        the claims to set and to remove, for one kind of token; it is what a sidecar answers, never a payload
//	fact         what a plugin knows of a person or a thing
//	lookup       a question to a plugin, and the step that asks it; its alias is what rules call the facts
//	step         an entry of the pipeline: a lookup, set, remove, deny, require, or a group of steps under one condition
//	rule         a step that looks at claims, identity and facts and changes or refuses
//	rule set     the steps of a configuration, compiled
//	generation   a rule set with its plugins, while it decides; a reload makes another
//	candidate    a configuration that is run beside the active one, in its shadow, and changes nothing
//	stage        login or token: when Dex asks
//	exchange     the requests of one login or refresh, which share what was looked up
//	grant        how a client gets a token (RFC 6749)
//	denial       a refusal by a rule, with a sentence for the person
//	failure      no decision could be made; there is no token either
//	withheld     the client is refused by the configuration, and not by a rule: the answer is unauthorized_client
//	decision     what became of a request: patched, unchanged, denied or failed
//	journal      what is remembered of decisions
//	record       the requests with their values, sealed, where the operator wants that
//	link         that a person at a connector has an account at a plugin's backend
//	pin          the key of a lookup that asks for a link, and makes it at the first sign-in where that is allowed
//	bond         what a link says of a person and an account: none, first, explicit, other, changed, moved
//	connector    where Dex lets people sign in; its issuer is the provider behind it
//	trust        which connectors may say that an address is verified
//	stale        a fact older than it should be, used because the plugin does not answer
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
// are. A plugin gets the span of its lookup in the same metadata. Requests that ask for the same at the same time share a call, which
// belongs to the trace of the first. Spans that cannot be sent are lost, which the log says once a minute: no decision waits for them.
package sidecar
