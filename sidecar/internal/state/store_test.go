package state

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
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
