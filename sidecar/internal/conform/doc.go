// Package conform puts a plugin, in whatever language, through the contract of plugins/PROTOCOL.md: it starts the plugin's
// process, speaks to it, and says of each clause whether it was kept.
//
// It is no second host. It knows the wire from the outside, without go-plugin, so that a plugin is held against the page and
// not against the library that the host happens to use. Whether the host takes the plugin is for its caller to try.
//
//	Run ── runner ──┬─ process       started as the host starts it, all that it prints is kept
//	                ├─ connection    unix socket, mutual TLS unless that is switched off
//	                └─ checks        one function each, in the order of a plugin's life
//
// A plugin that dies during a check fails it, and is started again for the next one.
package conform
