package examples

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

const python = "/usr/bin/python3"

// needPython skips a test where the plugin in Python cannot run. Where changes are checked it must.
func needPython(t *testing.T) {
	t.Helper()
	out, err := exec.Command(python, "-c", "import grpc, google.protobuf").CombinedOutput()
	if err == nil {
		return
	}
	said := fmt.Sprintf("%s cannot run the plugin (%v): apt-get install python3-grpcio python3-protobuf\n%s", python, err, out)
	if os.Getenv("CLAIMSMITH_CI") != "" {
		t.Fatal(said)
	}
	t.Skip(said)
}

// TestMain lets the test binary be what the plugin is started through.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "as-wrapper" {
		fmt.Fprintln(os.Stderr, sidecar.PluginExec(os.Args[2:]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// confined are options under which plugins are started as the program starts them.
func confined() sidecar.Options {
	o := options()
	o.Wrapper = []string{os.Args[0], "as-wrapper"}
	return o
}

// folder is that of the plugin, and a directory for temporary files that is short enough for sockets.
func folder(t *testing.T) string {
	t.Helper()
	tmp, err := os.MkdirTemp("", "py")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(tmp) })
	t.Setenv("TMPDIR", tmp)
	whole, err := filepath.Abs("plugin-python")
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

// installed writes the example's configuration as it is when the plugin stays where it is, and knows the people of testdata.
func installed(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "claimsmith.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "claimsmith.yaml")
	moved := strings.NewReplacer(
		"/opt/plugins/unix-accounts", dir,
		"schemaFile: schema.json", "schemaFile: "+filepath.Join(dir, "schema.json"),
		"/etc/passwd", filepath.Join(dir, "testdata/passwd"), "/etc/group", filepath.Join(dir, "testdata/group"),
	).Replace(string(text))
	if err := os.WriteFile(file, []byte(moved), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestThePythonPluginIsTakenWithItsDigests(t *testing.T) {
	needPython(t)
	problems, err := replay.Check(t.Context(), installed(t, folder(t)), confined())
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	_ = problems.Render(&text)
	if problems.Failed() || strings.Count(text.String(), "warning") != 1 { // of the digest of Python itself
		t.Error(text.String())
	}
}

func TestThePythonPluginAnswersRules(t *testing.T) {
	needPython(t)
	file := installed(t, folder(t))
	tests := []struct {
		name, email    string
		outcome, claim string // some claims of the access token, or the words of a refusal
	}{
		{"somebody with an account", "ada@example.org", "patched",
			`{"groups":["ada","admins","users"],"home":"/home/ada","name":"Ada Lovelace","preferred_username":"ada","uid":1001}`},
		{"a number that no double holds", "big@example.org", "patched",
			`{"groups":["users"],"home":"/home/big","name":"big","preferred_username":"big","uid":9007199254740993}`},
		{"a closed account", "charles@example.org", "denied", "Your account was closed. Ask the office."},
		{"an account of the system", "root@example.org", "denied", "You have no account on our machines."},
		{"a name that two have", "twice@example.org", "denied", "You have no account on our machines."},
		{"nobody", "x@example.org", "denied", "You have no account on our machines."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := replay.ExplainLive(t.Context(), file, confined(), replay.Request{
				Client: "ssh", Connector: "google", Identity: replay.RequestIdentity{Email: tt.email, EmailVerified: true},
			})
			if err != nil {
				t.Fatal(err)
			}
			claim := got.Message
			if len(got.Tokens) > 0 {
				claim = some(t, got.Tokens[0].Claims, "groups", "home", "name", "preferred_username", "uid")
			}
			if diff := cmp.Diff([]string{tt.outcome, tt.claim}, []string{got.Outcome, claim}); diff != "" {
				t.Errorf("%s%s", diff, got.Err)
			}
		})
	}
}

// some returns some claims, each as it is written.
func some(t *testing.T, claims json.RawMessage, names ...string) string {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal(claims, &all); err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%q:%s", name, all[name]))
	}
	var short bytes.Buffer
	if err := json.Compact(&short, []byte("{"+strings.Join(parts, ",")+"}")); err != nil {
		t.Fatal(err)
	}
	return short.String()
}

func TestThePythonPluginKeepsTheContract(t *testing.T) {
	needPython(t)
	dir := folder(t)
	config, err := json.Marshal(map[string]string{"passwdFile": filepath.Join(dir, "testdata/passwd"), "groupFile": filepath.Join(dir, "testdata/group")})
	if err != nil {
		t.Fatal(err)
	}
	report, err := sidecar.VerifyPlugin(t.Context(), sidecar.PluginTrial{
		Command: []string{python, "-B", filepath.Join(dir, "plugin.py")}, NoTLS: true, Config: config,
		Known: []byte(`{"name":"big"}`), Facts: []byte(`{"uid":9007199254740993,"groups":["users"]}`), Unknown: []byte(`{"name":"nobody-here"}`),
	}, confined())
	if err != nil {
		t.Fatal(err)
	}
	var untried []string
	for _, c := range report.Checks {
		switch c.Outcome {
		case "kept":
		case "untried":
			untried = append(untried, c.ID)
		default:
			t.Errorf("%s: %s: %s", c.ID, c.Outcome, c.Detail)
		}
	}
	// It is without TLS and is never slow.
	if diff := cmp.Diff([]string{"tls", "slow"}, untried); diff != "" {
		t.Error(diff)
	}
}

// The command of the README is run as it stands there, except for where the plugin is.
func TestTheCommandOfThePythonREADMEKeepsTheContract(t *testing.T) {
	needPython(t)
	dir := folder(t)
	text, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := blocks(string(text), "")
	at := slices.IndexFunc(found, func(b block) bool { return strings.HasPrefix(b.text, "claimsmith plugin verify") })
	if at < 0 {
		t.Fatal("README.md does not verify the plugin")
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(bin, "claimsmith"), "../cmd/claimsmith").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command("/bin/sh", "-c", strings.ReplaceAll(found[at].text, "/opt/plugins/unix-accounts", dir))
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "\n23 kept, 0 broken, 2 not tried\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestThePythonPluginDescribesItselfAsItsSchemaFile(t *testing.T) {
	needPython(t)
	dir := folder(t)
	got, err := sidecar.DescribePlugin(t.Context(), sidecar.PluginTrial{Command: []string{filepath.Join(dir, "plugin.py")}, NoTLS: true})
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(dir, "schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

// The digests need no Python to be true.
func TestTheDigestsOfThePythonPluginAreThoseOfItsFiles(t *testing.T) {
	text, err := os.ReadFile("plugin-python/claimsmith.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, m := range regexp.MustCompile(`/opt/plugins/unix-accounts/(\S+): "([0-9a-f]{64})"`).FindAllStringSubmatch(string(text), -1) {
		got[m[1]] = m[2]
	}
	want := map[string]string{}
	for _, pattern := range []string{"*.py", "claimsmith/plugin/v1/*.py"} {
		files, err := filepath.Glob(filepath.Join("plugin-python", pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files %s: %v", pattern, err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(content)
			want[strings.TrimPrefix(file, "plugin-python/")] = hex.EncodeToString(sum[:])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claimsmith.yaml has other digests than sha256sum:\n%s", diff)
	}
}

// The messages are those of lookup.proto, as the protoc of Debian 12 writes them.
func TestTheMessagesOfThePythonPluginAreGenerated(t *testing.T) {
	const file, want = "claimsmith/plugin/v1/lookup_pb2.py", "libprotoc 3.21."
	version, err := exec.Command("protoc", "--version").Output()
	if err != nil || !strings.HasPrefix(string(version), want) {
		said := fmt.Sprintf("there is no protoc of Debian 12 (%s...): apt-get install protobuf-compiler", want)
		if os.Getenv("CLAIMSMITH_CI") != "" {
			t.Fatal(said)
		}
		t.Skip(said)
	}
	out := t.TempDir()
	if said, err := exec.Command("protoc", "-I", "../proto", "--python_out="+out, "claimsmith/plugin/v1/lookup.proto").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	fresh, err := os.ReadFile(filepath.Join(out, file))
	if err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile(filepath.Join("plugin-python", file))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(fresh, committed) {
		t.Error("lookup.proto has changed: the README says how its Python is generated")
	}
}
