package sidecar_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

const failingTests = `pipeline:
  - {set: {plan: '"gold"'}}
tests:
  - name: gold it is
    given: {client: wiki}
    want: {claims: {plan: gold}}
  - name: silver it is
    given: {client: wiki}
    want: {claims: {plan: silver}}
`

func TestAConfigurationWhoseTestsFailIsNotServed(t *testing.T) {
	dir := shortDir(t)
	_, err := sidecar.New(t.Context(), written(t, dir, plain(dir)+failingTests), program(t, newLogBuffer()))
	var failed *sidecar.TestsFailed
	if !errors.As(err, &failed) || err.Error() != "1 of 2 tests of the configuration failed" {
		t.Fatalf("%v", err)
	}
	var report strings.Builder
	must(t, failed.Report.Render(&report))
	want := `ok    gold it is
FAIL  silver it is
      ` + dir + `/c.yaml:8, at token
      claim plan
        want  "silver"
        got   "gold"
1 of 2 passed
`
	if report.String() != want {
		t.Errorf("got\n%s\nwant\n%s", report.String(), want)
	}
	if _, err := os.Stat(filepath.Join(dir, "run")); !os.IsNotExist(err) {
		t.Errorf("it made the folder of its socket: %v", err)
	}
}

func TestWhoeverCanWriteTheConfigurationDecidesEveryLogin(t *testing.T) {
	dir := shortDir(t)
	file := written(t, dir, plain(dir))
	must(t, os.Chmod(file, 0o666))
	_, err := sidecar.New(t.Context(), file, program(t, newLogBuffer()))
	if want := file + " can be written by everybody: mend it with chmod go-w " + file; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	options := program(t, newLogBuffer())
	options.AllowWritable = true
	server, err := sidecar.New(t.Context(), file, options)
	must(t, err)
	must(t, server.Close(), server.Close())
}

// TestCheckRefusesTheModesThatServeRefuses compares the words, which are those of one function for the file, and of one for sockets.
func TestCheckRefusesTheModesThatServeRefuses(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, file, run string)
		want    string
	}{
		{"the file", func(t *testing.T, file, _ string) { must(t, os.Chmod(file, 0o666)) },
			"DIR/c.yaml can be written by everybody: mend it with chmod go-w DIR/c.yaml"},
		{"its folder", func(t *testing.T, file, _ string) { must(t, os.Chmod(filepath.Dir(file), 0o777)) },
			"the folder DIR can be written by everybody, who could replace c.yaml: mend it with chmod go-w DIR"},
		{"the folder of its socket", func(t *testing.T, _, run string) { must(t, os.Mkdir(run, 0o700), os.Chmod(run, 0o777)) },
			"the folder of the socket, DIR/run, can be written by others (mode 0777): anyone who can do that can answer in our place; make it 0750"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := shortDir(t)
			file := written(t, dir, plain(dir))
			tt.prepare(t, file, filepath.Join(dir, "run"))
			problems, err := replay.Check(t.Context(), file, program(t, newLogBuffer()))
			must(t, err)
			var said []string
			for _, p := range problems.List {
				if !p.Warning {
					said = append(said, p.Message)
				}
			}
			server, err := sidecar.New(t.Context(), file, program(t, newLogBuffer()))
			if err == nil {
				err = server.Serve(t.Context())
				must(t, server.Close())
			}
			refused := "it serves"
			if err != nil {
				refused = err.Error()
			}
			want := strings.ReplaceAll(tt.want, "DIR", dir)
			if diff := cmp.Diff([]string{want, want}, append(said, refused)); diff != "" {
				t.Errorf("check and serve:\n%s", diff)
			}
		})
	}
}

func TestAllWaysOfLoadingSayTheSame(t *testing.T) {
	tests := []struct {
		name string
		text string // after the first line
		want string // $FILE is the configuration
	}{
		{
			name: "a plugin that nobody knows",
			text: "plugins:\n  nas: {builtin: dirctory}\n",
			want: `$FILE:3:18: plugins.nas.builtin: no plugin called "dirctory" comes with claimsmith
    3 |   nas: {builtin: dirctory}
      |                  ^
hint: did you mean "directory"?
`,
		},
		{
			name: "a plugin that is nothing",
			text: "plugins:\n  nas: {tls: auto}\n",
			want: `$FILE:3:8: plugins.nas: the plugin has neither builtin nor command
    3 |   nas: {tls: auto}
      |        ^
hint: write builtin: synology, or command: [/path/of/program]
`,
		},
		{
			name: "a plugin that is two things",
			text: "plugins:\n  nas: {builtin: other, command: [/bin/true], sha256: unverified}\n",
			want: `$FILE:3:25: plugins.nas.command: a plugin has a builtin or a command, not both
    3 |   nas: {builtin: other, command: [/bin/true], sha256: unverified}
      |                         ^
`,
		},
		{
			name: "a key that the plugin does not know, and a fact that it does not have",
			text: `plugins:
  nas: {builtin: directory, config: {gaet: x}}
pipeline:
  - {lookup: nas, with: {email: identity.email}}
  - {set: {username: nas.nmae}}
`,
			want: `$FILE:3:38: plugins.nas.config.gaet: unknown key "gaet"
    3 |   nas: {builtin: directory, config: {gaet: x}}
      |                                      ^
hint: did you mean "gate"?
$FILE:6:26: pipeline[1].set.username: unknown fact "nmae" of nas
    6 |   - {set: {username: nas.nmae}}
      |                          ^
hint: did you mean "name"?
`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := shortDir(t)
			file := written(t, dir, plain(dir)+test.text)
			options := program(t, newLogBuffer())
			checked, err := replay.Check(t.Context(), file, options)
			must(t, err)
			_, served := sidecar.New(t.Context(), file, options)
			_, tested := replay.Test(t.Context(), file, options)
			for how, problems := range map[string]*sidecar.Problems{
				"check": checked, "check --offline": replay.CheckOffline(t.Context(), file, options), "serve": problemsOf(t, served), "test": problemsOf(t, tested),
			} {
				var got strings.Builder
				must(t, problems.Render(&got))
				if want := strings.ReplaceAll(test.want, "$FILE", file); got.String() != want {
					t.Errorf("%s: got\n%s\nwant\n%s", how, got.String(), want)
				}
			}
		})
	}
}

func problemsOf(t *testing.T, err error) *sidecar.Problems {
	t.Helper()
	var p *sidecar.Problems
	if !errors.As(err, &p) {
		t.Fatalf("no problems: %v", err)
	}
	return p
}
