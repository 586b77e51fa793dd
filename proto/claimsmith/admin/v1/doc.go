// Package adminv1 is the contract between a running sidecar and the commands that look into it, generated from admin.proto, where
// every message and field says what it means.
package adminv1
