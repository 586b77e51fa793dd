package sql

import (
	"cmp"
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/sidecar/files"
)

// mysqlAddress reads url: mysql://user@host:port/database, with ssl-mode as MySQL's own programs have it, or with a socket. A connection to another
// machine has TLS, and the certificate has to have the name of the host.
func (c Config) mysqlAddress() (*mysql.Config, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "mysql" && u.Scheme != "mariadb" || u.User.Username() == "" || strings.Trim(u.Path, "/") == "" || u.Fragment != "" {
		return nil, errors.New("not the address of a database of a MySQL, with a user") // the error may repeat a secret
	}
	if _, given := u.User.Password(); given {
		return nil, errPassword
	}
	options, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("what stands behind ? cannot be read")
	}
	to := mysql.NewConfig()
	to.User, to.DBName, to.Net, to.Addr = u.User.Username(), strings.Trim(u.Path, "/"), "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "3306"))
	socket, mode := options.Get("socket"), options.Get("ssl-mode")
	delete(options, "socket")
	delete(options, "ssl-mode")
	local := socket != "" || loopback(u.Hostname())
	switch {
	case options.Has("password"):
		return nil, errPassword
	case len(options) > 0:
		return nil, errors.New("only ssl-mode and socket can stand behind ?")
	case socket != "" && (u.Host != "" || mode != "" || !filepath.IsAbs(socket)):
		return nil, errors.New("a socket is an absolute path, without a host and without ssl-mode: mysql://claimsmith@/people?socket=/run/mysqld/mysqld.sock")
	case socket != "":
		to.Net, to.Addr = "unix", socket
	case u.Hostname() == "":
		return nil, errors.New("names neither a host nor a socket")
	case mode == "DISABLED" && !local && !c.AllowPlain:
		return nil, errors.New("without TLS everybody on the way can change the answers")
	case mode == "VERIFY_IDENTITY", mode == "" && !local:
		to.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: u.Hostname()}
	case mode != "" && mode != "DISABLED":
		return nil, errors.New("ssl-mode is VERIFY_IDENTITY, which is the default for other machines, or DISABLED")
	}
	return to, nil
}

// openMySQL is a pool of connections, each of which signs in with the password that the file has at that time.
func (c Config) openMySQL(s settings) (*sql.DB, error) {
	to := s.mysql
	to.Timeout, to.Logger = s.timeout, &mysql.NopLogger{}
	if c.CAFile != "" && to.TLS != nil {
		var err error
		if to.TLS.RootCAs, err = files.Authorities(c.CAFile); err != nil {
			return nil, sdk.Problems{{Path: "caFile", Message: err.Error()}}
		}
	}
	if err := to.Apply(mysql.BeforeConnect(func(_ context.Context, to *mysql.Config) (err error) {
		to.Passwd, err = s.secret()
		return err
	})); err != nil {
		return nil, sdk.Problems{{Path: "url", Message: "not the address of a MySQL"}}
	}
	connector, err := mysql.NewConnector(to)
	if err != nil {
		return nil, sdk.Problems{{Path: "url", Message: "not the address of a MySQL"}}
	}
	return sql.OpenDB(session{connector, s.timeout}), nil
}

// session begins each connection with what holds for all of its queries.
type session struct {
	driver.Connector
	limit time.Duration
}

// Connect makes the connection one that only reads, in UTC, with a limit for each statement: the first comment is for MySQL alone, the second for
// MariaDB, which have it by other names.
func (s session) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := s.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	set := fmt.Sprintf("SET SESSION time_zone = '+00:00' /*!50708 , max_execution_time = %d */ /*M! , max_statement_time = %g */", s.limit.Milliseconds(), s.limit.Seconds())
	for _, statement := range []string{set, "SET SESSION TRANSACTION READ ONLY"} {
		if _, err := c.(driver.ExecerContext).ExecContext(ctx, statement, nil); err != nil { // the driver's connections are ExecerContexts
			_ = c.Close()
			return nil, err
		}
	}
	return c, nil
}

// plainly makes the values of a row plain.
func plainly(rows *sql.Rows, values []any) error {
	columns, err := rows.ColumnTypes()
	if err != nil {
		return databaseError{err}
	}
	for i, c := range columns {
		if values[i], err = plain(c.DatabaseTypeName(), values[i]); err != nil {
			return sdk.Unanswerable(fmt.Errorf("the column %s %w", c.Name(), err))
		}
	}
	return nil
}

// plain makes of what the driver gives for a type of MySQL what the other databases give. The zero date, which MySQL itself takes for NULL, is nil.
func plain(typ string, v any) (any, error) {
	switch v := v.(type) {
	case float32:
		return strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
	case []byte:
		switch typ {
		case "BIT":
			n := binary.BigEndian.Uint64(append(make([]byte, 8-len(v), 8), v...))
			return strconv.AppendUint(nil, n, 10), nil
		case "DATE", "DATETIME", "TIMESTAMP":
			if strings.Trim(string(v), "0-:. ") == "" {
				return nil, nil
			}
			t, err := time.Parse("2006-01-02 15:04:05", string(v))
			if typ == "DATE" {
				t, err = time.Parse(time.DateOnly, string(v))
			}
			if err != nil {
				return nil, errors.New("is no day of the calendar")
			}
			return t, nil
		}
	}
	return v, nil
}

// mysqlState is what a number of an error means: https://mariadb.com/kb/en/mariadb-error-code-reference/
func mysqlState(number uint16) error {
	err := func(text string) error { return fmt.Errorf("%s (error %d)", text, number) }
	switch number {
	case 1045, 1698, 1862, 1820, 4151:
		return err("the database does not let us in: check the user in url and passwordFile")
	case 1044, 1049:
		return err("there is no such database, or the user may not use it: check url")
	case 1142, 1143, 1370:
		return err("the user may not read what the query names: GRANT SELECT")
	case 1290, 1792:
		return err("the query would write, and a plugin reads only")
	case 1317, 1969, 3024:
		return err("the database took longer than timeout allows: is there an index?")
	case 1052, 1054, 1064, 1109, 1146, 1305, 1582:
		return err("the query is wrong: try it with mysql")
	case 1040, 1053, 1129, 1130, 1203, 1205, 1213, 1226, 1927:
		return err("the database is not ready")
	}
	return sdk.Unanswerable(err("the database cannot answer this question"))
}
