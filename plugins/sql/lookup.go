package sql

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// Params are the values of a query. The lookup gives those that the query uses.
type Params struct {
	Email     *string `json:"email,omitempty" doc:"e-mail address, :email"`
	Name      *string `json:"name,omitempty" doc:"name of an account, :name"`
	UserID    *string `json:"userId,omitempty" doc:"id of the person at the connector, :userId"`
	Client    *string `json:"client,omitempty" doc:"id of the client, :client"`
	Connector *string `json:"connector,omitempty" doc:"id of the connector, :connector"`
}

// Facts are the columns of the one row.
type Facts struct {
	Name   *string  `json:"name" doc:"the column name; null where it is"`
	Groups []string `json:"groups" doc:"the column groups: an array of texts, or a text that is a JSON list of them; empty where it is null"`
	Flag   *bool    `json:"flag" doc:"the column flag: a boolean, in SQLite and MySQL 0 or 1; null where it is"`
	Number *float64 `json:"number" doc:"the column number; null where it is"`
	Texts  []Text   `json:"texts" doc:"all other columns that are not null, each with name and value"`
}

// Text is the value of a column.
type Text struct {
	Name  string `json:"name" doc:"name of the column"`
	Value string `json:"value" doc:"its value as a text"`
}

// The words of Answer.Problem.
const (
	none      = "none"
	ambiguous = "ambiguous"
	empty     = "empty"
)

// lookup asks the database.
type lookup struct {
	db     *sql.DB
	sqlite bool
	s      settings

	prepared atomic.Pointer[sql.Stmt] // of MySQL; nil: nobody has asked yet
}

// Lookup answers one question. See Params and Facts.
func (l *lookup) Lookup(ctx context.Context, p Params) (sdk.Answer[Facts], error) {
	var args []any
	for _, name := range l.s.parameters {
		value := map[string]*string{"email": p.Email, "name": p.Name, "userId": p.UserID, "client": p.Client, "connector": p.Connector}[name]
		switch {
		case value == nil:
			return sdk.Answer[Facts]{}, sdk.Unanswerable(fmt.Errorf("the query needs %s: the lookup has to give it, in with", name))
		case *value == "":
			return sdk.Answer[Facts]{Problem: empty}, nil
		case !utf8.ValidString(*value) || strings.ContainsRune(*value, 0):
			return sdk.Answer[Facts]{Problem: none}, nil // no text of a database has it
		}
		args = append(args, *value)
	}
	own, cancel := context.WithTimeout(ctx, l.s.timeout)
	defer cancel()
	answer, err := l.ask(own, args)
	var database databaseError
	if errors.As(err, &database) {
		err = explain(ctx, database.error, l.s.timeout)
	}
	return answer, err
}

// databaseError is one in the words of the database.
type databaseError struct{ error }

func (e databaseError) Unwrap() error { return e.error }

// ask runs the query over one connection, and once more when that connection had prepared it for a table which was altered since.
func (l *lookup) ask(ctx context.Context, args []any) (answer sdk.Answer[Facts], err error) {
	statement, err := l.statement(ctx) // before there is a connection: it may want one of its own
	if err != nil {
		return answer, databaseError{err}
	}
	conn, err := l.db.Conn(ctx)
	if err != nil {
		return answer, databaseError{err}
	}
	defer conn.Close()
	answer, err = l.read(ctx, conn, statement, args)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "0A000" {
		return l.read(ctx, conn, statement, args)
	}
	return answer, err
}

// read runs the query in a transaction that only reads.
func (l *lookup) read(ctx context.Context, conn *sql.Conn, statement *sql.Stmt, args []any) (answer sdk.Answer[Facts], err error) {
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{ReadOnly: !l.sqlite}) // SQLite is open for reading only
	if err != nil {
		return answer, databaseError{err}
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	var rows *sql.Rows
	if statement != nil {
		rows, err = tx.StmtContext(ctx, statement).QueryContext(ctx, args...)
	} else {
		rows, err = tx.QueryContext(ctx, l.s.query, args...)
	}
	if err != nil {
		return answer, databaseError{err}
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return answer, databaseError{err}
	}
	found := 0
	for rows.Next() {
		if found++; found > 1 {
			return sdk.Answer[Facts]{Problem: ambiguous}, nil
		}
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return answer, databaseError{err}
		}
		if l.s.mysql != nil {
			if err := plainly(rows, values); err != nil {
				return answer, err
			}
		}
		if answer.Facts, err = facts(names, values); err != nil {
			return sdk.Answer[Facts]{}, sdk.Unanswerable(err)
		}
	}
	if err := rows.Err(); err != nil {
		return sdk.Answer[Facts]{}, databaseError{err}
	}
	if answer.Found = found == 1; !answer.Found {
		answer.Problem = none
	}
	return answer, nil
}

