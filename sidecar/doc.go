// Package sidecar is the service that Dex asks before it signs a token: it loads a configuration, runs the plugins it names,
// and answers ExtendPayload. Start reading here.
//
//	Load ─► config: strict YAML with positions
//	          │
//	build ────┼─► pluginhost: a process per plugin ─► schemas of parameters and facts
//	          ├─► rules: expressions, typed by those schemas
//	          └─► pipeline: the steps ─► fixture: the tests block ─► only then: Serve
//
// This package is the whole public Go API of the host: Check, Test, Schema, New and Server, and DialAdmin for whoever asks a
// running one. What is below internal has one
// reason to exist each, and build.go is the only place where the parts meet. Plugins are never imported: those that come with
// claimsmith are commands like any other (Options.Builtins).
package sidecar
