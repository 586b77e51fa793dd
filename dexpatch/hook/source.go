package claimshook

import (
	"embed"
	"io/fs"
)

//go:embed ask.go config.go context.go doc.go endpoint.go files.go hook.go link.go metrics.go outcome.go peer_linux.go peer_other.go reply.go
var source embed.FS

// Source returns the files of this package that are laid into Dex.
func Source() fs.FS { return source }
