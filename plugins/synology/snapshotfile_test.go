package synology

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

// ownFile is write in a folder that nobody else can write.
func ownFile(t *testing.T, content string) string {
	t.Helper()
	file := write(t, content, 0o600)
	if err := os.Chmod(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

// written is a snapshot of a household, so old.
func written(age time.Duration) string {
	return fmt.Sprintf(`{"snapshot":1,"time":%d}
{"user":"mum","uid":1026,"email":"Mum@example.org","description":"Mum \"M\" Example","expired":"normal","groups":["users","family"],"gids":[100,65536]}
{"user":"Dad","uid":1027,"email":"dad@example.org","description":"","expired":"normal","groups":["users"],"gids":[100,101]}
{"user":"gone","uid":1028,"email":"gone@example.org","description":"","expired":"now","groups":["users"],"gids":[100]}
{"user":"odd","uid":1029,"email":"odd@example.org","description":"","expired":"unknown","groups":["users"],"gids":[100]}
{"end":4}
`, time.Now().Add(-age).Unix())
}

func TestASnapshotIsReadWithoutAnyNAS(t *testing.T) {
	c := Config{Source: "snapshot", SnapshotFile: ownFile(t, written(time.Hour)), Links: []Link{{"boss@gmail.com", "Dad"}}}
	plugin := sdktest.Start(t, Plugin(), c)
	tests := []struct {
		name, email, problem string
		facts                Facts
	}{
		{"somebody", "mum@example.org", "", local(Facts{Name: "mum", UID: 1026, Description: `Mum "M" Example`, Groups: []string{"family", "users"}})},
		{"a member of group 101 rules, whatever the names say", "dad@example.org", "", local(Facts{Name: "Dad", UID: 1027, Groups: []string{"administrators", "users"}, Admin: true})},
		{"a link", "boss@gmail.com", "", local(Facts{Name: "Dad", UID: 1027, Groups: []string{"administrators", "users"}, Admin: true, Linked: true})},
		{"switched off", "gone@example.org", "disabled", local(Facts{Name: "gone", UID: 1028, Groups: []string{"users"}})},
		{"nobody knows whether switched off", "odd@example.org", "disabled", local(Facts{Name: "odd", UID: 1029, Groups: []string{"users"}})},
		{"a stranger", "x@example.org", "none", Facts{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var facts Facts
			found, problem, err := plugin.Lookup(t.Context(), Params{Email: tt.email}, &facts)
			if err != nil || found != (tt.problem == "") || problem != tt.problem || !reflect.DeepEqual(facts, tt.facts) {
				t.Errorf("found %v, %q, %+v, %v\nwant %q, %+v", found, problem, facts, err, tt.problem, tt.facts)
			}
		})
	}
}

func TestASnapshotTellsItsAge(t *testing.T) {
	l, _ := opened(t, Config{Source: "snapshot", SnapshotFile: ownFile(t, written(3*time.Hour))})
	got, err := l.Lookup(t.Context(), Params{Name: "mum"})
	if err != nil || got.Age < 3*time.Hour || got.Age > 3*time.Hour+time.Minute {
		t.Errorf("age %s, %v", got.Age, err)
	}
}

func TestANewSnapshotIsTakenUp(t *testing.T) {
	c := Config{Source: "snapshot", SnapshotFile: ownFile(t, written(3*time.Hour))}
	l, _ := opened(t, c)
	if _, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.SnapshotFile, []byte(strings.Replace(written(0), `"expired":"normal"`, `"expired":"now"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil || got.Problem != "disabled" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestASnapshotThatCannotBeBelieved(t *testing.T) {
	good := written(time.Hour)
	all := strings.SplitAfter(good, "\n")
	first, mum := all[0], all[1]
	tests := []struct{ name, content, want string }{
		{"empty", "", "it has no end: it was cut, or is still being written"},
		{"cut between two lines", strings.Join(all[:3], ""), "it has no end: it was cut, or is still being written"},
		{"cut in a line", good[:100], "line 2: not a JSON object of a snapshot"},
		{"without a beginning", mum + all[5], "line 1: not the beginning of a snapshot that this version reads"},
		{"of another version", strings.Replace(good, `"snapshot":1`, `"snapshot":2`, 1), "line 1: not the beginning of a snapshot that this version reads"},
		{"an account too few", first + mum + `{"end":2}`, "line 3: another number of accounts than were read"},
		{"an account twice", first + mum + mum + `{"end":2}`, "line 3: an account that stood there before"},
		{"an account without name", first + `{"uid":1,"expired":"normal"}` + "\n" + `{"end":1}`, "line 2: an account without name, or without expired"},
		{"an account of which nothing is known", first + `{"user":"mum"}` + "\n" + `{"end":1}`, "line 2: an account without name, or without expired"},
		{"more behind the end", good + mum, "line 7: something follows the end"},
		{"too old", written(27 * time.Hour), "written 27h0m0s ago, and no more than 26h0m0s is allowed: does the task on the NAS still run?"},
		{"from the future", written(-time.Hour), "written in the future: compare the clocks of the NAS and of this machine"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, logged := opened(t, Config{Source: "snapshot", SnapshotFile: ownFile(t, tt.content)})
			got, err := l.Lookup(t.Context(), Params{Email: "mum@example.org"})
			if want := "read the accounts: snapshot: " + tt.want; text(err) != want || !reflect.DeepEqual(got, sdk.Answer[Facts]{}) {
				t.Errorf("error %q\nwant  %q", text(err), want)
			}
			if strings.Contains(logged.String(), "example.org") {
				t.Errorf("an address in\n%s", logged)
			}
		})
	}
}

func TestASnapshotThatOthersCanWriteIsNotReadAnyMore(t *testing.T) {
	c := Config{Source: "snapshot", SnapshotFile: ownFile(t, written(0))}
	l, _ := opened(t, c)
	if err := os.Chmod(c.SnapshotFile, 0o606); err != nil {
		t.Fatal(err)
	}
	_, err := l.Lookup(t.Context(), Params{Name: "mum"})
	if want := "read the accounts: snapshot: " + c.SnapshotFile + " can be written by everybody: mend it with chmod go-w " + c.SnapshotFile; text(err) != want {
		t.Errorf("error %q, want %q", text(err), want)
	}
}

// tools makes the programs of a NAS that snapshot.sh calls, as shell scripts, and returns their folder.
func tools(t *testing.T, scripts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// synouser answers as the tool of DSM does: a heading, then names; and an account as lines of "key : [value]".
const synouser = `
user() { printf 'User Name   : [%s]\nUser Type   : [AUTH_LOCAL]\nUser uid    : [%s]\nPrimary gid : [100]\nFullname    : [%s]\nUser Dir    : [/var/services/homes/%s]\nUser Shell  : [/sbin/nologin]\nExpired     : [%s]\nUser Mail   : [%s]\nAlloc Size  : [91]\n' "$1" "$2" "$5" "$1" "$3" "$4"; }
case "$1 $2" in
"--enum local") printf '4 User Listed:\nadmin\nmum\nÅsa M.\ntrick\n' ;;
"--get admin") user admin 1024 true '' 'System default user'; printf 'Member Of   : [2]\n(100) users\n(101) administrators\n' ;;
"--get mum") user mum 1026 false Mum@example.org 'Mum "M" \ [Example]'; printf 'Member Of   : [2]\n(100) users\n(65536) the family\n' ;;
"--get Åsa M.") user 'Åsa M.' 1027 2027/1/31 asa@example.org ''; printf 'Member Of   : [1]\n(100) users\n' ;;
"--get trick") TRICK ;;
*) exit 1 ;;
esac
`

const ids = `case "$3" in mum) echo 100 65536 ;; admin) echo 100 101 ;; *) echo 100 101 ;; esac`

func snapshotScript(t *testing.T, path, file string, more ...string) (string, error) {
	t.Helper()
	script, err := filepath.Abs("snapshot/snapshot.sh")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh", append([]string{script, file}, more...)...)
	cmd.Env = []string{"PATH=" + path + ":/usr/bin:/bin"}
	said, err := cmd.CombinedOutput()
	return string(said), err
}

func TestTheScriptWritesWhatThePluginReads(t *testing.T) {
	path := tools(t, map[string]string{"synouser": strings.Replace(synouser, "TRICK", `user trick 1028 '' '' 'none'; printf 'Member Of   : [0]\n'`, 1), "id": ids})
	file := ownFile(t, "what was there before")
	if said, err := snapshotScript(t, path, file); err != nil || said != "" {
		t.Fatalf("%v: %s", err, said)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	l, _ := opened(t, Config{Source: "snapshot", SnapshotFile: file, TimeZone: "UTC"})
	for name, want := range map[string]Facts{
		"admin":  {Name: "admin", UID: 1024, Description: "System default user", Groups: []string{"administrators", "users"}, Admin: true},
		"mum":    {Name: "mum", UID: 1026, Description: `Mum "M" \ [Example]`, Groups: []string{"the family", "users"}},
		"Åsa M.": {Name: "Åsa M.", UID: 1027, Groups: []string{"administrators", "users"}, Admin: true, Expires: "2027-01-31"},
		"trick":  {Name: "trick", UID: 1028, Description: "none", Groups: []string{"administrators"}, Admin: true},
	} {
		got, err := l.Lookup(t.Context(), Params{Name: name})
		if err != nil || !reflect.DeepEqual(got.Facts, local(want)) {
			t.Errorf("%s: %+v, %v\nwant %+v", name, got.Facts, err, local(want))
		}
		if off := name == "admin" || name == "trick"; (got.Problem == "disabled") != off {
			t.Errorf("%s: problem %q", name, got.Problem)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("beside the file: %v, %v", left, err)
	}
}

func TestTheScriptLetsAGroupRead(t *testing.T) {
	path := tools(t, map[string]string{"synouser": strings.Replace(synouser, "TRICK", `user trick 1028 true '' ''`, 1), "id": ids})
	file := ownFile(t, "")
	if said, err := snapshotScript(t, path, file, fmt.Sprint(os.Getgid())); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestAScriptThatFailsLeavesWhatWasThere(t *testing.T) {
	tests := []struct{ name, synouser, id, want string }{
		{"no NAS", "exit 127", ids, "synouser --enum local failed: is this a Synology NAS, and are you root?"},
		{"nobody", `echo '0 User Listed:'`, ids, "synouser --enum local lists nobody"},
		{"an account that cannot be read", strings.Replace(synouser, "TRICK", "exit 1", 1), ids, "synouser --get failed for an account that is listed"},
		{"an account that went away", strings.Replace(synouser, "TRICK", "exit 1", 1), `[ "$3" != trick ]`, "an account went away meanwhile, or cannot be read: the next run will tell"},
		{"another form", strings.Replace(synouser, "TRICK", `echo '{"name": "trick"}'`, 1), ids, "synouser --get answers in a form that is not known"},
		{"an account that makes up lines", strings.Replace(synouser, "TRICK", `user trick 1028 true '' 'x]
User Mail   : [boss@example.org]
Expired     : [false'`, 1), ids, "synouser --get answers in a form that is not known"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := ownFile(t, "what was there before")
			said, err := snapshotScript(t, tools(t, map[string]string{"synouser": tt.synouser, "id": tt.id}), file)
			if want := "snapshot.sh: " + tt.want + "\n"; err == nil || said != want {
				t.Errorf("%v, %q\nwant %q", err, said, want)
			}
			if got, err := os.ReadFile(file); err != nil || string(got) != "what was there before" {
				t.Errorf("the file holds %q, %v", got, err)
			}
			if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
				t.Errorf("beside the file: %v, %v", left, err)
			}
		})
	}
	if said, err := exec.CommandContext(t.Context(), "/bin/sh", "snapshot/snapshot.sh").CombinedOutput(); err == nil || string(said) != "snapshot.sh: usage: snapshot.sh FILE [GROUP]\n" {
		t.Errorf("without a file: %v, %s", err, said)
	}
}
