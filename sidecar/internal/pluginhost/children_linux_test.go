package pluginhost

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
)

// children returns the processes that this one started and that still are. t may be nil.
func children(t testing.TB) []string {
	var left []string
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it ended meanwhile
		}
		after := stat[bytes.LastIndexByte(stat, ')')+1:]
		if f := strings.Fields(string(after)); len(f) > 1 && f[1] == strconv.Itoa(os.Getpid()) {
			left = append(left, filepath.Base(filepath.Dir(file)))
		}
	}
	return left
}

// ended waits until a process that need not be a child is gone.
func ended(t testing.TB, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // already
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(10*time.Second/time.Millisecond))
		if err == unix.EINTR {
			continue
		}
		if n != 1 {
			t.Errorf("process %d lives on", pid)
		}
		return
	}
}

func TestAKilledHostTakesItsPluginWithIt(t *testing.T) {
	killHost(t)
}

// TestWhatAKilledHostLeftIsRemovedByTheNext keeps what is still somebody's, and what no host made.
func TestWhatAKilledHostLeftIsRemovedByTheNext(t *testing.T) {
	tmp := killHost(t)
	t.Setenv("TMPDIR", tmp)
	if left, _ := filepath.Glob(tmp + "/claimsmith-*"); len(left) != 1 {
		t.Fatalf("the killed host left %v", left)
	}
	living, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer living.Close()
	kept := []string{"claimsmith-1", "claimsmith-backup"} // without a lock, and of another name
	for _, name := range kept {
		if err := os.Mkdir(filepath.Join(tmp, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(tmp, "claimsmith-backup", lockName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	next, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	kept = append(kept, filepath.Base(living.dir), filepath.Base(next.dir))
	slices.Sort(kept)
	var left []string
	for _, path := range must(filepath.Glob(tmp + "/*")) {
		left = append(left, filepath.Base(path))
	}
	if diff := cmp.Diff(kept, left); diff != "" {
		t.Error(diff)
	}
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(next.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a host that was closed left its folder: %v", err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// killHost runs a host in a process of its own, kills it, and waits for the end of its plugin. It returns the directory for
// temporary files of the host.
func killHost(t *testing.T, as ...string) (tmp string) {
	tmp, err := os.MkdirTemp("", "kill") // short, because of the sockets in it, which nobody is left to remove
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(tmp) })
	if err := os.Chmod(tmp, 0o711); err != nil {
		t.Fatal(err)
	}
	host := exec.Command(os.Args[0], append([]string{asHost}, as...)...)
	host.Env = append(os.Environ(), "TMPDIR="+tmp)
	stdin, err := host.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out)
	_ = host.Wait()
	ended(t, pid)
	return tmp
}

func TestNothingOfAGroupIsLeft(t *testing.T) {
	h := newTestHost(t, Options{})
	d := playing("parent")
	d.Limits.Processes, d.Unconfined = 1, true // it looks for its children in /proc
	p := start(t, h, d)
	for range 2 {
		if _, err := p.Asker(answers.Policy{}).Ask(within(t, 10*time.Second), question(`{"email":"a@b.c"}`)); err != nil {
			t.Fatal(err)
		}
	}
	// The second answer names the child that the first one started.
	answer, err := p.Asker(answers.Policy{}).Ask(within(t, 10*time.Second), question(`{"email":"a@b.c"}`))
	if err != nil {
		t.Fatal(err)
	}
	groups := answer.Facts["groups"].([]string)
	if len(groups) != 2 {
		t.Fatalf("children of the plugin: %v", groups)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		pid, _ := strconv.Atoi(g)
		ended(t, pid)
	}
}

func TestWhatAPluginSees(t *testing.T) {
	t.Setenv("HAND_ON", "yes")
	t.Setenv("KEEP_BACK", "no")
	// A descriptor that is not closed on exec, as a host started by somebody careless may have.
	if err := unix.Dup3(1, 50, 0); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(50)
	dir := t.TempDir()
	d := playing("world")
	d.Env = []string{"HAND_ON", "NOT_SET"}
	p := start(t, newTestHost(t, Options{Dir: dir}), d)
	answer, err := p.Asker(answers.Policy{}).Ask(within(t, 10*time.Second), question(`{"email":"a@b.c"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := answer.Facts["name"], dir+`/nas drwx------ true home=true stdin=/dev/null fd50=""`; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	want := "CLAIMSMITH_PLUGIN HAND_ON=yes HOME PLUGIN_CLIENT_CERT PLUGIN_MAX_PORT PLUGIN_MIN_PORT PLUGIN_PROTOCOL_VERSIONS PLUGIN_UNIX_SOCKET_DIR TMPDIR"
	if got := sortedWords(answer.Facts["groups"].([]string)); got != want {
		t.Errorf("environment:\n got %s\nwant %s", got, want)
	}
}
