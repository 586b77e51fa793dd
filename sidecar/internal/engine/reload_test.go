package engine

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
)

func TestAFileThatDoesNotServeIsTriedOnce(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "c.yaml")
	put := func(rule string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("listen: unix://"+dir+"/run/hook.sock\npipeline:\n  - set: {plan: "+rule+"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("client.id")
	var log bytes.Buffer
	s, err := New(t.Context(), file, compile.Options{Logger: func(string, string) *slog.Logger { return slog.New(slog.NewTextHandler(&log, nil)) }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	first := s.Active.Load()
	var w watched
	look := func(refused, reloaded int, failed bool) {
		t.Helper()
		s.look(t.Context(), &w)
		if n := strings.Count(log.String(), "configuration not reloaded"); n != refused {
			t.Errorf("it was refused %d times, not %d:\n%s", n, refused, log.String())
		}
		if n := strings.Count(log.String(), `msg="configuration reloaded"`); n != reloaded {
			t.Errorf("it was taken over %d times, not %d:\n%s", n, reloaded, log.String())
		}
		if (s.Failed.Load() != nil) != failed {
			t.Errorf("the last reload failed: %v, not %v", !failed, failed)
		}
	}
	look(0, 0, false)
	put("client.di")
	look(1, 0, true)
	look(1, 0, true) // something else changed in its folder
	put("client.ID")
	look(2, 0, true)
	put("client.id") // as it was
	look(2, 0, false)
	if s.Active.Load() != first {
		t.Error("what served all the time was taken over again")
	}
	put("client.ID")
	look(3, 0, true)
	put("connector.id")
	look(3, 1, false)
}

// TestATableThatDoesNotServeIsTriedOnce, and again when it is another: what a file that does not serve names is looked at too.
func TestATableThatDoesNotServeIsTriedOnce(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file, table := filepath.Join(dir, "c.yaml"), filepath.Join(dir, "roles.csv")
	put := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	begin := "listen: unix://" + dir + "/run/hook.sock\n"
	put(file, begin+"pipeline: []\n")
	var log bytes.Buffer
	s, err := New(t.Context(), file, compile.Options{Logger: func(string, string) *slog.Logger { return slog.New(slog.NewTextHandler(&log, nil)) }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var w watched
	for _, tt := range []struct {
		name, file, text  string
		refused, reloaded int
	}{
		{"a table that is not there", file, begin + "tables: {roles: {file: roles.csv}}\npipeline: []\n", 1, 0},
		{"a table that is no table", table, "a,b,c\n", 2, 0},
		{"the same", table, "a,b,c\n", 2, 0},
		{"a table", table, "a,b\n", 2, 1},
		{"the same table", table, "a,b\n", 2, 1},
		{"another", table, "a,c\n", 2, 2},
	} {
		put(tt.file, tt.text)
		s.look(t.Context(), &w)
		refused, reloaded := strings.Count(log.String(), "configuration not reloaded"), strings.Count(log.String(), `msg="configuration reloaded"`)
		if refused != tt.refused || reloaded != tt.reloaded {
			t.Errorf("%s: refused %d times, taken over %d times; not %d and %d:\n%s", tt.name, refused, reloaded, tt.refused, tt.reloaded, log.String())
		}
	}
	if got := s.watchedFiles(); !slices.Equal(got, []string{file, table}) {
		t.Errorf("watched: %v", got)
	}
}

func TestAFolderThatIsNeverQuietIsLookedAt(t *testing.T) {
	var w watched
	start := time.Unix(0, 0)
	for _, tt := range []struct{ after, wait time.Duration }{
		{0, settle}, {settle / 2, settle}, {patience - settle/4, settle / 4}, {patience, 0}, {2 * patience, 0},
	} {
		if got := w.changed(start.Add(tt.after)); got != tt.wait {
			t.Errorf("after %v: looks in %v, not %v", tt.after, got, tt.wait)
		}
	}
}
