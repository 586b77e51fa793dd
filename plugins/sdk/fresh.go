package sdk

import "context"

// fresh is the key under which a context says that an operator wants facts read again.
type fresh struct{}

// Fresh reports whether the lookup that ctx belongs to is to be answered from what is read now, and not from what the plugin keeps: an
// operator changed an account and does not want to wait. A plugin that keeps nothing need not look.
func Fresh(ctx context.Context) bool { return ctx.Value(fresh{}) != nil }
