package pluginhost

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
)

// Users that no database knows, and that nothing else on the machine is.
const (
	mine   = 64001
	others = 64002
	many   = 64003
)

// needsRoot skips a test that runs processes of other users where this one may not, but not where all tests have to run.
func needsRoot(t *testing.T) {
	t.Helper()
	why := ""
	for _, wrong := range (confine.Declaration{Name: "nas", User: "64001"}).Check() {
		if wrong.Path == "user" {
			why = wrong.Message
		}
	}
	if why == "" {
		return
	}
	why += ", so no plugin was run as another user"
	if os.Getenv("CLAIMSMITH_CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// public is a directory that all users can enter, with this program in it.
func public(t *testing.T) (dir, program string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "own")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	program = filepath.Join(dir, "program")
	if err := errors.Join(os.Chmod(dir, 0o755), copyFile(os.Args[0], program)); err != nil {
		t.Fatal(err)
	}
	return dir, program
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// secretOf writes a file that only uid may read.
func secretOf(t *testing.T, dir string, uid int) string {
	t.Helper()
	file := filepath.Join(dir, fmt.Sprintf("secret-of-%d", uid))
	if err := errors.Join(os.WriteFile(file, []byte("secret"), 0o600), os.Chown(file, uid, uid)); err != nil {
		t.Fatal(err)
	}
	return file
}

// ofUser are the processes of a user, with or without those that have ended and nobody collected yet.
func ofUser(uid int, ended bool) (pids []string) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		status, _ := os.ReadFile(dir + "/status")
		if text := string(status); strings.Contains(text, fmt.Sprintf("\nUid:\t%d\t", uid)) && (ended || !strings.Contains(text, "\nState:\tZ")) {
			pids = append(pids, filepath.Base(dir))
		}
	}
	return pids
}

// TestAPluginWithAUserOfItsOwn tries with and without file rules: the kernel tells users apart where it has none.
func TestAPluginWithAUserOfItsOwn(t *testing.T) {
	needsRoot(t)
	for _, unconfined := range []bool{false, true} {
		t.Run(fmt.Sprintf("unconfined %t", unconfined), func(t *testing.T) { tryOwnUser(t, unconfined) })
	}
}

func tryOwnUser(t *testing.T, unconfined bool) {
	dir, program := public(t)
	own, other, root := secretOf(t, dir, mine), secretOf(t, dir, others), secretOf(t, dir, 0)
	borrowed := filepath.Join(dir, "borrowed")
	if err := errors.Join(copyFile(program, borrowed), os.Chmod(borrowed, fs.ModeSetuid|0o755)); err != nil {
		t.Fatal(err)
	}
	admin := filepath.Join(dir, "admin")
	listener, err := net.Listen("unix", admin)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := os.Chmod(admin, 0o600); err != nil {
		t.Fatal(err)
	}
	h := newTestHost(t, Options{})
	sibling := playing("good")
	sibling.Name, sibling.User, sibling.Command[0] = "sibling", fmt.Sprint(others), program
	victim := start(t, h, sibling).PID()
	d := playing("hostile")
	d.User, d.Command[0], d.Unconfined = fmt.Sprint(mine), program, unconfined
	d.Config = json.RawMessage(`{"url":"x","passwordFile":"` + own + `"}`)
	d.Limits = confine.Limits{Processes: 1, Readable: []string{borrowed}}
	if unconfined {
		d.TLS = confine.TLSOff
	}
	p := start(t, h, d)
	asker := p.Asker(answers.Policy{})
	me := os.Getpid()
	tests := []struct{ what, want string }{
		{"who", "64001 64001 64001 64001 64001 64001 []"},
		{"read " + own, "done"},
		{"write " + filepath.Join(h.dir, "nas.64001", "new"), "done"},
		{"read " + other, "refused"},
		{"read " + root, "refused"},
		{"read /etc/shadow", "refused"},
		{"list " + h.dir, "refused"},
		{"list " + h.sockets, "refused"},
		{"list " + filepath.Join(h.dir, "sibling.64002"), "refused"},
		{"write " + filepath.Join(h.dir, "new"), "refused"},
		{"remove " + program, "refused"},
		{fmt.Sprintf("read /proc/%d/environ", me), "refused"},
		{fmt.Sprintf("read /proc/%d/mem", me), "refused"},
		{fmt.Sprintf("read /proc/%d/environ", victim), "refused"},
		{fmt.Sprintf("trace %d", me), "refused"},
		{fmt.Sprintf("trace %d", victim), "refused"},
		{fmt.Sprintf("kill %d", me), "refused"},
		{fmt.Sprintf("kill %d", victim), "refused"},
		{"connect " + admin, "refused"},
		{"root", "refused"},
		{"borrow " + borrowed + " " + asWho, "user 64001"},
		{"privileges", "no new ones"},
		{"terminal", "none"},
	}
	for _, tt := range tests {
		if got := try(t, asker, tt.what); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.what, got, tt.want)
		}
	}
	c := p.Status().Confinement
	want := &confine.Report{}
	switch {
	case unconfined:
		want.Why = "unconfined, as declared"
	case !confine.HasFileRules():
		want.Why = "this kernel has no file rules"
	default:
		*want = landlocked(t, c, 53)
	}
	want.User, want.Own, want.Tasks, want.Calls, want.NoCapabilities = mine, true, c.Tasks, true, true
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
}

