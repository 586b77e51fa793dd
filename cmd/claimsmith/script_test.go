package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what commands print now into testdata/script")

// TestScripts runs the commands as people do, and compares all that they print.
func TestScripts(t *testing.T) {
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	goEnv := goEnvironment(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("REPO", repo)
			env.Setenv("TMPDIR", shortDir(t))
			for name, value := range goEnv {
				env.Setenv(name, value)
			}
			return onlyOursToWrite(env.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "fill": fill},
	})
}

// goEnvironment is what the go command needs to find its caches, where scripts have no home.
func goEnvironment(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.Command("go", "env", "-json", "GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY", "GOSUMDB", "GOFLAGS").Output()
	if err != nil {
		t.Fatal(err)
	}
	var env map[string]string
	if err := json.Unmarshal(out, &env); err != nil {
		t.Fatal(err)
	}
	return env
}

// onlyOursToWrite takes away what a generous umask gives to others: serve refuses files that they can write.
func onlyOursToWrite(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return os.Chmod(path, info.Mode().Perm()&^0o022)
	})
}

// exits CODE COMMAND [ARGUMENT ...] runs a command that must end with that code. What it printed is in the files out and err,
// with $WORK where the folder of the script stands, and T where a time that was measured does.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGUMENT ...]")
	}
	took := regexp.MustCompile(`took [0-9.]+(ns|µs|ms|s)\b`)
	got, err := 0, ts.Exec(args[1], args[2:]...)
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	for name, stream := range map[string]string{"out": "stdout", "err": "stderr"} {
		text := took.ReplaceAllString(strings.ReplaceAll(ts.ReadFile(stream), ts.Getenv("WORK"), "$WORK"), "took T")
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("it ended with %d, not %s", got, args[0])
	}
}

// fill FILE ... replaces $WORK in files, which then name others with their whole paths.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: fill FILE ...")
	}
	for _, name := range args {
		name = ts.MkAbs(name)
		text, err := os.ReadFile(name)
		ts.Check(err)
		ts.Check(os.WriteFile(name, bytes.ReplaceAll(text, []byte("$WORK"), []byte(ts.Getenv("WORK"))), 0o600))
	}
}
