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

// Lost returns when a damaged file was set aside with all that it held, until AcceptLoss. Zero: none was.
func (s *Store) Lost(ctx context.Context) (time.Time, error) {
	db, err := s.open(ctx)
	if err != nil {
		return time.Time{}, err
	}
	var at int64
	err = db.QueryRowContext(ctx, s.dialect.bind(`SELECT at FROM claimsmith_rows WHERE kind = ?`), lostKind).Scan(&at)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, fmt.Errorf("read what was lost: %w", err)
	}
	return time.UnixMicro(at), nil
}

// AcceptLoss forgets that rows were lost.
func (s *Store) AcceptLoss(ctx context.Context) error {
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, s.dialect.bind(`DELETE FROM claimsmith_rows WHERE kind = ?`), lostKind); err != nil {
		return fmt.Errorf("forget what was lost: %w", err)
	}
	return nil
}
