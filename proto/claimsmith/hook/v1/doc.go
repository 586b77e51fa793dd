// Package hookv1 is the contract between the hook inside Dex and the sidecar, generated from hook.proto, where every message and
// field says what it means. The hook is the client.
package hookv1
