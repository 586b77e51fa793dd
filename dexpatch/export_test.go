package dexpatch

import "context"

// BuildStock builds the pinned Dex as it is, for tests that compare.
func BuildStock(ctx context.Context, tree, output string) error {
	b := newBuilder(Options{Output: output})
	dex, api, err := fetch(ctx, b)
	if err != nil {
		return err
	}
	if err := dex.copyTo(tree); err != nil {
		return err
	}
	if err := api.copyTo(tree + "/api/v2"); err != nil {
		return err
	}
	return b.compile(ctx, tree, dex.version, "./cmd/dex", output)
}
