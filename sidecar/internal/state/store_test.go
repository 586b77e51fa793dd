package state

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		server.Stop()
		os.Exit(code)
	}))
}

// noon is when things happen in these tests.
var noon = time.UnixMicro(1_800_000_000_000_000)

func newKey(t testing.TB) *Key {
	t.Helper()
	secret := make([]byte, keyBytes)
	if _, err := rand.Read(secret); err != nil {
		t.Fatal(err)
	}
	key, err := NewKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func opened(t testing.TB, o Options) *Store {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// databases runs a test on each kind of database. fresh returns options of a database of the test's own.
func databases(t *testing.T, test func(t *testing.T, o Options)) {
	t.Run("sqlite", func(t *testing.T) { test(t, Options{File: filepath.Join(t.TempDir(), "state.db")}) })
	t.Run("postgres", func(t *testing.T) { test(t, Options{Postgres: postgresServer(t)}) })
}

// texts are the values of rows, in their order.
func texts(t *testing.T, rows *Rows) []string {
	t.Helper()
	list, err := rows.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, row := range list {
		out = append(out, row.Scope+" "+string(row.Value))
	}
	return out
}

func put(t *testing.T, rows *Rows, scope, id string, at time.Time, value string) {
	t.Helper()
	if err := rows.Put(t.Context(), scope, id, at, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

func TestRows(t *testing.T) {
	databases(t, func(t *testing.T, o Options) {
		s, key := opened(t, o), newKey(t)
		rows, others := s.Rows("facts", key), s.Rows("requests", key)
		put(t, rows, "nas", "mum", noon, "one")
		put(t, rows, "nas", "dad", noon.Add(time.Second), "two")
		put(t, rows, "ldap", "mum", noon.Add(2*time.Second), "three")
		put(t, rows, "nas", "mum", noon.Add(3*time.Second), "four")
		put(t, others, "nas", "mum", noon, "five")
		if diff := cmp.Diff([]string{"nas four", "ldap three", "nas two"}, texts(t, rows)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		row, ok, err := rows.Get(t.Context(), "nas", "mum")
		if diff := cmp.Diff(Row{Scope: "nas", At: noon.Add(3 * time.Second), Value: []byte("four")}, row); diff != "" || !ok || err != nil {
			t.Errorf("%v %v, -want +got:\n%s", ok, err, diff)
		}
		if _, ok, err := rows.Get(t.Context(), "nas", "nobody"); ok || err != nil {
			t.Errorf("nobody: %v %v", ok, err)
		}
		if n, err := others.Count(t.Context()); n != 1 || err != nil {
			t.Errorf("others: %d %v", n, err)
		}
	})
}

func TestRowsSurviveTheProcess(t *testing.T) {
	databases(t, func(t *testing.T, o Options) {
		key := newKey(t)
		first := opened(t, o)
		put(t, first.Rows("facts", key), "nas", "mum", noon, "one")
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		if err := first.Rows("facts", key).Put(t.Context(), "nas", "mum", noon, nil); err != ErrClosed {
			t.Errorf("after Close: %v", err)
		}
		if diff := cmp.Diff([]string{"nas one"}, texts(t, opened(t, o).Rows("facts", key))); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestTrim(t *testing.T) {
	tests := []struct {
		name   string
		max    int
		before time.Time
		want   []string
	}{
		{"nothing is too much or too old", 5, noon, []string{" 4", " 3", " 2", " 1", " 0"}},
		{"the oldest of too many", 2, noon, []string{" 4", " 3"}},
		{"what is too old", 5, noon.Add(3 * time.Minute), []string{" 4", " 3"}},
		{"both", 1, noon.Add(3 * time.Minute), []string{" 4"}},
	}
	databases(t, func(t *testing.T, o Options) {
		s, key := opened(t, o), newKey(t)
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				rows := s.Rows(test.name, key)
				for i := range 5 {
					put(t, rows, "", fmt.Sprint(i), noon.Add(time.Duration(i)*time.Minute), fmt.Sprint(i))
				}
				if err := rows.Trim(t.Context(), test.max, test.before); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, texts(t, rows)); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		}
	})
}

func TestErase(t *testing.T) {
	databases(t, func(t *testing.T, o Options) {
		s, key := opened(t, o), newKey(t)
		rows := s.Rows("requests", key)
		put(t, rows, "", "1", noon, "mum")
		put(t, rows, "", "2", noon.Add(1), "dad")
		put(t, rows, "", "3", noon.Add(2), "mum")
		put(t, s.Rows("requests", newKey(t)), "", "4", noon, "sealed with a key that is lost")
		n, err := rows.Erase(t.Context(), func(r Row) bool { return string(r.Value) == "mum" })
		if n != 2 || err != nil {
			t.Errorf("erased %d, %v", n, err)
		}
		if diff := cmp.Diff([]string{" dad"}, texts(t, rows)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if n, err := rows.Count(t.Context()); n != 1 || err != nil {
			t.Errorf("left: %d %v", n, err)
		}
	})
}

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

func TestStoresThatOpenTogetherMigrateOnce(t *testing.T) {
	databases(t, func(t *testing.T, o Options) {
		errs := make(chan error, 8)
		for range cap(errs) {
			s, err := Open(o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			go func() { errs <- s.Ready(context.Background()) }()
		}
		for range cap(errs) {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		var versions int
		if err := opened(t, o).db.QueryRow(`SELECT COUNT(*) FROM claimsmith_schema`).Scan(&versions); err != nil || versions != 2 {
			t.Errorf("%d versions, %v", versions, err)
		}
	})
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	tests := []struct {
		name string
		o    Options
		want string
	}{
		{"no place", Options{}, "state has no place"},
		{"two places", Options{File: "a", Postgres: "b"}, "state is kept in one place"},
		{"an address that is none", Options{Postgres: "postgres://u:secret@h:port/db"}, "this is no address of a PostgreSQL database, such as postgres://user:password@host/name"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Open(test.o); err == nil || err.Error() != test.want {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	const digits = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	tests := []struct {
		name, text, want string
		mode             os.FileMode
	}{
		{"hex", digits + "\n", "", 0o600},
		{"hex that the group may read", digits, "", 0o640},
		{"base64", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", "", 0o400},
		{"base64 for URLs, without padding", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "", 0o600},
		{"too short", "0001", "FILE: a key has 32 bytes, as hex or base64: make one with openssl rand -hex 32", 0o600},
		{"words", "correct horse battery staple", "FILE: a key has 32 bytes, as hex or base64: make one with openssl rand -hex 32", 0o600},
		{"for all to read", digits, "FILE can be read by everybody: mend it with chmod o= FILE", 0o644},
	}
	var names []string
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(dir, hex.EncodeToString([]byte(test.name)))
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(file, test.mode); err != nil {
				t.Fatal(err)
			}
			key, err := ReadKey(file)
			if test.want != "" {
				if want := strings.ReplaceAll(test.want, "FILE", file); err == nil || err.Error() != want {
					t.Errorf("got  %v\nwant %s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, key.name)
		})
	}
	for _, name := range names {
		if name != names[0] || strings.Contains(digits, name) {
			t.Errorf("names of one key: %q", names)
		}
	}
}

// Whoever leaves while the store is opened does not keep others from it.
func TestACallerWhoLeavesDoesNotCloseTheStoreToOthers(t *testing.T) {
	databases(t, func(t *testing.T, o Options) {
		s, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		gone, leave := context.WithCancel(t.Context())
		leave()
		if err := s.Ready(gone); err == nil {
			t.Error("it was opened for nobody")
		}
		if err := s.Ready(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
