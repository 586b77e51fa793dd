package state

import "context"

// Remove deletes the row with a scope and an id, if there is one.
func (r *Rows) Remove(ctx context.Context, scope, id string) error {
	_, err := r.exec(ctx, `DELETE FROM claimsmith_rows WHERE kind = ? AND scope = ? AND id = ?`, r.kind, scope, r.key.digest(r.kind, scope, id))
	return err
}
