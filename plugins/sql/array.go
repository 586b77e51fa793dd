package sql

import (
	"errors"

	"github.com/jackc/pgx/v5/pgtype"
)

// array reads an array of texts as PostgreSQL writes it: {a,"b c"}.
func array(s string) ([]string, error) {
	out := []string{}
	if err := pgtype.NewMap().Scan(pgtype.TextArrayOID, pgtype.TextFormatCode, []byte(s), &out); err != nil {
		return nil, errors.New("is no array of texts, or has null in it")
	}
	return append([]string{}, out...), nil
}
