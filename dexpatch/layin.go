package dexpatch

import (
	"embed"
	"fmt"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	claimshook "github.com/claimsmith/claimsmith/dexpatch/hook"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// hookDir is where the hook lies in a Dex tree, and hookImport how it is imported there.
const (
	hookDir    = "server/claimshook"
	hookImport = DexModule + "/" + hookDir
)

// parcel is a package of ours on its way into Dex.
type parcel struct {
	from   string // import path here
	to     string // folder there
	source fs.FS
}

func parcels() []parcel {
	const module = "github.com/claimsmith/claimsmith/"
	return []parcel{
		{module + "dexpatch/hook", hookDir, claimshook.Source()},
		{module + "sidecar/claims", hookDir + "/claims", claims.Source()},
		{module + "proto/claimsmith/hook/v1", hookDir + "/hookv1", hookv1.Source()},
	}
}

// glue holds the new files that the edits call, by shape of Dex. They belong to packages of Dex and compile only there.
//
//go:embed all:_dex
var glue embed.FS

// laidIn returns the files of the parcels and the given ones of glue as they stand in Dex, sorted by path.
func laidIn(names []string) ([]LaidIn, error) {
	imports := map[string]string{}
	for _, p := range parcels() {
		imports[p.from] = DexModule + "/" + p.to
	}
	var out []LaidIn
	for _, p := range parcels() {
		files, err := fs.Glob(p.source, "*.go")
		if err != nil {
			return nil, err
		}
		for _, name := range files {
			data, err := fs.ReadFile(p.source, name)
			if err != nil {
				return nil, err
			}
			if data, err = readdress(name, data, imports); err != nil {
				return nil, fmt.Errorf("lay %s/%s into dex: %w", p.from, name, err)
			}
			out = append(out, LaidIn{File: path.Join(p.to, name), Data: data})
		}
	}
	for _, name := range names {
		data, err := glue.ReadFile("_dex/" + name)
		if err != nil {
			return nil, fmt.Errorf("lay %s into dex: %w", name, err)
		}
		_, to, _ := strings.Cut(name, "/")
		out = append(out, LaidIn{File: to, Data: data})
	}
	slices.SortFunc(out, func(a, b LaidIn) int { return strings.Compare(a.File, b.File) })
	return out, nil
}

// readdress rewrites import paths, and only them: the same words in the descriptor of a .pb.go must stay.
func readdress(name string, data []byte, imports map[string]string) ([]byte, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, data, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	for _, spec := range slices.Backward(f.Imports) {
		old, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		if to, ok := imports[old]; ok {
			from := fset.Position(spec.Path.Pos()).Offset
			data = slices.Concat(data[:from], []byte(strconv.Quote(to)), data[from+len(spec.Path.Value):])
		}
	}
	return format.Source(data)
}
