package dexpatch

// The Dex that the edits are made for and that Build takes from the module proxy. go.mod names the same versions.
const (
	DexModule  = "github.com/dexidp/dex"
	DexVersion = "v0.0.0-20260806151424-ab64ed778070"
	dexSum     = "h1:Zhb4XyHQ8935RToX2ZgxyfQcg8EE9gSnbk2Zi5PYf4E="

	// Dex's go.mod replaces its API module by the folder api/v2, which is not in the module proxy's zip of Dex.
	APIModule  = "github.com/dexidp/dex/api/v2"
	APIVersion = "v2.4.1-0.20260806151424-ab64ed778070"
	apiSum     = "h1:8+qZH7vXvs8YwVorj8xGp8FdfeiSWn3oQ3HDhbUChGI="
)