// statement is the query as MySQL has it prepared, once for each connection, which saves a way there and back; the driver of PostgreSQL does so by
// itself. It is nil for other databases.
func (l *lookup) statement(ctx context.Context) (*sql.Stmt, error) {
	if l.s.mysql == nil {
		return nil, nil
	}
	if made := l.prepared.Load(); made != nil {
		return made, nil
	}
	made, err := l.db.PrepareContext(ctx, l.s.query)
	if err != nil {
		return nil, err
	}
	if !l.prepared.CompareAndSwap(nil, made) {
		_ = made.Close()
	}
	return l.prepared.Load(), nil
}

// facts are the columns of a row. Errors name columns, never values.
func facts(names []string, values []any) (f Facts, err error) {
	f.Groups, f.Texts = []string{}, []Text{}
	seen := map[string]bool{}
	for i, name := range names {
		if seen[name] {
			return Facts{}, fmt.Errorf("the query has two columns %q: name one of them with AS", name)
		}
		if seen[name] = true; values[i] == nil {
			continue
		}
		switch name {
		case "name":
			var s string
			s, err = text(values[i])
			f.Name = &s
		case "groups":
			f.Groups, err = texts(values[i])
		case "flag":
			var b bool
			b, err = truth(values[i])
			f.Flag = &b
		case "number":
			var n float64
			n, err = number(values[i])
			f.Number = &n
		default:
			var s string
			if s, err = text(values[i]); err == nil {
				f.Texts = append(f.Texts, Text{name, s})
			}
		}
		if err != nil {
			return Facts{}, fmt.Errorf("the column %s %w", name, err)
		}
	}
	return f, nil
}

func text(v any) (string, error) {
	switch v := v.(type) {
	case string:
		if utf8.ValidString(v) {
			return v, nil
		}
	case []byte:
		if utf8.Valid(v) {
			return string(v), nil
		}
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case bool:
		return strconv.FormatBool(v), nil
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano), nil
	}
	return "", errors.New("is no text")
}

// texts reads a JSON list of texts, or an array of PostgreSQL as it writes one.
func texts(v any) ([]string, error) {
	s, err := text(v)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(s, "{") {
		return array(s)
	}
	var list []*string
	if err := json.Unmarshal([]byte(s), &list); err != nil {
		return nil, errors.New("is neither an array of texts nor a JSON list of them")
	}
	out := []string{}
	for _, e := range list {
		if e == nil {
			return nil, errors.New("has null in it")
		}
		out = append(out, *e)
	}
	return out, nil
}

func truth(v any) (bool, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case int64:
		if v == 0 || v == 1 {
			return v == 1, nil
		}
	case []byte: // BIT(1) of MySQL
		if s := string(v); s == "0" || s == "1" {
			return s == "1", nil
		}
	}
	return false, errors.New("is neither true nor false")
}

func number(v any) (float64, error) {
	var s string
	switch v := v.(type) {
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			return v, nil
		}
	case int64:
		s = strconv.FormatInt(v, 10)
	case string: // numeric
		s = v
	case []byte: // DECIMAL, and what is beyond 64 bits with a sign
		s = string(v)
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, errors.New("is no number")
	}
	if exact, ok := new(big.Rat).SetString(s); ok && !strings.ContainsAny(s, "eE") && exact.IsInt() && exact.Cmp(new(big.Rat).SetFloat64(f)) != 0 {
		return 0, errors.New("would lose digits: give it another name, and it is one of the texts")
	}
	return f, nil
}

// Close closes the connections.
func (l *lookup) Close() error { return l.db.Close() }
