// Package engine answers the hook: it holds the configuration that decides, and replaces it without losing a call.
//
//   - request.go is the way of a request, from top to bottom, and names the next room in each line.
//   - generation.go and reload.go load and replace the configuration; lockout.go keeps out one that would keep out everybody.
//   - candidate.go and shadow.go run a candidate beside it.
//   - serve.go starts and stops all of that.
//
// Package sidecar makes a Server, and package operator looks at it.
package engine
