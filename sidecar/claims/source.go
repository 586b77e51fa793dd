package claims

import (
	"embed"
	"io/fs"
)

//go:embed check.go doc.go fold.go hidden.go limits.go object.go patch.go reserved.go scan.go
var source embed.FS

// Source returns the files of this package that are laid into Dex.
func Source() fs.FS { return source }
