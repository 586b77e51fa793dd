package main

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

var update = flag.Bool("update", false, "write what comes out now into testdata")

// TestInputs runs the command on what people have, and compares all that it prints. What it writes passes check and its tests.
func TestInputs(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var out, errs strings.Builder
			code := run(strings.Fields(section(archive, "args")), strings.NewReader(section(archive, "input")), &out, &errs)
			if out.Len() > 0 {
				wantGood(t, out.String())
			}
			got := []txtar.File{{Name: "code", Data: []byte(strconv.Itoa(code) + "\n")}, {Name: "out", Data: []byte(out.String())}, {Name: "err", Data: []byte(errs.String())}}
			if *update {
				archive.Files = append(archive.Files[:2:2], got...)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range got {
				if want := section(archive, f.Name); want != string(f.Data) {
					t.Errorf("%s is\n%swant\n%s", f.Name, f.Data, want)
				}
			}
		})
	}
}

func section(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// wantGood lets check and test look at a configuration, as their commands do.
func wantGood(t *testing.T, text string) {
	t.Helper()
	file := written(t, text)
	for _, p := range replay.CheckOffline(t.Context(), file, sidecar.Options{}).List {
		t.Errorf("check: %s", p)
	}
	if !strings.Contains(text, "\ntests:\n") {
		return
	}
	report, err := replay.Test(t.Context(), file, sidecar.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Failed() > 0 || len(report.Cases) == 0 {
		var said strings.Builder
		if err := report.Render(&said); err != nil {
			t.Fatal(err)
		}
		t.Error(said.String())
	}
}

func written(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "claimsmith.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTheOutputGoesToAFileThatIsNotThere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "claimsmith.yaml")
	args := []string{"--from", "jmespath", "-e", "'gold'", "--claim", "plan", "-o", file}
	var out, errs strings.Builder
	if code := run(args, strings.NewReader(""), &out, &errs); code != exitGood || out.Len() > 0 || errs.Len() > 0 {
		t.Fatalf("%d %q %q", code, out.String(), errs.String())
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), `plan: '"gold"'`) {
		t.Fatalf("%q %v", text, err)
	}
	if code := run(args, strings.NewReader(""), &out, &errs); code != exitWrong || !strings.Contains(errs.String(), "file exists") {
		t.Errorf("a file that is there: %d %q", code, errs.String())
	}
}

func TestHelpHasAnExample(t *testing.T) {
	var out, errs strings.Builder
	if code := run([]string{"--help"}, strings.NewReader(""), &out, &errs); code != exitGood || !strings.Contains(out.String(), "claimsmith port --from jmespath") {
		t.Errorf("%d %q %q", code, out.String(), errs.String())
	}
}

func parsed(t testing.TB, file string) *txtar.Archive {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return archive
}

// optionsOf are the options of a command line.
func optionsOf(args []string) (options, error) {
	var o options
	var as []string
	for i := 0; i+1 < len(args); i += 2 {
		switch args[i] {
		case "--from":
			o.from = args[i+1]
		case "--client":
			o.client = args[i+1]
		case "--connector":
			o.connector = args[i+1]
		case "--claim":
			o.claim = args[i+1]
		case "--as":
			as = append(as, args[i+1])
		}
	}
	var err error
	o.as, err = parseAs(as)
	return o, err
}
