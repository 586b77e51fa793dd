package directory

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// over gives a lookup over a file, its clock and what it logs.
func over(t *testing.T, c Config) (*lookup, *clock, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	clock := &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	s, problems := newStore(c, clock.Now, slog.New(slog.NewTextHandler(&log, nil)))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return &lookup{store: s}, clock, &log
}

// state is an answer in a word, with its age.
func state(t *testing.T, l *lookup, name string) string {
	t.Helper()
	answer, err := l.Lookup(t.Context(), Params{Name: name})
	switch {
	case err != nil:
		return err.Error()
	case answer.Found:
		return "found " + answer.Age.String()
	}
	return answer.Problem + " " + answer.Age.String()
}

func expect(t *testing.T, l *lookup, name, want string) {
	t.Helper()
	if got := state(t, l, name); got != want {
		t.Errorf("%s: %s, want %s", name, got, want)
	}
}

func TestAChangedFileCountsWithinASecond(t *testing.T) {
	file := write(t, "people.yaml", "people: [{name: mum}]")
	l, clock, _ := over(t, Config{File: file})
	replace(t, file, "people: [{name: kid}]")
	clock.Add(time.Second - 1)
	expect(t, l, "mum", "found 0s")
	expect(t, l, "kid", "none 0s")
	clock.Add(1)
	expect(t, l, "mum", "none 0s")
	expect(t, l, "kid", "found 0s")
}

