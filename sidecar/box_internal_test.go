package sidecar

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/internal/conform"
)

// TestWhatAKernelCannotHoldIsSaid judges answers as they come from kernels that this machine does not have.
func TestWhatAKernelCannotHoldIsSaid(t *testing.T) {
	line := boxLine{"tcp", "TCP", []attack{{"tcp ${port}", "refused", needsTCP}, {"listen", "refused", needsTCP}}}
	old, older, new := confine.Report{Files: 3, Calls: true}, confine.Report{}, confine.Report{Files: 4, TCP: true, Calls: true}
	tests := []struct {
		name   string
		held   confine.Report
		got    string
		err    error
		want   conform.Outcome
		detail string
	}{
		{"held", new, "refused", nil, conform.Kept, "2 tried"},
		{"got through", new, "done", nil, conform.Broken, "tcp 443: done, want refused\n      listen: done, want refused"},
		{"before Linux 6.7", old, "done", nil, conform.Warning,
			"this system cannot hold it: tcp 443: done; that takes Landlock 4 (Linux 6.7)\n      listen: done; that takes Landlock 4 (Linux 6.7)"},
		{"held in another way", older, "refused", nil, conform.Kept, "2 tried"},
		{"it died", new, "", errors.New("gone"), conform.Broken, "tcp 443: it was not answered: gone\n      listen: it was not answered: gone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := line.try(&tt.held, strings.NewReplacer("${port}", "443").Replace, func(string) (string, error) { return tt.got, tt.err })
			if diff := cmp.Diff(conform.Check{ID: "tcp", Name: "TCP", Outcome: tt.want, Detail: tt.detail}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
