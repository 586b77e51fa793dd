//go:build unix && !linux

package confine

import (
	"context"
	"errors"
	"net"
)

// cannotChangeUser says why this process cannot run others under another user id.
func cannotChangeUser() string { return "a user of its own is for Linux" }

// None of these is reached: a declaration with a user is refused.

func become(Account) error { return errors.New(cannotChangeUser()) }

func (o orders) reaches(Account, string) error { return nil }

func (a Account) Dial(context.Context, string) (net.Conn, error) {
	return nil, errors.New(cannotChangeUser())
}
