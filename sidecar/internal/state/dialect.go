package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	lite "modernc.org/sqlite"
)

// dialect is what databases do in different ways.
type dialect interface {
	open(context.Context) (*sql.DB, error)
	reader() (*sql.DB, error) // connections beside those of open that only read; nil: not needed
	lock() []string           // statements with which a migration keeps others out
	migrations() []string     // never changed once released, only added to
	lost() (bool, error)      // whether other rows were here before, and are lost
	table() string            // a query that counts the tables called claimsmith_schema
	bind(query string) string // query with ? in the spelling of the database
	erased() string           // makes what was deleted unreadable; empty: nothing to do
	lasting() string          // makes what was written outlast a loss of power; empty: it does
}

type sqlite struct {
	file  string
	log   *slog.Logger
	reads bool // nothing is made or changed
}

// Codes of SQLite (sqlite3.h): for a file that somebody else holds, and for one that is no database, or no longer one.
const (
	sqliteBusy    = 5
	sqliteCorrupt = 11
	sqliteNotADB  = 26
)

func (d sqlite) open(ctx context.Context) (*sql.DB, error) {
	if d.reads {
		return d.read(ctx)
	}
	if err := d.ours(); err != nil {
		return nil, err
	}
	db, err := d.look(ctx)
	if !broken(err) {
		return db, err
	}
	if err := d.setAside(ctx); err != nil {
		return nil, err
	}
	return d.look(ctx)
}

// broken reports whether an error says that a file is no database, or no longer one.
func broken(err error) bool {
	return errors.Is(err, errBroken) || says(err, sqliteCorrupt) || says(err, sqliteNotADB)
}

// says reports whether an error is one of SQLite with a code.
func says(err error, code int) bool {
	var why *lite.Error
	return errors.As(err, &why) && why.Code()&0xff == code
}

// ours makes the file with its folder, for its owner alone. SQLite gives the files beside it the same rights.
func (d sqlite) ours() error {
	if err := os.Mkdir(filepath.Dir(d.file), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the folder of %s: %w", d.file, err)
	}
	f, err := os.OpenFile(d.file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}

// look opens the file, and waits for a second or so while others do the same for the first time: SQLite does not wait by itself
// where a file gets its journal.
func (d sqlite) look(ctx context.Context) (*sql.DB, error) {
	for pause := 10 * time.Millisecond; ; pause *= 2 {
		db, err := d.lookOnce(ctx)
		if !says(err, sqliteBusy) || pause > time.Second {
			return db, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// reader has connections of its own: in WAL mode they do not wait for the one that writes.
func (d sqlite) reader() (*sql.DB, error) {
	if d.reads {
		return nil, nil
	}
	db, err := sql.Open("sqlite", d.name(url.Values{"_pragma": {"busy_timeout(5000)", "query_only(ON)"}}))
	if err == nil {
		db.SetMaxOpenConns(maxConns)
	}
	return db, err
}

// name is the file with options, as the driver takes it.
func (d sqlite) name(options url.Values) string {
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: d.file}).EscapedPath(), RawQuery: options.Encode()}).String()
}

// lookOnce reads all of the file: what is broken shows now and not in the middle of something.
func (d sqlite) lookOnce(ctx context.Context) (_ *sql.DB, err error) {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(NORMAL)", "secure_delete(ON)"}}
	db, err := sql.Open("sqlite", d.name(q))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	db.SetMaxOpenConns(1) // one writer at a time is all that SQLite has
	if err := whole(ctx, db); err != nil {
		return nil, err
	}
	return db, nil
}

// whole looks at all of a file, and whether each index knows the rows that the table has: a row that an index does not know is not found.
func whole(ctx context.Context, db *sql.DB) error {
	var said string
	if err := db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&said); err != nil {
		return err
	}
	if said != "ok" {
		return errBroken
	}
	return nil
}

var errBroken = errors.New("the file is damaged")

// aside is where a file goes that is no database.
func (d sqlite) aside() string { return d.file + ".broken" }

// setAside moves a file that is no database out of the way. It stays for whoever wants to know what became of it.
func (d sqlite) setAside(ctx context.Context) error {
	broken := d.aside()
	d.log.ErrorContext(ctx, "the file of state is no database: it is set aside and a new one is made", "file", d.file, "now", broken)
	for _, beside := range []string{"-wal", "-shm", ""} { // the file last: until then nothing has happened
		if err := os.Rename(d.file+beside, broken+beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return d.ours()
}

func (sqlite) table() string {
	return `SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'claimsmith_schema'`
}
func (sqlite) lock() []string       { return nil } // the transaction is immediate
func (sqlite) bind(q string) string { return q }
func (sqlite) erased() string       { return `PRAGMA wal_checkpoint(TRUNCATE)` }
func (sqlite) lasting() string      { return `PRAGMA wal_checkpoint(PASSIVE)` }
func (sqlite) migrations() []string { return migrations("BLOB") }

type postgres struct{ config *pgx.ConnConfig }

func newPostgres(dsn string) (postgres, error) {
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return postgres{}, errors.New("this is no address of a PostgreSQL database, such as postgres://user:password@host/name") // err may hold the password
	}
	return postgres{config: c}, nil
}

// maxConns is how many connections a sidecar takes at most: several replicas share a database that others use too.
const maxConns = 4

func (d postgres) open(ctx context.Context) (*sql.DB, error) {
	db := stdlib.OpenDB(*d.config)
	db.SetMaxOpenConns(maxConns)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// reader is not needed: writes do not keep reads waiting, and there are several connections.
func (postgres) reader() (*sql.DB, error) { return nil, nil }

// advisory is the number of the lock that migrations hold: "claimsmi" in ASCII.
const advisory = 0x636c61696d736d69

func (postgres) lock() []string {
	return []string{`SELECT pg_advisory_xact_lock(` + strconv.FormatInt(advisory, 10) + `)`}
}

func (postgres) table() string {
	return `SELECT COUNT(*) FROM pg_catalog.pg_tables WHERE schemaname = ANY (current_schemas(false)) AND tablename = 'claimsmith_schema'`
}

func (postgres) bind(q string) string {
	var b strings.Builder
	for n, part := range strings.Split(q, "?") {
		if n > 0 {
			b.WriteString("$" + strconv.Itoa(n))
		}
		b.WriteString(part)
	}
	return b.String()
}

func (postgres) erased() string       { return "" } // its vacuum is the business of whoever runs it
func (postgres) lasting() string      { return "" }
func (postgres) migrations() []string { return migrations("BYTEA") }

func migrations(bytes string) []string {
	return []string{
		`CREATE TABLE claimsmith_rows (
			kind TEXT NOT NULL, scope TEXT NOT NULL, id TEXT NOT NULL, at BIGINT NOT NULL, key TEXT NOT NULL, sealed ` + bytes + ` NOT NULL,
			PRIMARY KEY (kind, scope, id))`,
		`CREATE INDEX claimsmith_rows_at ON claimsmith_rows (kind, at)`,
	}
}
