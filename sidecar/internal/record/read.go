package record

import (
	"context"

	"github.com/claimsmith/claimsmith/sidecar/internal/state"
)

// Read returns the requests that a keeper wrote into a store under a key, the newest first. Nothing needs to run, and nothing
// is trimmed.
func Read(ctx context.Context, store *state.Store, key *state.Key) ([][]byte, error) {
	rows, err := store.Rows(kindRequest, key).List(ctx)
	if err != nil {
		return nil, err
	}
	out := make([][]byte, len(rows))
	for i, row := range rows {
		out[i] = row.Value
	}
	return out, nil
}
