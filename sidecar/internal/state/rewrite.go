package state

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Rewrite gives rows other values, all of them or none; their times stay. change returns nil for a row that stays as it is. Rows
// that do not open are left alone.
func (r *Rows) Rewrite(ctx context.Context, change func(Row) ([]byte, error)) error {
	all, err := r.all(ctx)
	if err != nil {
		return err
	}
	db, err := r.store.open(ctx)
	if err != nil {
		return err
	}
	err = within(ctx, db, func(tx *sql.Tx) error {
		for _, one := range all {
			value, opens := r.key.open(one.place, one.sealed)
			if !opens {
				continue
			}
			next, err := change(Row{Scope: one.scope, At: time.UnixMicro(one.at), Value: value})
			if err != nil {
				return err
			}
			if next == nil {
				continue
			}
			// A row that somebody deleted or replaced in the meantime is not touched: its sealed bytes are others.
			if _, err := tx.ExecContext(ctx, r.bind(`UPDATE claimsmith_rows SET sealed = ? WHERE kind = ? AND scope = ? AND id = ? AND sealed = ?`),
				r.key.seal(one.place, next), r.kind, one.scope, one.id, one.sealed); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("rewrite %s: %w", r.kind, err)
	}
	return nil
}
