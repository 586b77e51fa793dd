package stores

import (
	"context"
	"time"
)

// LostTime is how long the store may take to say what was lost.
const LostTime = 5 * time.Second

// LinksLost returns since when it is known that links were lost. Zero: none were, or nobody can tell now.
func (k *Stores) LinksLost(ctx context.Context) time.Time {
	if k.Links == nil {
		return time.Time{}
	}
	ctx, cancel := context.WithTimeout(ctx, LostTime)
	defer cancel()
	lost, _ := k.Links.Check(ctx) // a sign-in that needs to know fails
	return lost
}

// LinksSealed returns how many rows of links are sealed with another key. Zero: none are, or nobody can tell now.
func (k *Stores) LinksSealed(ctx context.Context) int {
	if k.Links == nil {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, LostTime)
	defer cancel()
	n, _ := k.Links.Sealed(ctx) // a sign-in that needs to know fails
	return n
}
