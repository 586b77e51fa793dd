package links

import (
	"context"
	"strings"
)

// Address returns what a link keeps of an address: a keyed digest by which it is found again. Empty for none.
func (s *Store) Address(text string) string {
	if text = strings.TrimSpace(text); text == "" {
		return ""
	}
	return s.rows.Digest("address", strings.ToLower(strings.ToUpper(text))) // both: letters that are equal under case folding become one
}

// address returns the address of the link that joins the same.
func (s *Store) address(ctx context.Context, l Link) (string, error) {
	rows, _, err := s.rows.Find(ctx, l.sides())
	if err != nil || len(rows) == 0 {
		return "", said(err)
	}
	there, err := read(rows[0])
	return there.Address, err
}
