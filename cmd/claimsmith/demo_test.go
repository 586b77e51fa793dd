package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/internal/demo"
	"github.com/claimsmith/claimsmith/dexpatch/dextest"
)

// demoCommandLine starts the demo as its user does, with the shared Dex.
func demoCommandLine(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, append([]string{"demo", "--dex", dextest.Binary(t)}, args...)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+shortDir(t))
	return cmd
}

// shortDir is a temporary folder in which the path of a unix socket is short enough.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "cs-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestDemoReport(t *testing.T) {
	var story bytes.Buffer
	cmd := demoCommandLine(t, "--json")
	cmd.Stderr = &story
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("demo: %v\n%s", err, story.String())
	}
	var report demo.Report
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]json.RawMessage{"ID token": report.IDToken, "access token": report.AccessToken, "userinfo": report.Userinfo} {
		got := object(t, token)
		for claim, want := range map[string]any{"username": "mum", "preferred_username": "mum", "groups": []any{"family", "users"}, "email": "mum@gmail.com"} {
			if diff := cmp.Diff(want, got[claim]); diff != "" {
				t.Errorf("%s: %s: -want +got:\n%s", name, claim, diff)
			}
		}
	}
	before, after := object(t, report.Before), object(t, report.IDToken)
	for _, claim := range []string{"sub", "aud", "nonce", "email", "email_verified", "name"} {
		if diff := cmp.Diff(before[claim], after[claim]); diff != "" {
			t.Errorf("%s: -before +after:\n%s", claim, diff)
		}
	}
	if before["username"] != nil {
		t.Errorf("Dex without the hook issued username %v", before["username"])
	}
	if report.SignedInAs != "mum" {
		t.Errorf("signed in as %q", report.SignedInAs)
	}
	wantChanged(t, report.Changed)
	wantRefused(t, report.Refused)
}

func object(t *testing.T, raw json.RawMessage) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// wantChanged compares the origins of the claims with the file they are written in.
func wantChanged(t *testing.T, got []demo.Change) {
	t.Helper()
	rules, err := os.ReadFile("../../examples/household/claimsmith.yaml")
	if err != nil {
		t.Fatal(err)
	}
	line := func(text string) string {
		i := slices.IndexFunc(strings.Split(string(rules), "\n"), func(l string) bool { return strings.TrimSpace(l) == text })
		return "claimsmith.yaml:" + strconv.Itoa(i+1)
	}
	want := []demo.Change{
		{Claim: "username", Op: "set", Value: json.RawMessage(`"mum"`), Rule: line("username: nas.name"), Facts: []string{"nas.name"}},
		{Claim: "preferred_username", Op: "set", Value: json.RawMessage(`"mum"`), Rule: line("preferred_username: nas.name"), Facts: []string{"nas.name"}},
		{Claim: "groups", Op: "set", Value: json.RawMessage(`["family","users"]`), Rule: line("groups: nas.groups"), Facts: []string{"nas.groups"}},
	}
	compact := func(c demo.Change) demo.Change {
		var b bytes.Buffer
		if json.Compact(&b, c.Value) == nil {
			c.Value = b.Bytes()
		}
		return c
	}
	for i := range got {
		got[i] = compact(got[i])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changed: -want +got:\n%s", diff)
	}
}

var anyID = regexp.MustCompile(`[0-9A-Z]{4}-[0-9A-Z]{4}`)

func wantRefused(t *testing.T, got []demo.Refusal) {
	t.Helper()
	want := []demo.Refusal{
		{User: "a stranger", Stage: "login", HTTPStatus: 403, Seen: "No account on this NAS has the address stranger@gmail.com. (decision ID)", DecisionID: "ID"},
		{User: "a disabled account", Stage: "login", HTTPStatus: 403, Seen: "The NAS account of grandpa@gmail.com is switched off. Ask the person who runs the NAS. (decision ID)", DecisionID: "ID"},
		{User: "an administrator", Stage: "login", HTTPStatus: 403, Seen: "Administrators of this NAS sign in with their password. (decision ID)", DecisionID: "ID"},
		{User: "an unverified address", Stage: "login", HTTPStatus: 403, Seen: "Google has not verified that aunt@gmail.com is yours, or it is no address that this NAS accepts. (decision ID)", DecisionID: "ID"},
	}
	for i := range got {
		if !anyID.MatchString(got[i].DecisionID) || !strings.Contains(got[i].Seen, got[i].DecisionID) {
			t.Errorf("%s: decision id %q is not in %q", got[i].User, got[i].DecisionID, got[i].Seen)
		}
		if !strings.HasPrefix(got[i].Rule, "claimsmith.yaml:") {
			t.Errorf("%s: rule %q", got[i].User, got[i].Rule)
		}
		got[i].Seen, got[i].DecisionID, got[i].Rule = strings.ReplaceAll(got[i].Seen, got[i].DecisionID, "ID"), "ID", ""
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("refused: -want +got:\n%s", diff)
	}
}

