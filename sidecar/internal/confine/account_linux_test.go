package confine

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestWhoCanChangeUsers(t *testing.T) {
	all := uint32(1<<unix.CAP_CHOWN | 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_KILL | 1<<unix.CAP_SETGID | 1<<unix.CAP_SETUID)
	tests := []struct {
		name string
		uid  int
		held uint32
		want string
	}{
		{"root", 0, all, ""},
		{"somebody else", 1000, 0, "a user of its own needs claimsmith to be started as root"},
		{"somebody else who may", 1000, all, "a user of its own needs claimsmith to be started as root"},
		{"root in a container that took it away", 0, all &^ (1<<unix.CAP_KILL | 1<<unix.CAP_SETUID),
			"a user of its own needs what claimsmith was started without: CAP_KILL, CAP_SETUID"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := unfit(tt.uid, tt.held); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
