package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
)

// read opens a file that is there, to look at it.
func (d sqlite) read(ctx context.Context) (_ *sql.DB, err error) {
	if _, err := os.Stat(d.file); errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotThere
	}
	q := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(5000)", "query_only(ON)"}}
	db, err := sql.Open("sqlite", d.name(q))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := whole(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// migrated looks whether the tables are those that this program knows, and leaves them as they are.
func migrated(ctx context.Context, db *sql.DB, d dialect) error {
	var tables, version int
	if err := db.QueryRowContext(ctx, d.table()).Scan(&tables); err != nil {
		return err
	}
	if tables == 0 {
		return ErrNotThere
	}
	if err := db.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM claimsmith_schema`).Scan(&version); err != nil {
		return err
	}
	if steps := len(d.migrations()); version != steps {
		return fmt.Errorf("its tables are of version %d, and this claimsmith knows %d", version, steps)
	}
	return nil
}
