// Package dextest runs a real Dex with the hook in tests.
//
// The binary is built once for the machine (see dexpatch.Cached); the first test that asks for it waits for the build.
package dextest
