// Command NAME is a plugin of claimsmith: it knows people by their addresses.
package main

import "github.com/claimsmith/claimsmith/plugins/sdk"

func main() { sdk.Main(plugin()) }

// plugin ties configuration, question and answer together. claimsmith learns the schemas from the types.
func plugin() sdk.Spec[Config, Params, Facts] {
	return sdk.Spec[Config, Params, Facts]{Name: "NAME", Version: "0.1.0", Open: open}
}
