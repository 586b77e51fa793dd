package pluginhost

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// try has the hostile plugin do one thing.
func try(t *testing.T, asker pipeline.Asker, what string) string {
	t.Helper()
	params, err := json.Marshal(map[string]string{"email": what})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := asker.Ask(within(t, 20*time.Second), question(string(params)))
	if err != nil {
		t.Fatal(what, err)
	}
	return answer.Facts["name"].(string)
}

// TestWhatHoldsIsReported compares the report of the wrapper; what it is worth is tried by the tests of package sidecar.
func TestWhatHoldsIsReported(t *testing.T) {
	d := playing("good")
	d.Config = json.RawMessage(`{"url":"https://nas.example.org:5001"}`)
	d.Limits = Limits{Memory: 256 << 20, Descriptors: 200, Connect: []int{636}}
	p := start(t, newTestHost(t, Options{}), d)
	want := landlocked(landlockVersion(), orders{Connect: []int{53, 636, 5001}})
	want.User, want.Memory, want.Descriptors, want.NoProcesses, want.Calls, want.NoCapabilities = os.Getuid(), 512<<20, 200, true, true, true
	if !dataLimit {
		want.Memory = 0
	}
	if landlockVersion() == 0 {
		want.Why = "this kernel has no file rules"
	}
	if diff := cmp.Diff(&want, p.Status().Confinement); diff != "" {
		t.Error(diff)
	}
}

func TestAnUnconfinedPluginSaysSo(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d := playing("hostile")
	d.Unconfined = true
	p := start(t, newTestHost(t, Options{}), d)
	if got := try(t, p.Asker(CachePolicy{}), "read "+secret); got != "done" {
		t.Error(got)
	}
	got := p.Status().Confinement.String()
	if want := fmt.Sprintf("user %d, as claimsmith, all files of its user, all TCP ports, no capabilities, reviewed system calls, no processes, no limit of memory, no limit of descriptors, unconfined, as declared", os.Getuid()); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestForeignPluginsBesideSecrets(t *testing.T) {
	foreign := Declaration{Name: "mine", Foreign: true}
	unconfined := Declaration{Name: "mine", Foreign: true, Unconfined: true}
	nas := Declaration{Name: "nas", Config: json.RawMessage(`{"accounts":[{"passwordFile":"/run/secrets/dsm"}]}`)}
	people := Declaration{Name: "people", Config: json.RawMessage(`{"file":"/etc/people.yaml","caFile":"/etc/ca.pem"}`)}
	as := func(d Declaration, user string) Declaration {
		d.User = user
		return d
	}
	tests := []struct {
		name     string
		set      []Declaration
		confines bool
		want     []string
	}{
		{"with file rules", []Declaration{foreign, nas}, true, nil},
		{"without", []Declaration{foreign, nas}, false,
			[]string{"plugin mine: command: this system cannot keep it from the secrets of the plugin nas, which runs under the same user id"}},
		{"without, and that is said", []Declaration{unconfined, nas}, false, nil},
		{"beside a plugin without secrets", []Declaration{foreign, people}, false, nil},
		{"with its own secrets only", []Declaration{{Name: "mine", Foreign: true, Config: nas.Config}}, false, nil},
		{"those that come with the host", []Declaration{nas, people}, false, nil},
		{"without, as a user of its own", []Declaration{as(foreign, "64001"), nas}, false, nil},
		{"without, as another user than the other", []Declaration{as(foreign, "64001"), as(nas, "64002")}, false, nil},
		{"without, both as the same user", []Declaration{as(foreign, "64001"), as(nas, "64001:100")}, false,
			[]string{"plugin mine: command: this system cannot keep it from the secrets of the plugin nas, which runs under the same user id"}},
		{"without, and only the other has a user of its own", []Declaration{foreign, as(nas, "64001")}, false,
			[]string{"plugin mine: command: this system cannot keep it from the secrets of the plugin nas, whose user id is no help against that of claimsmith"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, e := range unsafeBeside(tt.set, tt.confines) {
				got = append(got, e.Error())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatWasComparedIsWhatRuns(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) (file, digest string) {
		file = filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(text))
		return file, hex.EncodeToString(sum[:])
	}
	// The program replaces itself, as somebody might between the comparison and the start, and then runs what it stands for.
	script := "#!/bin/sh\n. \"$(dirname \"$0\")/lib/part\"\nexec \"$@\"\n"
	program, sum := write("program", script, 0o700)
	if err := os.Mkdir(filepath.Join(dir, "lib"), 0o700); err != nil {
		t.Fatal(err)
	}
	part, partSum := write("lib/part", "echo part of $0 >&2\n", 0o600)
	copies := t.TempDir()
	o := orders{SHA256: map[string]string{program: sum, part: partSum}, Copies: copies}
	path, command, err := compare(o, []string{program, os.Args[0], "x"})
	if err != nil {
		t.Fatal(err)
	}
	if path != filepath.Join(copies, program) || command[0] != program || command[1] != os.Args[0] {
		t.Errorf("it runs %s as %v", path, command)
	}
	if err := os.WriteFile(program, []byte("#!/bin/sh\nexit 66\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{program: script, part: "echo part of $0 >&2\n"} {
		if got, err := os.ReadFile(filepath.Join(copies, file)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", file, got, err)
		}
	}
	o.Copies = t.TempDir()
	if _, _, err := compare(o, []string{program}); err == nil || !strings.HasPrefix(err.Error(), program+": the digest of the file is ") {
		t.Errorf("another program: %v", err)
	}
}

func TestAPluginWithADigestRuns(t *testing.T) {
	program, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(program)
	d := playing("good")
	d.SHA256 = map[string]string{os.Args[0]: hex.EncodeToString(sum[:])}
	h := newTestHost(t, Options{})
	p := start(t, h, d)
	if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.PID())); err != nil || !strings.HasPrefix(exe, h.sockets+"/run-") {
		t.Errorf("it runs %s, %v", exe, err)
	}
	if got := p.Status().Confinement.Checked; got != 1 {
		t.Errorf("%d files were compared", got)
	}
	h.Stop(p)
	if left, _ := filepath.Glob(h.sockets + "/run-*"); len(left) > 0 {
		t.Errorf("copies are left: %v", left)
	}
}

func TestWhichFolderBelongsToAProgram(t *testing.T) {
	tests := []struct {
		name    string
		command []string
		want    string
	}{
		{"a program in a folder of its own", []string{"/opt/plugins/mine", "/etc/claimsmith/x.yaml"}, "/opt/plugins"},
		{"a script of an interpreter", []string{"/usr/bin/python3", "-u", "/opt/book/plugin.py"}, "/opt/book"},
		{"the value of an option", []string{"/usr/bin/env", "--file", "/run/secrets/x/y"}, ""},
		{"a program in a folder of many things", []string{"/opt/mine"}, ""},
		{"a program of the system", []string{"/usr/local/bin/mine", "serve"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := programFolder(tt.command); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