func TestTheProcessesOfAUserAreCounted(t *testing.T) {
	needsRoot(t)
	_, program := public(t)
	h := newTestHost(t, Options{})
	d := playing("hostile")
	d.User, d.Command[0], d.Limits.Processes = fmt.Sprint(many), program, 1
	p := start(t, h, d)
	if got := try(t, p.Asker(answers.Policy{}), "bomb"); got != "no more processes" {
		t.Error(got)
	}
	n, most := len(ofUser(many, false)), p.Status().Confinement.Tasks
	if n < 10 || n > most {
		t.Errorf("%d processes, of at most %d", n, most)
	}
	h.Stop(p)
	for until := time.Now().Add(20 * time.Second); len(ofUser(many, true)) > 0; {
		if time.Now().After(until) {
			t.Fatalf("processes are left: %v", ofUser(many, true))
		}
		select { // orphans are collected by somebody else
		case <-time.After(10 * time.Millisecond):
		case <-t.Context().Done():
		}
	}
}

func TestAPluginOfAnotherUserDiesWithItsHost(t *testing.T) {
	needsRoot(t)
	_, program := public(t)
	killHost(t, fmt.Sprint(mine), program)
}

func TestAPluginOfAnotherUserIsReplacedAndLeavesNothing(t *testing.T) {
	needsRoot(t)
	_, program := public(t)
	h := newTestHost(t, Options{})
	d := playing("good")
	d.User, d.Command[0] = fmt.Sprint(mine), program
	p := start(t, h, d)
	before := p.PID()
	if err := p.Restart(t.Context()); err != nil || p.PID() == before {
		t.Fatal(err)
	}
	if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	answer, err := p.Asker(answers.Policy{}).Ask(within(t, 20*time.Second), question(`{"email":"mum@gmail.com"}`))
	if err != nil || answer.Facts["name"] != "mum" {
		t.Fatal(answer, err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if left := ofUser(mine, false); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	if _, err := os.Stat(h.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory is left: %v", err)
	}
}

// TestAUserNeedNotReachWhatIsCompared runs a program that only root can read: what has a digest is copied for the user.
func TestAUserNeedNotReachWhatIsCompared(t *testing.T) {
	needsRoot(t)
	dir := t.TempDir() // mode 0700 above
	program := filepath.Join(dir, "program")
	if err := errors.Join(copyFile(os.Args[0], program), os.Chmod(program, 0o700)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	d := playing("good")
	d.User, d.Command[0], d.SHA256 = fmt.Sprint(mine), program, map[string]string{program: hex.EncodeToString(sum[:])}
	h := newTestHost(t, Options{})
	p := start(t, h, d)
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{exe, filepath.Join(h.sockets, strings.Split(strings.TrimPrefix(exe, h.sockets+"/"), "/")[0])} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if stat := info.Sys().(*syscall.Stat_t); stat.Uid != 0 || stat.Gid != mine || info.Mode()&0o027 != 0 {
			t.Errorf("%s: %v of %d:%d", file, info.Mode(), stat.Uid, stat.Gid)
		}
	}
}

func TestWhatAUserCannotUseIsSaid(t *testing.T) {
	needsRoot(t)
	dir, program := public(t)
	secret, hidden := secretOf(t, dir, 0), filepath.Join(dir, "hidden")
	if err := errors.Join(copyFile(program, hidden), os.Chmod(hidden, 0o700)); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		program string
		tmp     string
		want    string
	}{
		{"a file that its configuration names", program, "", "user 64001 may not read " + secret},
		{"its program", hidden, "", "user 64001 may not run " + hidden},
		{"the directory for temporary files", program, "closed", "user 64001 cannot enter its folder TMP"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.tmp != "" {
				tmp, err := os.MkdirTemp("", "c") // mode 0700
				if err != nil {
					t.Fatal(err)
				}
				defer os.RemoveAll(tmp)
				t.Setenv("TMPDIR", tmp)
			}
			d := playing("good")
			d.User, d.Command[0] = fmt.Sprint(mine), tt.program
			d.Config = json.RawMessage(`{"url":"x","passwordFile":"` + secret + `"}`)
			h := newTestHost(t, Options{})
			_, err := h.Start(t.Context(), d)
			want := `plugin nas: it ended (exit status 1) before its handshake; its last words: "plugin exec: ` +
				strings.Replace(tt.want, "TMP", filepath.Join(h.dir, "nas.64001"), 1) + `"`
			if err == nil || err.Error() != want {
				t.Errorf("got %v\nwant %s", err, want)
			}
		})
	}
}

func TestTheSocketMustBeThatOfItsUser(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, err = confine.Account{UID: mine, GID: mine}.Dial(t.Context(), socket)
	if want := fmt.Sprintf("its socket is one of user %d, not of user 64001", os.Getuid()); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	conn, err := confine.Account{UID: os.Getuid(), GID: os.Getgid()}.Dial(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}
