package links

import (
	"bytes"
	"database/sql"
	"errors"

	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"testing"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/state"
)

func theKey(t testing.TB) *state.Key {
	t.Helper()
	key, err := state.NewKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// opened opens a store. The caller closes it.
func opened(t testing.TB, o state.Options, anchor string) (*Store, *state.Store) {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	store, err := state.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return New(store, theKey(t), anchor), store
}

func stranger() pipeline.Link {
	return with(func(l *pipeline.Link) { l.Subject = "666" })
}

// after says what becomes of a person who comes after a change: "in", "refused" or "failed".
func after(t testing.TB, s *Store, who pipeline.Link) string {
	t.Helper()
	switch bond, err := s.Bond(t.Context(), &who); {
	case err == nil && who.Refused(bond) == nil && bond != pipeline.BondNone:
		return "in"
	case err == nil && bond != pipeline.BondNone:
		return "refused"
	}
	// The rules do not ask again once they know, so that nothing may depend on what they were told.
	switch made, err := s.Pin(t.Context(), []pipeline.Link{who}); {
	case err != nil:
		return "failed"
	case made:
		return "in"
	}
	return "refused"
}

func pin(t testing.TB, s *Store, list ...pipeline.Link) {
	t.Helper()
	for _, l := range list {
		if made, err := s.Pin(t.Context(), []pipeline.Link{l}); !made || err != nil {
			t.Fatal(made, err)
		}
	}
}

// files are a store on disk, by the end of their names.
type files map[string][]byte

func taken(t *testing.T, file string) files {
	t.Helper()
	out := files{}
	for _, end := range []string{"", "-wal"} {
		data, err := os.ReadFile(file + end)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if len(data) > 0 {
			out[end] = data
		}
	}
	return out
}

// put lays the files into an empty folder.
func (f files) put(t *testing.T, file string) {
	t.Helper()
	beside, err := filepath.Glob(file + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range beside {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	for end, data := range f {
		if err := os.WriteFile(file+end, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// inMemory is a folder that costs no time to write to, where there is one.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "cs-links-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// small makes an empty database of small pages.
func small(t *testing.T, dir string) string {
	t.Helper()
	file := filepath.Join(dir, "state.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, q := range []string{`PRAGMA page_size = 512`, `CREATE TABLE x (y)`, `DROP TABLE x`, `VACUUM`} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// Whatever byte of the store is another, nobody gets somebody else's account. The one whose it is may have to wait for the operator.
func TestNoFlippedByteGivesAnAccountAway(t *testing.T) {
	tests := []struct {
		name       string
		anchor     bool
		of         string // which of the files; a journal is left by a process that died
		from, step int
	}{
		{"even bytes of the file", false, "", 0, 2},
		{"odd bytes of the file", false, "", 1, 2},
		{"bytes of its journal", true, "-wal", 0, 5},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir, anchorFile := inMemory(t), ""
			file := small(t, dir)
			if test.anchor {
				anchorFile = filepath.Join(dir, "anchor")
			}
			_, store := opened(t, state.Options{File: file}, anchorFile)
			if err := errors.Join(store.Ready(t.Context()), store.Close()); err != nil { // so that its journal is short
				t.Fatal(err)
			}
			s, store := opened(t, state.Options{File: file}, anchorFile)
			pin(t, s, mum())
			if test.of == "" {
				store.Close()
			}
			whole := taken(t, file)
			store.Close()
			got := map[string]int{}
			for i := test.from; i < len(whole[test.of]); i += test.step {
				damaged := files{}
				for end, data := range whole {
					damaged[end] = bytes.Clone(data)
				}
				damaged[test.of][i] ^= 1 << (i / test.step % 8)
				damaged.put(t, file)
				s, store := opened(t, state.Options{File: file}, anchorFile)
				outcome := after(t, s, stranger())
				if got[outcome]++; outcome == "in" {
					t.Errorf("byte %d: a stranger has the account", i)
				}
				if err := store.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if got["refused"] == 0 || test.of == "" && got["failed"] == 0 {
				t.Errorf("nothing was tried: %v", got)
			}
		})
	}
}
