// Package operator answers the operator of a running sidecar at a socket of its own: status, why, links, plugins, forget, reload. It
// decides nothing: it reads what the engine holds, and asks it for what changes.
//
// Attend serves, and DialAdmin is the other end. The messages are in package adminv1, which is spoken between the commands and the sidecar
// of one version and may change with each.
package operator
