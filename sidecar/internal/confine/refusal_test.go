package confine

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestARefusedAccessIsNamed(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"people", "named", "written"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := Declaration{Command: []string{"/usr/bin/node", "/opt/book/plugin.js"}, Config: json.RawMessage(`{"url":"https://book.example.org","peopleFile":"` + dir + `/named"}`),
		Limits: Limits{Memory: 1 << 28, Descriptors: 64, Writable: []string{dir + "/written"}, Connect: []int{636}}}
	const some = "a plugin may read only the files that config names with keys that are file or end in File, and limits: {readable: [...]}; it may write " +
		"limits: {writable: [...]}, and connect to the ports of URLs in config and limits: {connect: [...]}"
	people := Refusal{"limits.readable", "no rule lets it use D/people: limits: {readable: [D/people]} lets it read that, as a key of its config does that is file or ends in File; " +
		"{writable: [D/people]} lets it write"}
	for _, tt := range []struct {
		text string
		want Refusal
	}{
		{"open D/people: permission denied", people},
		{"cat: D/people: Permission denied", people},
		{"Error: EACCES: permission denied, open 'D/people'", people},
		{`its last words: "PermissionError: [Errno 13] Permission denied: 'D/people'"`, people},
		{"Permission denied @ rb_sysopen - D/people (Errno::EACCES)", people},
		{"java.io.FileNotFoundException: D/people (Permission denied)", people},
		{"java.nio.file.AccessDeniedException: D/people", people},
		{"open D/named: permission denied", Refusal{"", "a rule lets it read D/named, unless owner and mode of the file keep its user away; limits: {writable: [D/named]} lets it write"}},
		{"open /usr/lib/x: permission denied", Refusal{"", "a rule lets it read /usr/lib/x, unless owner and mode of the file keep its user away; limits: {writable: [/usr/lib/x]} lets it write"}},
		{"open D/written: permission denied", Refusal{"", "a rule lets it use D/written: owner and mode of the file keep its user away"}},
		{"open /no/where: permission denied", Refusal{"", "no rule lets it use /no/where"}},
		{"dial tcp 127.0.0.1:8080: connect: permission denied", Refusal{"limits.connect", "no rule lets it connect to port 8080: limits: {connect: [8080]} does, as a URL in its config with that port"}},
		{"connect EACCES 127.0.0.1:8080 - Local (0.0.0.0:0)", Refusal{"limits.connect", "no rule lets it connect to port 8080: limits: {connect: [8080]} does, as a URL in its config with that port"}},
		{"connect EACCES 127.0.0.1:636", Refusal{"", "a rule lets it connect to port 636: what refuses that is not this sandbox"}},
		{"pq: permission denied for table people", Refusal{"", some}},
		{"bind: Too many open files", Refusal{"limits.descriptors", "this looks like its limit of 64 files and connections; limits: {descriptors: ...} gives it more, unless it forgets to close them"}},
		{"no licence found", Refusal{}},
	} {
		got := d.Refused(strings.ReplaceAll(tt.text, "D/", dir+"/"))
		got.Hint = strings.ReplaceAll(got.Hint, dir+"/", "D/")
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.text, diff)
		}
	}
	d.Unconfined = true
	if got := d.Refused("open " + dir + "/people: permission denied"); got != (Refusal{}) {
		t.Errorf("it has no rules, and got %v", got)
	}
}
