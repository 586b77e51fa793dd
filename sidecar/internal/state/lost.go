package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// lostKind is the kind of the one row that says that rows were lost. It is not sealed: it says nothing, and who can delete it can delete
// what it speaks of.
const lostKind = "lost"

// lost reports whether a file was set aside. That is asked when tables are made, so that not even a process that died in between
// takes the new file for the first one.
func (d sqlite) lost() (bool, error) {
	_, err := os.Stat(d.aside())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// lost is for files: what becomes of a server's is the business of whoever runs it.
func (postgres) lost() (bool, error) { return false, nil }

// markLost writes down that these tables are not the first ones, if so.
func markLost(ctx context.Context, tx *sql.Tx, d dialect) error {
	lost, err := d.lost()
	if err != nil || !lost {
		return err
	}
	_, err = tx.ExecContext(ctx, d.bind(`INSERT INTO claimsmith_rows (kind, scope, id, at, key, sealed) VALUES (?, '', '', ?, '', '')`),
		lostKind, time.Now().UnixMicro())
	return err
}

// lost returns when a damaged file was set aside with all that it held, as microseconds since 1970, until [Bound.Bind] says that
// nothing is missing. Zero: none was.
func (s *Store) lost(ctx context.Context, in querier) (at int64, _ error) {
	err := in.QueryRowContext(ctx, s.dialect.bind(`SELECT at FROM claimsmith_rows WHERE kind = ?`), lostKind).Scan(&at)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read what was lost: %w", err)
	}
	return at, nil
}
