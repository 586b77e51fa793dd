package sidecar_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// stranger is the household with a plugin of a user of its own. Its digest has it run from a copy, wherever the program lies.
func stranger(t *testing.T, dir, user string) string {
	t.Helper()
	program, err := os.ReadFile(os.Args[0])
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "schema.json"), schemaOf(t), 0o600))
	return strings.Replace(household(dir), fmt.Sprintf("nas: {builtin: directory, config: {gate: %s/gate.sock}}", dir), fmt.Sprintf(`nas:
    command: [%[1]s, as-plugin]
    sha256: {%[1]s: %[2]x}
    schemaFile: schema.json
    user: %[3]s`, os.Args[0], sha256.Sum256(program), user), 1)
}

func schemaOf(t *testing.T) []byte {
	t.Helper()
	shortTemp(t)
	text, err := sidecar.DescribePlugin(t.Context(), sidecar.PluginTrial{Command: []string{os.Args[0], asPlugin}})
	must(t, err)
	return text
}

// mayChangeUsers reports whether a plugin can have a user of its own here.
func mayChangeUsers() bool { return runtime.GOOS == "linux" && os.Geteuid() == 0 }

func TestAPluginRunsAsTheUserThatTheFileNames(t *testing.T) {
	if !mayChangeUsers() {
		if os.Getenv("CLAIMSMITH_CI") != "" {
			t.Fatal("not started as root")
		}
		t.Skip("not started as root, so no plugin was run as another user")
	}
	r := serve(t, func(dir string) string { return stranger(t, dir, "64021:64022") })
	reply, err := r.client().ExtendPayload(t.Context(), signIn("mum@gmail.com"))
	must(t, err)
	if got := string(reply.GetPatches().GetIdToken().GetSet()["username"]); got != `"mum"` {
		t.Errorf("username %s of %v", got, reply)
	}
	client := r.plugins()
	list, err := client.ListPlugins(t.Context(), &adminv1.ListPluginsRequest{})
	must(t, err)
	p := list.GetPlugins()[0]
	if !strings.HasPrefix(p.GetConfinement(), "user 64021, its own, ") {
		t.Errorf("confinement: %s", p.GetConfinement())
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.GetPid()))
	must(t, err)
	for _, want := range []string{"Uid:\t64021\t64021\t64021\t64021\n", "Gid:\t64022\t64022\t64022\t64022\n", "Groups:\t \n", "CapPrm:\t0000000000000000\n", "CapAmb:\t0000000000000000\n", "NoNewPrivs:\t1\n"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("its status lacks %q:\n%s", want, status)
		}
	}
}

func TestAUserOfAPluginIsCheckedWhereThePluginRuns(t *testing.T) {
	tests := []struct {
		name, user string
		want       []string
	}{
		{"a number", "64021", nil},
		{"a name that nobody has", "nobody-at-all", []string{
			`c.yaml:9:11: plugins.nas.user: no user is called "nobody-at-all"; a number needs no entry in /etc/passwd: user: 64001`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := shortDir(t)
			file := written(t, dir, stranger(t, dir, tt.user))
			o := program(t, newLogBuffer())
			if problems := replay.CheckOffline(t.Context(), file, o); len(problems.List) > 0 {
				t.Errorf("offline: %v", problems)
			}
			problems, err := replay.Check(t.Context(), file, o)
			must(t, err)
			var got []string
			for _, p := range problems.List {
				got = append(got, fmt.Sprintf("%s:%d:%d: %s: %s; %s", filepath.Base(p.File), p.Line, p.Col, p.Path, p.Message, p.Hint))
			}
			want := tt.want
			if want == nil && !mayChangeUsers() {
				want = []string{"c.yaml:9:11: plugins.nas.user: a user of its own needs claimsmith to be started as root; leave it out, and the plugin runs as the user of claimsmith"}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
