package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
)

func TestTheCommandsAboutPluginsOfARunningSidecar(t *testing.T) {
	file := recordingHousehold(t)
	s := serve(t, file)
	if _, err := s.client.ExtendPayload(t.Context(), mum(`{"sub":"a","aud":"synology","name":"Mum"}`)); err != nil {
		t.Fatal(err)
	}
	// What follows is how many questions became of what.
	const details = `people: directory VERSION
  state        running, process N for Ns
  confined     CONFINEMENT
  keeps        answers up to 24h old
`
	tests := []struct {
		name string
		args []string
		code int
		out  string
		errs string
	}{
		{name: "status", args: []string{"plugin", "status"}, out: details},
		{name: "status of one", args: []string{"plugin", "status", "people"}, out: details},
		{name: "status of one that is not there", args: []string{"plugin", "status", "nas"}, code: exitProblems, errs: "claimsmith: no plugin is called \"nas\"\n"},
		{name: "restart", args: []string{"plugin", "restart", "people"}, out: "people was started again: process N\n"},
		{name: "restart of one that is not there", args: []string{"plugin", "restart", "nas"}, code: exitProblems, errs: "claimsmith: no plugin is called \"nas\"\n"},
	}
	version, confined := regexp.MustCompile(`directory [^,\n]*\n`), regexp.MustCompile(`confined +user \d+, as claimsmith, .*256 descriptors`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errs := about(t, file, tt.args...)
			out, _, _ = strings.Cut(out, "  questions")
			out = confined.ReplaceAllString(version.ReplaceAllString(out, "directory VERSION\n"), "confined     CONFINEMENT")
			if diff := cmp.Diff([]any{tt.code, tt.out, tt.errs}, []any{code, out, errs}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatIsSaidOfPluginsIsForMachinesToo(t *testing.T) {
	file := recordingHousehold(t)
	serve(t, file)
	for _, args := range [][]string{{"status", "--json"}, {"plugin", "status", "--json"}, {"plugin", "list", "--json"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			_, out, errs := about(t, file, args...)
			var said struct {
				Plugins []struct{ Name, State, Confinement string }
			}
			if err := json.Unmarshal([]byte(out), &said); err != nil || len(said.Plugins) != 1 {
				t.Fatalf("%v\n%s%s", err, out, errs)
			}
			if p := said.Plugins[0]; p.Name != "people" || p.State != "running" || !strings.HasPrefix(p.Confinement, "user ") {
				t.Errorf("got %+v", p)
			}
		})
	}
}

func TestWithoutAConfigurationTheSocketIsAskedFor(t *testing.T) {
	file := filepath.Join(t.TempDir(), "claimsmith.yaml")
	const hint = "hint: -c names the configuration of the sidecar, or --socket its admin socket"
	for _, args := range [][]string{{"plugin", "list"}, {"status"}, {"links", "list"}} {
		var out, errs bytes.Buffer
		code := run(append(args, "-c", file), strings.NewReader(""), &out, &errs)
		if want := "claimsmith: there is no " + file + "\n" + hint + "\n"; code != exitProblems || errs.String() != want {
			t.Errorf("%v: ended with %d and said %s", args, code, errs.String())
		}
	}
}

func TestAPluginThatDoesNotStartSaysWhy(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	got := pluginDetails(&adminv1.PluginStatus{
		Name: "nas", Is: "synology", Version: "1.0", State: "down", Crashes: 1, LastCrash: "signal: killed", Crashed: timestamppb.New(now.Add(-time.Minute)),
		Refused: "its digest is another", NextStart: timestamppb.New(now.Add(12 * time.Second)), Confinement: "not known", Breaker: "closed",
		Unlogged: 3,
	}, now)
	const want = `nas: synology 1.0
  state        down
  crashes      1, the last one 1m ago: signal: killed
  not started  its digest is another
  next try     in 12s
  printed      3 lines that are no log records: claimsmith plugin verify --show-output shows such
`
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPluginsInATable(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	got := pluginTable([]*adminv1.PluginStatus{
		{Name: "nas", Is: "synology", Version: "1.0", State: "running", Pid: 7, Since: timestamppb.New(now.Add(-90 * time.Second)), Crashes: 1, Breaker: "closed"},
		{Name: "people", Is: "directory", Version: "1.0", State: "down", Crashes: 4, Breaker: "open"},
	}, now)
	const want = `NAME    IS             STATE    PROCESS  FOR    CRASHES  BREAKER
nas     synology 1.0   running  7        1m30s  1        closed
people  directory 1.0  down     -        -      4        open
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
