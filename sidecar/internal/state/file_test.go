package state

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whoever can write the database can lose rows, and nothing else.
func TestATamperedRowIsAMiss(t *testing.T) {
	tests := []struct{ name, change string }{
		{"made younger", `UPDATE claimsmith_rows SET at = at + 1 WHERE scope = 'nas'`},
		{"moved to another scope", `UPDATE claimsmith_rows SET scope = 'other' WHERE scope = 'nas'`},
		{"moved to another kind", `UPDATE claimsmith_rows SET kind = 'links' WHERE scope = 'nas'`},
		{"the value of another", `UPDATE claimsmith_rows SET sealed = (SELECT r.sealed FROM claimsmith_rows r WHERE r.scope = 'ldap') WHERE scope = 'nas'`},
		{"emptied", `UPDATE claimsmith_rows SET sealed = '' WHERE scope = 'nas'`},
		{"labelled with another key", `UPDATE claimsmith_rows SET key = 'k' WHERE scope = 'nas'`},
	}
	databases(t, func(t *testing.T, o Options) {
		s, key := opened(t, o), newKey(t)
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				rows := s.Rows("facts", key)
				put(t, rows, "nas", "mum", noon, "admin")
				put(t, rows, "ldap", "mum", noon, "user")
				s.run(t, test.change)
				for _, place := range []struct{ kind, scope string }{{"facts", "nas"}, {"facts", "other"}, {"links", "nas"}} {
					if row, ok, err := s.Rows(place.kind, key).Get(t.Context(), place.scope, "mum"); ok || err != nil {
						t.Errorf("%v gives %q, %v", place, row.Value, err)
					}
				}
				s.run(t, `DELETE FROM claimsmith_rows`)
			})
		}
	})
}

func (s *Store) run(t *testing.T, statement string) {
	t.Helper()
	if _, err := s.db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func TestNothingReadableIsInTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "folder", "state.db")
	s, key := opened(t, Options{File: file}), newKey(t)
	rows := s.Rows("requests", key)
	put(t, rows, "", "mum@gmail.com", noon, "108a2f and mum@gmail.com")
	files, err := filepath.Glob(file + "*")
	if err != nil || len(files) != 3 { // with -wal and -shm
		t.Fatalf("files: %q, %v", files, err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "mum") || strings.Contains(string(data), "108a2f") {
			t.Errorf("%s can be read", name)
		}
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %04o", name, info.Mode().Perm())
		}
	}
}

func TestWhatIsErasedIsGoneFromTheFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.db")
	s, key := opened(t, Options{File: file}), newKey(t)
	rows := s.Rows("requests", key)
	put(t, rows, "", "1", noon, "mum")
	var sealed []byte
	if err := s.db.QueryRowContext(t.Context(), `SELECT sealed FROM claimsmith_rows`).Scan(&sealed); err != nil {
		t.Fatal(err)
	}
	if _, err := rows.Erase(t.Context(), func(Row) bool { return true }); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, file + "-wal"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), string(sealed)) {
			t.Errorf("%s still holds it", name)
		}
	}
}

func TestAFileThatIsNoDatabaseIsSetAside(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(t *testing.T, file string)
	}{
		{"something else", func(t *testing.T, file string) { write(t, file, strings.Repeat("no database\n", 1000)) }},
		{"a database with a hole in it", func(t *testing.T, file string) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for i := 4096; i < len(data); i++ {
				data[i] = 0x55
			}
			write(t, file, string(data))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file, key := filepath.Join(t.TempDir(), "state.db"), newKey(t)
			first := opened(t, Options{File: file})
			put(t, first.Rows("facts", key), "nas", "mum", noon, "one")
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			test.spoil(t, file)
			spoilt, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			rows := opened(t, Options{File: file}).Rows("facts", key)
			put(t, rows, "nas", "mum", noon, "two")
			if diff := cmp.Diff([]string{"nas two"}, texts(t, rows)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			aside, err := os.ReadFile(file + ".broken")
			if err != nil || string(aside) != string(spoilt) {
				t.Errorf("what was there is lost: %v", err)
			}
		})
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTablesOfANewerVersionAreLeftAlone(t *testing.T) {
	databases(t, func(t *testing.T, o Options) {
		first := opened(t, o)
		first.run(t, `INSERT INTO claimsmith_schema (version) VALUES (99)`)
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { again.Close() })
		const want = "open the store of state: its tables are of version 99, and this claimsmith knows 2: a newer one made them"
		if err := again.Ready(t.Context()); err == nil || err.Error() != want {
			t.Errorf("%v", err)
		}
	})
}
