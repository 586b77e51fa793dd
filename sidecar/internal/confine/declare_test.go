package confine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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

func TestWhichFolderBelongsToAProgram(t *testing.T) {
	tests := []struct {
		name    string
		command []string
		want    string
	}{
		{"a program in a folder of its own", []string{"/opt/plugins/mine", "/etc/claimsmith/x.yaml"}, "/opt/plugins"},
		{"a script of an interpreter", []string{"/usr/bin/python3", "-u", "/opt/book/plugin.py"}, "/opt/book"},
		{"a script behind an option", []string{"/usr/bin/node", "--no-warnings", "/opt/book/plugin.js"}, "/opt/book"},
		{"behind one with a value", []string{"/usr/bin/node", "--max-old-space-size=128", "/opt/book/plugin.js"}, "/opt/book"},
		{"behind one with a value apart", []string{"/usr/bin/python3.11", "-X", "dev", "/opt/book/plugin.py"}, "/opt/book"},
		{"an archive", []string{"/usr/bin/java", "-jar", "/opt/book/plugin.jar"}, "/opt/book"},
		{"a class path", []string{"/usr/bin/java", "--class-path", "/opt/book/plugin.jar:/opt/book/lib/*", "Main"}, "/opt/book"},
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

func TestTheConfigurationOfARuntimeIsReadable(t *testing.T) {
	system := t.TempDir()
	root := filepath.Join(system, "jvm")
	for _, dir := range []string{root + "/bin", root + "/lib/security/policy/unlimited"} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.WriteFile(root+"/bin/java", nil, 0o700), os.Symlink("/etc/ssl", root+"/conf"), os.Symlink("/etc/passwd", root+"/lib/security/policy/unlimited/local"), // as deep as that of Java
		os.Symlink("/usr/share", root+"/doc"), os.Symlink(root+"/bin/java", system+"/java")); err != nil {
		t.Fatal(err)
	}
	for program, want := range map[string][]string{system + "/java": {"/etc/passwd", "/etc/ssl"}, "/bin/true": nil, "/no": nil} {
		if diff := cmp.Diff(want, runtimeLinks(program, system)); diff != "" {
			t.Errorf("%s: %s", program, diff)
		}
	}
}

func TestMemoryReachesEachRuntime(t *testing.T) {
	want := []string{"GOMEMLIMIT=241591905", "NODE_OPTIONS=--max-old-space-size=192", "JAVA_TOOL_OPTIONS=-XX:MaxRAM=256m -XX:MaxRAMPercentage=50 -XX:MinRAMPercentage=50"}
	if diff := cmp.Diff(want, Limits{Memory: 256 << 20}.Env()); diff != "" {
		t.Error(diff)
	}
	if got := (Limits{}).Env(); got != nil {
		t.Errorf("without a limit: %q", got)
	}
}

func TestADeclarationIsChecked(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("x"))
	digest := hex.EncodeToString(sum[:])
	other := strings.Repeat("ab", 32)
	tests := []struct {
		name string
		d    Declaration
		want []string
	}{
		{"all is well", Declaration{Name: "nas", Command: []string{os.Args[0]}, TLS: "off", Env: []string{"LANG"}, SHA256: map[string]string{plain: strings.ToUpper(digest)}}, nil},
		{"no command", Declaration{Name: "nas"}, []string{"plugin nas: command: is empty"}},
		{"a missing command", Declaration{Name: "nas", Command: []string{dir + "/no"}}, []string{"plugin nas: command[0]: no such file: " + dir + "/no"}},
		{"a relative command", Declaration{Name: "nas", Command: []string{"bin/nas"}}, []string{"plugin nas: command[0]: bin/nas is not an absolute path"}},
		{"a directory", Declaration{Name: "nas", Command: []string{dir}}, []string{"plugin nas: command[0]: not a file: " + dir}},
		{"a command that cannot be run", Declaration{Name: "nas", Command: []string{plain}}, []string{"plugin nas: command[0]: not executable: " + plain}},
		{"another digest", Declaration{Name: "nas", Command: []string{os.Args[0]}, SHA256: map[string]string{plain: other}},
			[]string{"plugin nas: sha256." + plain + ": the digest of the file is " + digest + ", not the one that is declared"}},
		{"all at once", Declaration{Name: "n s", Command: []string{"nas"}, TLS: "on", Env: []string{"A=B", "PLUGIN_X", "HOME"},
			SHA256: map[string]string{dir + "/no": other, "rel": other, plain: "abc"}},
			[]string{
				"plugin n s: name: must be letters, digits, - and _, at most 32, and start with a letter",
				`plugin n s: tls: unknown mode "on"`,
				"plugin n s: env[0]: not the name of an environment variable",
				"plugin n s: env[1]: PLUGIN_X is set by the host",
				"plugin n s: env[2]: HOME is set by the host",
				"plugin n s: command[0]: nas is not an absolute path",
				"plugin n s: sha256." + dir + "/no: no such file: " + dir + "/no",
				"plugin n s: sha256." + plain + ": not a SHA-256 digest: want 64 hexadecimal digits",
				"plugin n s: sha256.rel: rel is not an absolute path",
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, e := range tt.d.Check() {
				got = append(got, e.Error())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheWrapperIsNotForPeople(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"no arguments", nil, "plugin exec: no command: this is run by claimsmith itself"},
		{"no orders", []string{"--", "/bin/true"}, "plugin exec: no command: this is run by claimsmith itself"},
		{"no parent", []string{"{}", "--", "/bin/true"}, "plugin exec: no command: this is run by claimsmith itself"},
		{"no command", []string{`{"parent":1}`, "--"}, "plugin exec: no command: this is run by claimsmith itself"},
		{"the parent is gone", []string{`{"parent":1073741824}`, "--", "/bin/true"}, "plugin exec: the host is gone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := Exec(tt.args); err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
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
