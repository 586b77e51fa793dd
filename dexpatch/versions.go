package dexpatch

import (
	"fmt"
	"strings"
)

// DexModule and apiModule are the two modules of a Dex. Dex's go.mod replaces the second by its folder api/v2, which the module
// proxy leaves out of the first.
const (
	DexModule = "github.com/dexidp/dex"
	apiModule = DexModule + "/api/v2"
)

// Version is a Dex that Build can take from the module proxy. Its sums are those of go.sum: they decide what is taken.
type Version struct {
	// Name is the release, or the commit's date for a Dex that was not released.
	Name string

	goes     string // the Go that its go.mod asks for
	dex, api module
}

// Versions returns what Build takes, in the order in which it asks for them: the newest release first. go.mod names that one.
// Release tags cannot be required, because Dex's module path has no /v2: the pseudo-versions are the tags' commits.
func Versions() []Version {
	release := module{path: apiModule, version: "v2.4.0", // the same Go files as in the releases
		sum: "h1:gNba7n6BKVp8X4Jp24cxYn5rIIGhM6kDOXcZoL6tr9A=", modSum: "h1:/p550ADvFFh7K95VmhUD+jgm15VdaNnab9td8DHOpyI="}
	return []Version{
		{"v2.45.1", "1.25.0", module{path: DexModule, version: "v0.0.0-20260303133905-11d2eeb52b42",
			sum: "h1:alMakSpdG8hamu3RWuuymdCwkKG+1rbGq8fAtjZUGoI=", modSum: "h1:1JrQ6VX250/cln+ls1EwsajUqv8CVDpAZuX9dLkZyvY="}, release},
		{"v2.45.0", "1.25.0", module{path: DexModule, version: "v0.0.0-20260223143451-bcc228369401",
			sum: "h1:tmHmJGqFGKZfjqWM6ffxTiWOtOlVudW9RdfXHoqASlM=", modSum: "h1:1JrQ6VX250/cln+ls1EwsajUqv8CVDpAZuX9dLkZyvY="}, release},
		// HEAD, the newest commit that the edits are made for: no release yet.
		{"2026-08-06", "1.25.8", module{path: DexModule, version: "v0.0.0-20260806151424-ab64ed778070",
			sum: "h1:Zhb4XyHQ8935RToX2ZgxyfQcg8EE9gSnbk2Zi5PYf4E=", modSum: "h1:bTct+H5cDvdKDdcdcl0gmHjdrbU39/VNKmw2O6uk7qY="},
			module{path: apiModule, version: "v2.4.1-0.20260806151424-ab64ed778070",
				sum: "h1:8+qZH7vXvs8YwVorj8xGp8FdfeiSWn3oQ3HDhbUChGI=", modSum: "h1:Oo82A9CKIkqQiTItMjaoHEtiaGYgWMXteCkHen9s3ZU="}},
	}
}

// commit is the commit of the version.
func (v Version) commit() string { return v.dex.version[strings.LastIndexByte(v.dex.version, '-')+1:] }

// choose returns the versions to try in turn: all of them, or the one with the name.
func choose(name string, all []Version) ([]Version, error) {
	if name == "" {
		return all, nil
	}
	var known []string
	for _, v := range all {
		if v.Name == name || v.Name == "v"+name || v.dex.version == name {
			return []Version{v}, nil
		}
		known = append(known, v.Name)
	}
	return nil, fmt.Errorf("dex version %q is not one of %s; a checkout of another one is built by --source DIR", name, strings.Join(known, ", "))
}
