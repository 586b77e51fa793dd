package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Row is a value with its place.
type Row struct {
	Scope string
	At    time.Time // kept to the microsecond
	Value []byte
}

// Rows are the rows of one kind, sealed with one key. It is safe for concurrent use.
type Rows struct {
	store *Store
	kind  string
	key   *Key
}

// Rows returns the rows of a kind under a key. Nothing is read yet.
func (s *Store) Rows(kind string, key *Key) *Rows { return &Rows{store: s, kind: kind, key: key} }

// Digest returns a keyed digest of a text that must not be kept itself, such as an address. It is the same for the same key, kind and scope.
func (r *Rows) Digest(scope, text string) string { return r.key.digest(r.kind, scope, text) }

// Put is a value to be kept, in the place of the one that had the same scope and id.
type Put struct {
	Scope, ID string
	At        time.Time
	Value     []byte
}

// Put keeps a value.
func (r *Rows) Put(ctx context.Context, scope, id string, at time.Time, value []byte) error {
	return r.PutAll(ctx, []Put{{scope, id, at, value}})
}

// PutAll keeps all of several values, in one transaction, or none.
func (r *Rows) PutAll(ctx context.Context, all []Put) error {
	if len(all) == 0 {
		return nil
	}
	db, err := r.store.open(ctx)
	if err != nil {
		return err
	}
	err = within(ctx, db, func(tx *sql.Tx) (err error) {
		stmt, err := tx.PrepareContext(ctx, r.bind(`INSERT INTO claimsmith_rows (kind, scope, id, at, key, sealed) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (kind, scope, id) DO UPDATE SET at = excluded.at, key = excluded.key, sealed = excluded.sealed`))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stmt.Close()) }()
		for _, one := range all {
			p := place{kind: r.kind, scope: one.Scope, id: r.key.digest(r.kind, one.Scope, one.ID), at: one.At.UnixMicro()}
			if _, err := stmt.ExecContext(ctx, p.kind, p.scope, p.id, p.at, r.key.name, r.key.seal(p, one.Value)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", r.kind, err)
	}
	return nil
}

// Get returns the row with a scope and an id. It reports false when there is none, or when it does not open.
func (r *Rows) Get(ctx context.Context, scope, id string) (Row, bool, error) {
	db, err := r.store.openReader(ctx)
	if err != nil {
		return Row{}, false, err
	}
	p := place{kind: r.kind, scope: scope, id: r.key.digest(r.kind, scope, id)}
	var sealed []byte
	err = db.QueryRowContext(ctx, r.bind(`SELECT at, sealed FROM claimsmith_rows WHERE kind = ? AND scope = ? AND id = ? AND key = ?`),
		p.kind, p.scope, p.id, r.key.name).Scan(&p.at, &sealed)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Row{}, false, nil
	case err != nil:
		return Row{}, false, fmt.Errorf("read %s: %w", r.kind, err)
	}
	value, ok := r.key.open(p, sealed)
	return Row{Scope: scope, At: time.UnixMicro(p.at), Value: value}, ok, nil
}

// stored is a row as the database has it.
type stored struct {
	place
	key    string // the name that it has there
	sealed []byte
}

// all reads the rows of the kind, the newest first, also those of other keys.
func (r *Rows) all(ctx context.Context) (_ []stored, err error) {
	db, err := r.store.openReader(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, r.bind(`SELECT scope, id, at, key, sealed FROM claimsmith_rows WHERE kind = ? ORDER BY at DESC, id`), r.kind)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", r.kind, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var out []stored
	for rows.Next() {
		one := stored{place: place{kind: r.kind}}
		if err := rows.Scan(&one.scope, &one.id, &one.at, &one.key, &one.sealed); err != nil {
			return nil, fmt.Errorf("read %s: %w", r.kind, err)
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

// List returns the rows that open, the newest first.
func (r *Rows) List(ctx context.Context) ([]Row, error) {
	all, err := r.all(ctx)
	if err != nil {
		return nil, err
	}
	var out []Row
	for _, one := range all {
		if value, ok := r.key.open(one.place, one.sealed); ok {
			out = append(out, Row{Scope: one.scope, At: time.UnixMicro(one.at), Value: value})
		}
	}
	return out, nil
}

// Count returns how many rows there are, also those that do not open.
func (r *Rows) Count(ctx context.Context) (n int, err error) {
	db, err := r.store.openReader(ctx)
	if err != nil {
		return 0, err
	}
	err = db.QueryRowContext(ctx, r.bind(`SELECT COUNT(*) FROM claimsmith_rows WHERE kind = ?`), r.kind).Scan(&n)
	return n, err
}

// Trim deletes rows from before a time, and the oldest of more than max.
func (r *Rows) Trim(ctx context.Context, max int, before time.Time) error {
	_, err := r.exec(ctx, `DELETE FROM claimsmith_rows WHERE kind = ? AND (at < ? OR at <= COALESCE(
		(SELECT at FROM claimsmith_rows WHERE kind = ? ORDER BY at DESC LIMIT 1 OFFSET ?), -1))`, r.kind, before.UnixMicro(), r.kind, max)
	return err
}

// Erase deletes the rows that match, beyond recovery where the database can do that, and returns how many did. Rows that do not
// open are erased with them, and not counted: nobody can say whose they are.
func (r *Rows) Erase(ctx context.Context, match func(Row) bool) (int, error) {
	all, err := r.all(ctx)
	if err != nil {
		return 0, err
	}
	db, err := r.store.open(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	err = within(ctx, db, func(tx *sql.Tx) error {
		for _, one := range all {
			value, opens := r.key.open(one.place, one.sealed)
			if opens && !match(Row{Scope: one.scope, At: time.UnixMicro(one.at), Value: value}) {
				continue
			}
			if _, err := tx.ExecContext(ctx, r.bind(`DELETE FROM claimsmith_rows WHERE kind = ? AND scope = ? AND id = ?`), r.kind, one.scope, one.id); err != nil {
				return err
			}
			if opens {
				n++
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("erase %s: %w", r.kind, err)
	}
	return n, r.erased(ctx, db)
}

// erased makes the database forget what it deleted.
func (r *Rows) erased(ctx context.Context, db *sql.DB) error {
	q := r.store.dialect.erased()
	if q == "" {
		return nil
	}
	if _, err := db.ExecContext(ctx, q); err != nil {
		return fmt.Errorf("erase %s: %w", r.kind, err)
	}
	return nil
}

func (r *Rows) exec(ctx context.Context, q string, args ...any) (sql.Result, error) {
	db, err := r.store.open(ctx)
	if err != nil {
		return nil, err
	}
	res, err := db.ExecContext(ctx, r.bind(q), args...)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", r.kind, err)
	}
	return res, nil
}

func (r *Rows) bind(q string) string { return r.store.dialect.bind(q) }
