//go:build !linux || !(amd64 || arm64)

package hostile

// Attack tries nothing here.
func Attack(string) string { return "not on this system" }

// Calls are none here.
var Calls map[string]uintptr