func TestTheChain(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", shortDir(t))
	chain, err := demo.Start(t.Context(), demo.Options{Self: self, Say: t.Output()}, dextest.Binary(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := chain.Stop(); err != nil {
			t.Error(err)
		}
	})
	signIn := func(email, want string) {
		t.Helper()
		if name, err := chain.SignIn(t.Context(), email); err != nil || name != want {
			t.Errorf("%s: signed in as %q, %v", email, name, err)
		}
	}
	signIn("mum@gmail.com", "mum")

	// The plugin is killed twice: a person whose facts are cached and one whose are not both get in.
	for _, who := range []string{"mum", "kid"} {
		if err := syscall.Kill(pluginOf(t, chain.Dir()), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		signIn(who+"@gmail.com", who)
	}
	if _, err := chain.SignIn(t.Context(), "stranger@gmail.com"); err == nil {
		t.Error("a stranger signed in")
	}
	nothingPersonal(t, chain.Dir())
}

// pluginOf finds the plugin of the chain's sidecar: the process below it that is a built-in plugin. One that was killed just now is
// started again, which takes a moment.
func pluginOf(t *testing.T, dir string) int {
	t.Helper()
	sidecars := processes(t, func(args []string) bool {
		return slices.Contains(args, "serve") && slices.Contains(args, filepath.Join(dir, "claimsmith.yaml"))
	})
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); <-look.C {
		for _, pid := range processes(t, func(args []string) bool { return slices.Contains(args, "run") && slices.Contains(args, "synology") }) {
			// A child that the sidecar forked and that is not yet another program looks like a sidecar too.
			if slices.Contains(sidecars, parentOf(pid)) {
				return pid
			}
		}
	}
	t.Fatalf("the sidecar (%v) has no plugin", sidecars)
	return 0
}

// parentOf returns the parent of a living process, and 0 for one that has ended.
func parentOf(pid int) int {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// pid (name) state ppid ...
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	parent, err := strconv.Atoi(fields[1])
	if err != nil || fields[0] == "Z" {
		return 0
	}
	return parent
}

// processes returns those whose arguments fit.
func processes(t *testing.T, fits func(args []string) bool) (pids []int) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		cmdline, err := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if err == nil && fits(strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00")) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// nothingPersonal looks through all logs, which are at debug level, for addresses, tokens, passwords and codes.
func nothingPersonal(t *testing.T, dir string) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(logs) < 4 {
		t.Fatalf("logs: %v, %v", logs, err)
	}
	personal := regexp.MustCompile(`@gmail|@Gmail|eyJ[A-Za-z0-9_-]{10}|a long password|synology-secret|household-secret|No account on this NAS`)
	for _, log := range logs {
		data, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) == 0 {
			t.Errorf("%s is empty: nothing was looked at", filepath.Base(log))
		}
		for line := range bytes.Lines(data) {
			if bytes.Contains(line, []byte(`"msg":"login successful"`)) {
				continue // Dex's own, with people in it: only a Dex newer than v2.45.1 can leave them out
			}
			if found := personal.Find(line); found != nil {
				t.Errorf("%s holds %q: %s", filepath.Base(log), found, line)
			}
		}
	}
}

func TestDemoLeavesNothingBehind(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			tmp := shortDir(t)
			cmd := demoCommandLine(t, "--serve")
			cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			waitFor(t, out, "Everything stays up")
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // ended by a signal, which is an error
			ours := func() []int {
				return processes(t, func(args []string) bool { return strings.Contains(strings.Join(args, " "), tmp) })
			}
			eventually(t, func() bool { return len(ours()) == 0 })
			if left := ours(); len(left) > 0 {
				t.Errorf("processes are left: %v", left)
			}
			if signal == syscall.SIGKILL {
				return
			}
			entries, err := os.ReadDir(tmp)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			if len(entries) > 0 {
				t.Errorf("files are left: %v", entries)
			}
		})
	}
}

func waitFor(t *testing.T, out interface{ Read([]byte) (int, error) }, text string) {
	t.Helper()
	var seen strings.Builder
	buffer := make([]byte, 4096)
	for !strings.Contains(seen.String(), text) {
		n, err := out.Read(buffer)
		seen.Write(buffer[:n])
		if err != nil {
			t.Fatalf("it ended before it said %q: %v\n%s", text, err, seen.String())
		}
	}
}

// eventually polls for what another process does.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