func TestAChangeOfTheSameLengthInTheSameMomentIsSeen(t *testing.T) {
	file := write(t, "people.yaml", "people: [{name: mum}]")
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	l, clock, _ := over(t, Config{File: file})
	if err := os.WriteFile(file, []byte("people: [{name: kid}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, before.ModTime(), before.ModTime()); err != nil {
		t.Fatal(err)
	}
	clock.Add(time.Second)
	expect(t, l, "kid", "found 0s")
}

func TestAFileThatDidNotChangeIsNotReadAgain(t *testing.T) {
	file := write(t, "people.yaml", "people: [{name: mum}]")
	yesterday := time.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(file, yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	l, clock, log := over(t, Config{File: file})
	l.store.parse = func([]byte) (*people, []finding) { t.Error("read again"); return nil, nil }
	for range 3 {
		clock.Add(time.Hour)
		expect(t, l, "mum", "found 0s")
	}
	if n := strings.Count(log.String(), "people read"); n != 1 {
		t.Errorf("read %d times", n)
	}
}

func TestABrokenFileKeepsThePeopleWhoAreFound(t *testing.T) {
	file := write(t, "people.yaml", "people: [{name: mum, email: mum@gmail.com}, {name: dad, disabled: true}]")
	l, clock, log := over(t, Config{File: file})
	clock.Add(time.Minute)
	expect(t, l, "mum", "found 0s")
	replace(t, file, "people: [{name: mum, email: mum@gmail.com}, {name: kid, emial: kid@gmail.com}]")
	clock.Add(10 * time.Minute)
	expect(t, l, "mum", "found 10m0s")
	const why = "the file of people has changed and cannot be used: people.yaml:1:57: unknown key"
	expect(t, l, "kid", why)
	expect(t, l, "dad", why)
	expect(t, l, "", "noEmail 0s")
	clock.Add(24*time.Hour - 10*time.Minute)
	expect(t, l, "mum", "found 24h0m0s")
	clock.Add(1)
	expect(t, l, "mum", why)
	replace(t, file, "people: [{name: mum, email: mum@gmail.com}, {name: kid, email: kid@gmail.com}]")
	clock.Add(time.Second)
	expect(t, l, "mum", "found 0s")
	expect(t, l, "kid", "found 0s")
	if n := strings.Count(log.String(), "cannot be used"); n != 1 {
		t.Errorf("told %d times:\n%s", n, log)
	}
	if strings.Contains(log.String(), "gmail") || strings.Contains(log.String(), "mum") {
		t.Errorf("the log holds what is in the file:\n%s", log)
	}
}

func TestWhatElseCanBecomeOfAFile(t *testing.T) {
	tests := []struct {
		name   string
		change func(file string) error
		want   string // for a name that is not in the file before
	}{
		{"it is gone", os.Remove, "the file of people cannot be used any more: no such file or directory"},
		{"it is a folder", func(file string) error {
			return errorsOf(os.Remove(file), os.Mkdir(file, 0o700))
		}, "the file of people cannot be used any more: not a file"},
		{"it is empty", func(file string) error { return os.Truncate(file, 0) },
			"the file of people has changed and cannot be used: people.yaml:1:1: the file is empty"},
		{"it is too long", func(file string) error { return os.Truncate(file, maxFile+1) },
			"the file of people cannot be used any more: longer than 33554432 bytes"},
		{"its group can write it", func(file string) error { return os.Chmod(file, 0o660) },
			"the file of people cannot be used any more: FILE can be written by its group: mend it with chmod go-w FILE"},
		{"everybody can write its folder", func(file string) error { return os.Chmod(filepath.Dir(file), 0o777) },
			"the file of people cannot be used any more: the folder FOLDER can be written by everybody, who could replace people.yaml: mend it with chmod go-w FOLDER"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := write(t, "people.yaml", "people: [{name: mum}]")
			l, clock, _ := over(t, Config{File: file})
			if err := tt.change(file); err != nil {
				t.Fatal(err)
			}
			clock.Add(time.Minute)
			expect(t, l, "mum", "found 1m0s")
			got := strings.NewReplacer(file, "FILE", filepath.Dir(file), "FOLDER").Replace(state(t, l, "kid"))
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func errorsOf(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestAFileThatIsMendedWithoutAChangeIsGoodAgain(t *testing.T) {
	file := write(t, "people.yaml", "people: [{name: mum}]")
	l, clock, _ := over(t, Config{File: file})
	for _, mode := range []os.FileMode{0o660, 0o600} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		clock.Add(time.Minute)
		state(t, l, "mum")
	}
	expect(t, l, "mum", "found 0s")
}

func TestManyAskWhileTheFileChanges(t *testing.T) {
	file := write(t, "people.yaml", "people: [{name: mum}]")
	l, clock, _ := over(t, Config{File: file})
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for range 200 {
				clock.Add(time.Second)
				answer, err := l.Lookup(t.Context(), Params{Name: "mum"})
				if err != nil || !answer.Found {
					t.Errorf("%+v, %v", answer, err)
				}
			}
		})
	}
	for i := range 50 {
		replace(t, file, "people: [{name: mum}]"+strings.Repeat(" ", i))
	}
	running.Wait()
}

func TestConfigurationsAreChecked(t *testing.T) {
	good := write(t, "people.yaml", "people: [{name: mum}]")
	open := write(t, "people.yaml", "people: []")
	if err := os.Chmod(open, 0o606); err != nil {
		t.Fatal(err)
	}
	missing := good + ".csv"
	const hint = "or write allowWritable: true, if whoever can write it may decide who everybody is"
	tests := []struct {
		name   string
		config Config
		want   sdk.Problems
	}{
		{"a good one", Config{File: good}, nil},
		{"all at once", Config{File: "people.txt", KeepOld: sdk.Duration(time.Millisecond)}, sdk.Problems{
			{Path: "file", Message: "not an absolute path, and a plugin works in a folder of its own", Hint: "write the path from /"},
			{Path: "keepOld", Message: "must be between 1s and 720h0m0s"}}},
		{"no name", Config{}, sdk.Problems{{Path: "file", Message: "the name of the file is empty", Hint: "write the path from /"}}},
		{"a file of another kind", Config{File: "/etc/passwd"}, sdk.Problems{
			{Path: "file", Message: "its name does not tell what it is", Hint: "let it end in .yaml or .csv"}}},
		{"a file that there is not", Config{File: missing}, sdk.Problems{{Path: "file", Message: "no such file or directory"}}},
		{"a file that everybody can write", Config{File: open}, sdk.Problems{
			{Path: "file", Message: open + " can be written by everybody: mend it with chmod go-w " + open, Hint: hint}}},
		{"the same, in words", Config{File: open, AllowWritable: true, AllowEmpty: true}, nil},
		{"nobody is in it", Config{File: open, AllowWritable: true}, sdk.Problems{
			{Path: "file", Message: filepath.Base(open) + ": nobody is in it", Hint: "write allowEmpty: true if that is meant"}}},
		{"findings, in the order of the file", Config{File: write(t, "People.YML", "people:\n- {name: a, email: b}\n- {nam: c}")}, sdk.Problems{
			{Path: "file", Message: "People.YML:2:20: this is no e-mail address"},
			{Path: "file", Message: "People.YML:3:3: the name is missing"},
			{Path: "file", Message: "People.YML:3:4: unknown key", Hint: "did you mean name?"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			same(t, tt.config, tt.want)
		})
	}
}
