// Package household is the example that the demo runs: a family signs in to its NAS with Google accounts.
//
// The files are whole: `claimsmith check` takes claimsmith.yaml, Dex takes dex.yaml and google.yaml. The demo runs them with
// addresses of this machine in the place of those that stand in them.
package household

import "embed"

// Files are the example's files.
//
//go:embed *.yaml
var Files embed.FS
