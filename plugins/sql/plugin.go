package sql

import (
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/sidecar/files"
)

const version = "0.1.0"

// Plugin is the plugin, for sdk.Main.
func Plugin() sdk.Spec[Config, Params, Facts] {
	return sdk.Spec[Config, Params, Facts]{Name: "sql", Version: version, Open: open, Keeps: func(Config) time.Duration { return 0 }}
}

// open checks the configuration and allocates. The database is not called before somebody asks.
func open(_ context.Context, _ sdk.Host, c Config) (sdk.Lookup[Params, Facts], error) {
	s, err := c.settle()
	if err != nil {
		return nil, err
	}
	l := &lookup{s: s}
	if c.SQLiteFile != "" {
		l.sqlite = true
		query := fmt.Sprintf("mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(%d)", s.timeout.Milliseconds()*4/5)
		address := url.URL{Scheme: "file", Path: c.SQLiteFile, RawQuery: query}
		if l.db, err = sql.Open("sqlite", address.String()); err != nil {
			return nil, sdk.Problems{{Path: "sqliteFile", Message: "cannot be opened"}}
		}
	} else if s.mysql != nil {
		l.db, err = c.openMySQL(s)
	} else {
		l.db, err = c.postgres(s)
	}
	if err != nil {
		return nil, err
	}
	l.db.SetMaxOpenConns(s.most)
	l.db.SetMaxIdleConns(s.most)
	if l.sqlite {
		l.db.SetMaxIdleConns(0) // a connection stays with a file that was replaced, and to open it costs a millisecond
	}
	l.db.SetConnMaxIdleTime(time.Minute)
	return l, nil
}

// postgres is a pool of connections, each of which signs in with the password that the file has at that time.
func (c Config) postgres(s settings) (*sql.DB, error) {
	config, err := pgx.ParseConfig(c.URL)
	if err != nil {
		return nil, sdk.Problems{{Path: "url", Message: "not the address of a PostgreSQL"}} // the error may repeat a secret
	}
	if c.CAFile != "" && config.TLSConfig != nil {
		if config.TLSConfig.RootCAs, err = files.Authorities(c.CAFile); err != nil {
			return nil, sdk.Problems{{Path: "caFile", Message: err.Error()}}
		}
	}
	if config.TLSConfig != nil {
		config.TLSConfig.MinVersion = tls.VersionTLS12
	}
	config.ConnectTimeout = s.timeout
	config.RuntimeParams["application_name"] = "claimsmith"
	config.RuntimeParams["default_transaction_read_only"] = "on"
	config.RuntimeParams["statement_timeout"] = fmt.Sprint(s.timeout.Milliseconds())
	return stdlib.OpenDB(*config, stdlib.OptionBeforeConnect(func(_ context.Context, config *pgx.ConnConfig) (err error) {
		if s.password != nil {
			config.Password, err = s.secret()
		}
		return err
	})), nil
}

// secret is the password that the file has now, or none.
func (s settings) secret() (string, error) {
	if s.password == nil {
		return "", nil
	}
	password, err := s.password.Value()
	if err != nil {
		return "", passwordError{err}
	}
	return password, nil
}

// passwordError is that of the file of the password.
type passwordError struct{ error }

// explain says what an error of the database means, without its words, which may repeat a value. It tells what is about this question only.
func explain(ctx context.Context, err error, limit time.Duration) error {
	var (
		pg       *pgconn.PgError
		connect  *pgconn.ConnectError
		network  net.Error
		password passwordError
		my       *mysql.MySQLError
		lite     *sqlite.Error
	)
	switch {
	case errors.As(err, &password):
		return fmt.Errorf("read passwordFile: %w", password.error)
	case ctx.Err() != nil:
		return fmt.Errorf("wait for the database: %w", ctx.Err())
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the database did not answer within %s: %w", limit, context.DeadlineExceeded)
	case errors.As(err, &pg):
		return state(pg.Code)
	case errors.As(err, &my):
		return mysqlState(my.Number)
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return errors.New("the certificate of the database is not trusted: check its name in url, and caFile")
	case errors.Is(err, mysql.ErrNoTLS):
		return errors.New("the database has no TLS")
	case errors.As(err, &connect), errors.As(err, &network), errors.Is(err, driver.ErrBadConn), errors.Is(err, mysql.ErrInvalidConn), pgconn.Timeout(err):
		return errors.New("the database cannot be reached")
	case errors.As(err, &lite):
		return sqliteState(lite.Code())
	}
	return sdk.Unanswerable(errDoesNotTake)
}

var errDoesNotTake = errors.New("the database does not take the query, or the values: try it with its own program")

// sqliteState is what a code of SQLite means: https://www.sqlite.org/rescode.html
func sqliteState(code int) error {
	switch code & 0xff { // the extended codes have theirs in the lowest byte
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR:
		return errors.New("the database cannot be read: is sqliteFile there, and in WAL mode its folder in limits: {writable: [...]}")
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return errors.New("the database is locked")
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return errors.New("sqliteFile is no database, or is damaged")
	}
	return sdk.Unanswerable(errDoesNotTake)
}

// state is what a code of PostgreSQL means: https://www.postgresql.org/docs/current/errcodes-appendix.html
func state(code string) error {
	err := func(text string) error { return fmt.Errorf("%s (code %s)", text, code) }
	switch {
	case code == "57014":
		return err("the database took longer than timeout allows: is there an index?")
	case strings.HasPrefix(code, "28"):
		return err("the database does not let us in: check the user in url and passwordFile")
	case code == "3D000":
		return err("there is no such database: check url")
	case code == "42501":
		return err("the user may not read what the query names: GRANT SELECT")
	case code == "25006":
		return err("the query would write, and a plugin reads only")
	case strings.HasPrefix(code, "42"):
		return err("the query is wrong: try it with psql")
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "53"), strings.HasPrefix(code, "57"), strings.HasPrefix(code, "58"):
		return err("the database is not ready")
	}
	return sdk.Unanswerable(err("the database cannot answer this question"))
}
