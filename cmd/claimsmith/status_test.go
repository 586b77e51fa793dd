package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
)

func TestAStatusSaysWhatIsWrong(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	ago := func(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(now.Add(-d)) }
	got := statusText(&adminv1.StatusResponse{
		Version: "1.0.0", Pid: 7, Started: ago(time.Hour), LinksSealed: 9, Decisions: &adminv1.Counters{Failed: 2},
		Certificate:   &adminv1.Certificate{NotAfter: ago(-time.Hour), Stale: "load the authority of clients: it is empty"},
		Configuration: &adminv1.Configuration{File: "c.yaml", Digest: "d92f1a3e468b", Loaded: ago(time.Minute), Steps: 1},
		Plugins: []*adminv1.Plugin{
			{Name: "nas", Is: "synology", Version: "0.1.0", State: "running", Failing: "it is asleep", FailingSince: ago(400 * time.Millisecond)},
			{Name: "attic", Is: "synology", Version: "0.1.0", State: "running", Failing: "it is asleep", FailingSince: ago(90 * time.Second)},
		},
	}, now)
	const want = `claimsmith     1.0.0, process 7, serving for 1h
configuration  c.yaml, d92f1a3e468b, loaded 1m ago: 1 step, 0 tests
certificate    ends on 2027-01-15, in 1h
               the files as they are now are not used: load the authority of clients: it is empty
links          9 rows are sealed with another key: nobody can sign in by them, and nobody is linked, until the key that state had is back or claimsmith links reset --all
plugins        nas: synology 0.1.0, running
                 failing just now: it is asleep
               attic: synology 0.1.0, running
                 failing for 1m30s: it is asleep
decisions      0 patched, 0 unchanged, 0 denied, 2 failed
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
