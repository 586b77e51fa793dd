package sidecar_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// recorded is the household with a record.
func recorded(dir string) string {
	return household(dir) + "state: {file: state/state.db, keyFile: key}\nrecord: {}\n"
}

// serveRecorded runs the household with a record, lets some in, and stops.
func serveRecorded(t *testing.T, who ...string) (dir string) {
	t.Helper()
	dir = shortDir(t)
	must(t, os.WriteFile(filepath.Join(dir, "key"), []byte(strings.Repeat("5c", 32)), 0o600))
	r := serveFile(t, dir, written(t, dir, recorded(dir)))
	r.visits(who...)
	r.end()
	<-r.done
	return dir
}

func TestARecordTellsWhoWasLetInBeforeTheStart(t *testing.T) {
	dir := serveRecorded(t, "mum@gmail.com", "dad@gmail.com", "nobody@gmail.com")
	r := serveFile(t, dir, filepath.Join(dir, "c.yaml"))
	want := map[string]any{
		"level": "INFO", "msg": "people were let in before this start",
		"of": 2.0, "refused": 0.0, "failed": 0.0, "unknown": 0.0,
	}
	if diff := cmp.Diff(want, r.told(r.log.wait(t, "before this start"))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	written(t, dir, strings.Replace(recorded(dir), "not nas.found", "true", 1))
	const locked = "it would keep out everybody who was let in recently (2 refused and 0 failed of 2: 2 by c.yaml:12)"
	if err := r.server.Reload(t.Context(), false); err == nil || strings.ReplaceAll(err.Error(), dir+"/", "") != locked {
		t.Errorf("got  %v\nwant %s", err, locked)
	}
}

func TestAStartThatLocksEverybodyOutIsToldOf(t *testing.T) {
	dir := serveRecorded(t, "mum@gmail.com")
	r := serveFile(t, dir, written(t, dir, strings.Replace(recorded(dir), "not nas.found", "true", 1)))
	want := map[string]any{
		"level": "ERROR", "msg": "the configuration keeps out everybody who was let in before this start",
		"of": 1.0, "refused": 1.0, "failed": 0.0, "unknown": 0.0, "rules": []any{"1 by c.yaml:12"},
	}
	if diff := cmp.Diff(want, r.told(r.log.wait(t, "before this start"))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDiffMakesRecordedRequests(t *testing.T) {
	dir := serveRecorded(t, "mum@gmail.com", "nobody@gmail.com")
	candidate := filepath.Join(dir, "candidate.yaml")
	propose(t, dir, strings.NewReplacer("not nas.found", "nas.found", "Account", "account").Replace(household(dir)))
	d, err := replay.Diff(t.Context(), filepath.Join(dir, "c.yaml"), candidate, program(t, newLogBuffer()), replay.DiffOptions{Record: true})
	must(t, err)
	var changes []replay.Change
	for _, r := range d.Clients[0].Differences {
		if !strings.HasPrefix(r.Name, "decision ") || r.Place != "" || r.Stage != "" {
			t.Errorf("got %+v", r)
		}
		changes = append(changes, r.Change)
	}
	if diff := cmp.Diff([]replay.Change{replay.NewlyFails, replay.NewlyRefused}, changes); diff != "" || d.Requests != 2 {
		t.Errorf("%d requests, -want +got:\n%s", d.Requests, diff)
	}
	_, err = replay.Diff(t.Context(), candidate, candidate, program(t, newLogBuffer()), replay.DiffOptions{Record: true})
	if want := "read the record of " + candidate + ": it has no record"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// A request that made no sense is what an operator wants to look at: it is recorded as it came.
func TestARequestThatMadeNoSenseIsRecorded(t *testing.T) {
	dir := shortDir(t)
	must(t, os.WriteFile(filepath.Join(dir, "key"), []byte(strings.Repeat("5c", 32)), 0o600))
	r := serveFile(t, dir, written(t, dir, recorded(dir)))
	_, err := r.client().ExtendPayload(t.Context(), with(signIn("mum@gmail.com"), func(req *hookv1.ExtendPayloadRequest) { req.Audience = nil }))
	if status.Code(err) != codes.InvalidArgument {
		t.Fatal(err)
	}
	got, err := r.admin().Status(t.Context(), &adminv1.StatusRequest{})
	if must(t, err); got.GetRecord().GetKept() != 1 {
		t.Errorf("%v", got.GetRecord())
	}
}
