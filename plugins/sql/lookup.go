package sql

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

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
	Flag   *bool    `json:"flag" doc:"the column flag: a boolean, in SQLite 0 or 1; null where it is"`
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

// ask runs the query in a transaction that only reads.
func (l *lookup) ask(ctx context.Context, args []any) (answer sdk.Answer[Facts], err error) {
	tx, err := l.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: !l.sqlite}) // SQLite is open for reading only
	if err != nil {
		return answer, databaseError{err}
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	rows, err := tx.QueryContext(ctx, l.s.query, args...)
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
	}
	return false, errors.New("is neither true nor false")
}

func number(v any) (float64, error) {
	switch v := v.(type) {
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			return v, nil
		}
	case int64:
		if f := float64(v); f < 1<<63 && int64(f) == v {
			return f, nil
		}
		return 0, errors.New("would lose digits: give it another name, and it is one of the texts")
	case string: // numeric
		if f, err := strconv.ParseFloat(v, 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, nil
		}
	}
	return 0, errors.New("is no number")
}

// Close closes the connections.
func (l *lookup) Close() error { return l.db.Close() }
