package state

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Options say where rows are kept: File or Postgres.
type Options struct {
	File     string       // of SQLite
	Postgres string       // a connection string; holds a password, so it is never logged
	ReadOnly bool         // nothing is made or changed; what is not there yet is ErrNotThere
	Log      *slog.Logger // defaults to slog.Default()
}

// retry is how long a database that could not be opened is left alone.
const retry = 5 * time.Second

// ErrNotThere is the error of a store that only reads, when nobody has written there yet.
var ErrNotThere = errors.New("nothing was kept yet")

// Store is a database. It is safe for concurrent use.
type Store struct {
	log     *slog.Logger
	dialect dialect
	reads   bool // and never writes

	mu     sync.Mutex
	db     *sql.DB // nil until it could be opened
	reader *sql.DB // nil: db reads too
	err    error   // why not
	tried  time.Time
	closed bool
}

// ErrClosed is the error of calls after Close.
var ErrClosed = errors.New("the store is closed")

// Open checks o. The database is opened when it is needed.
func Open(o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Store{log: o.Log, reads: o.ReadOnly}
	switch {
	case o.File != "" && o.Postgres != "":
		return nil, errors.New("state is kept in one place")
	case o.File != "":
		s.dialect = sqlite{file: o.File, log: o.Log, reads: o.ReadOnly}
	case o.Postgres != "":
		d, err := newPostgres(o.Postgres)
		if err != nil {
			return nil, err
		}
		s.dialect = d
	default:
		return nil, errors.New("state has no place")
	}
	return s, nil
}

// Close ends the use of the database.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.db == nil {
		return nil
	}
	if s.reader != nil {
		return errors.Join(s.reader.Close(), s.db.Close())
	}
	return s.db.Close()
}

// Ready opens the database if it is not open yet, and says why it cannot be.
func (s *Store) Ready(ctx context.Context) error {
	_, err := s.open(ctx)
	return err
}

func (s *Store) open(ctx context.Context) (*sql.DB, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, ErrClosed
	case s.db != nil:
		return s.db, nil
	case s.err != nil && time.Since(s.tried) < retry:
		return nil, s.err
	}
	db, err := s.dialect.open(ctx)
	if err == nil {
		prepare := migrate
		if s.reads {
			prepare = migrated
		}
		if err = prepare(ctx, db, s.dialect); err != nil {
			err = errors.Join(err, db.Close())
		}
	}
	if err != nil && errors.Is(ctx.Err(), context.Canceled) { // who leaves says nothing of the database
		return nil, fmt.Errorf("open the store of state: %w", err)
	}
	s.tried = time.Now()
	if s.err = nil; errors.Is(err, ErrNotThere) {
		s.err = ErrNotThere
		return nil, s.err
	}
	if err != nil {
		s.err = fmt.Errorf("open the store of state: %w", err)
		return nil, s.err
	}
	if s.reader, err = s.dialect.reader(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.db = db
	return db, nil
}

// openReader is open for statements that only read: a write that takes long, on a slow disk or because somebody else holds the file, does not
// keep them waiting.
func (s *Store) openReader(ctx context.Context) (*sql.DB, error) {
	db, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return cmp.Or(s.reader, db), nil
}

// migrate brings the tables to the newest version, one step after the other.
func migrate(ctx context.Context, db *sql.DB, d dialect) error {
	return within(ctx, db, func(tx *sql.Tx) error {
		// Replicas that start together wait for each other here.
		for _, q := range append(d.lock(), `CREATE TABLE IF NOT EXISTS claimsmith_schema (version BIGINT NOT NULL)`) {
			if _, err := tx.ExecContext(ctx, q); err != nil {
				return fmt.Errorf("migrate: %w", err)
			}
		}
		var version int
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM claimsmith_schema`).Scan(&version); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		steps := d.migrations()
		if version > len(steps) {
			return fmt.Errorf("its tables are of version %d, and this claimsmith knows %d: a newer one made them", version, len(steps))
		}
		first := version == 0
		for ; version < len(steps); version++ {
			if _, err := tx.ExecContext(ctx, steps[version]); err != nil {
				return fmt.Errorf("migrate to version %d: %w", version+1, err)
			}
			if _, err := tx.ExecContext(ctx, d.bind(`INSERT INTO claimsmith_schema (version) VALUES (?)`), version+1); err != nil {
				return fmt.Errorf("migrate to version %d: %w", version+1, err)
			}
		}
		if first {
			return markLost(ctx, tx, d)
		}
		return nil
	})
}

// within does something in a transaction: all of it or nothing.
func within(ctx context.Context, db *sql.DB, do func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
