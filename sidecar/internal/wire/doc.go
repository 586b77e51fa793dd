// Package wire translates between the contract with the hook and what the pipeline knows. Errors name members of a request, never values.
// The engine and replay use it, so that a recorded request means what it meant when it came.
package wire
