package engine

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestOnlyTheSameFileSoonAgainIsMeant(t *testing.T) {
	now := time.Now()
	locked := fmt.Errorf("reload: %w", &LockedOut{})
	tests := []struct {
		name   string
		err    error
		digest string
		after  time.Duration
		want   bool
	}{
		{"the same file at once", locked, "a", time.Second, true},
		{"the same file late", locked, "a", again + time.Second, false},
		{"another file", locked, "b", time.Second, false},
		{"a file that was refused for something else", errors.New("x"), "a", time.Second, false},
		{"a file that was taken", nil, "a", time.Second, false},
		{"a file that cannot be read", locked, "", time.Second, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h hangups
			h.note(tt.err, "a", now)
			if got := h.force(tt.digest, now.Add(tt.after)); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
