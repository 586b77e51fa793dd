package state

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Entry is a value with the place where it is to be kept.
type Entry struct {
	Scope, ID string
	Value     []byte
}

// Errors of rows that must not be taken for missing.
var (
	ErrSealed = errors.New("a row does not open: it was changed by somebody else")
	ErrKey    = errors.New("there are rows that were sealed with another key")
)

// Claim keeps all entries or none: none when a place is taken already, whatever is there. It reports whether they were kept. Where
// there are rows of another key it is an error, because their places cannot be compared. Entries have different places.
func (r *Rows) Claim(ctx context.Context, at time.Time, entries []Entry) (bool, error) {
	db, err := r.store.open(ctx)
	if err != nil {
		return false, err
	}
	places := make([]stored, len(entries))
	for i, e := range entries {
		p := place{kind: r.kind, scope: e.Scope, id: r.key.digest(r.kind, e.Scope, e.ID), at: at.UnixMicro()}
		places[i] = stored{place: p, sealed: r.key.seal(p, e.Value)}
	}
	// In one order everywhere, so that replicas wait for each other and not in a circle.
	slices.SortFunc(places, func(a, b stored) int { return cmp.Or(cmp.Compare(a.scope, b.scope), cmp.Compare(a.id, b.id)) })
	err = within(ctx, db, func(tx *sql.Tx) error { return r.claim(ctx, tx, places) })
	if errors.Is(err, errTaken) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("write %s: %w", r.kind, err)
	}
	return true, nil
}

var errTaken = errors.New("the place is taken")

func (r *Rows) claim(ctx context.Context, tx *sql.Tx, places []stored) error {
	if err := r.ours(ctx, tx); err != nil {
		return err
	}
	for _, p := range places {
		done, err := tx.ExecContext(ctx, r.bind(`INSERT INTO claimsmith_rows (kind, scope, id, at, key, sealed) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (kind, scope, id) DO NOTHING`), p.kind, p.scope, p.id, p.at, r.key.name, p.sealed)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return errTaken
		}
	}
	return nil
}

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// ours is ErrKey where there are rows of another key.
func (r *Rows) ours(ctx context.Context, in querier) error {
	n, err := r.foreign(ctx, in)
	if err == nil && n > 0 {
		err = ErrKey
	}
	return err
}

func (r *Rows) foreign(ctx context.Context, in querier) (n int, err error) {
	err = in.QueryRowContext(ctx, r.bind(`SELECT COUNT(*) FROM claimsmith_rows WHERE kind = ? AND key <> ?`), r.kind, r.key.name).Scan(&n)
	return n, err
}

// Foreign returns how many rows there are that were sealed with another key.
func (r *Rows) Foreign(ctx context.Context) (int, error) {
	db, err := r.store.open(ctx)
	if err != nil {
		return 0, err
	}
	n, err := r.foreign(ctx, db)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", r.kind, err)
	}
	return n, nil
}

// Find returns the rows at some places, in no order; entries need no value. A row that does not open is an error, and so is that
// none is there while there are rows of another key, because their places cannot be compared.
func (r *Rows) Find(ctx context.Context, at []Entry) ([]Row, error) {
	db, err := r.store.open(ctx)
	if err != nil {
		return nil, err
	}
	out, err := r.find(ctx, db, at)
	if err == nil && len(out) == 0 {
		err = r.ours(ctx, db)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", r.kind, err)
	}
	return out, nil
}

func (r *Rows) find(ctx context.Context, db *sql.DB, at []Entry) (_ []Row, err error) {
	args := []any{r.kind}
	for _, e := range at {
		args = append(args, e.Scope, r.key.digest(r.kind, e.Scope, e.ID))
	}
	where := strings.TrimPrefix(strings.Repeat(` OR scope = ? AND id = ?`, len(at)), ` OR `)
	rows, err := db.QueryContext(ctx, r.bind(`SELECT scope, id, at, sealed FROM claimsmith_rows WHERE kind = ? AND (`+where+`)`), args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var out []Row
	for rows.Next() {
		one := stored{place: place{kind: r.kind}}
		if err := rows.Scan(&one.scope, &one.id, &one.at, &one.sealed); err != nil {
			return nil, err
		}
		value, ok := r.key.open(one.place, one.sealed)
		if !ok {
			return nil, ErrSealed
		}
		out = append(out, Row{Scope: one.scope, At: time.UnixMicro(one.at), Value: value})
	}
	return out, rows.Err()
}
