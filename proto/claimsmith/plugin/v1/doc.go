// Package pluginv1 is the contract between the sidecar and a plugin in any language, generated from lookup.proto, where every
// message and field says what it means. The sidecar is the client.
package pluginv1
