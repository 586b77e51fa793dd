package hookv1

import (
	"embed"
	"io/fs"
)

//go:embed hook.pb.go hook_grpc.pb.go
var source embed.FS

// Source returns the files of this package that are laid into Dex.
func Source() fs.FS { return source }
