package state

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// reader opens a store that writes nothing.
func reader(t *testing.T, o Options) *Store {
	t.Helper()
	o.ReadOnly, o.Log = true, slog.New(slog.DiscardHandler)
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestAStoreThatOnlyReads(t *testing.T) {
	databases(t, func(t *testing.T, o Options) {
		key := newKey(t)
		early := reader(t, o)
		for range 2 {
			if _, err := early.Rows("a", key).List(t.Context()); !errors.Is(err, ErrNotThere) {
				t.Errorf("before anybody wrote: %v", err)
			}
		}
		if _, err := os.Stat(filepath.Dir(o.File)); o.File != "" && err == nil {
			if _, err := os.Stat(o.File); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a file was made: %v", err)
			}
		}
		writer := opened(t, o).Rows("a", key)
		put(t, writer, "x", "1", noon, "one")
		late := reader(t, o).Rows("a", key)
		if diff := cmp.Diff([]string{"x one"}, texts(t, late)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		put(t, writer, "x", "2", noon, "two") // beside a reader
		if diff := cmp.Diff([]string{"x one", "x two"}, sortedTexts(texts(t, late))); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if o.File != "" {
			if err := late.Put(t.Context(), "x", "3", noon, []byte("three")); err == nil {
				t.Error("it wrote")
			}
		}
	})
}

func TestAFileThatIsNoDatabaseIsNotSetAsideByAReader(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(file, []byte("this is no database, and longer than the head of one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := reader(t, Options{File: file}).Rows("a", newKey(t)).List(t.Context()); err == nil || errors.Is(err, ErrNotThere) {
		t.Errorf("%v", err)
	}
	if list, err := os.ReadDir(filepath.Dir(file)); err != nil || len(list) != 1 {
		t.Errorf("%v %v", list, err)
	}
}

func TestBoundRowsAreChangedTogether(t *testing.T) {
	databases(t, func(t *testing.T, o Options) {
		store, key := opened(t, o), newKey(t)
		rows := store.Bound("a", key, "")
		for _, id := range []string{"1", "2", "3"} {
			if kept, err := rows.Claim(t.Context(), noon, []Entry{{Scope: "x", ID: id, Value: []byte(id)}}, false); !kept || err != nil {
				t.Fatal(kept, err)
			}
		}
		put(t, store.Rows("b", key), "x", "1", noon, "1")
		is := func(want ...string) {
			t.Helper()
			var got []string
			list, _, err := rows.All(t.Context())
			for _, row := range list {
				got = append(got, string(row.Value))
			}
			if diff := cmp.Diff(want, sortedTexts(got)); diff != "" || err != nil {
				t.Errorf("%v, -want +got:\n%s", err, diff)
			}
		}
		err := rows.Change(t.Context(), func(row Row) ([]byte, error) {
			switch string(row.Value) {
			case "2":
				return row.Value, nil
			case "3":
				return nil, nil
			}
			return []byte("new " + string(row.Value)), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		is("2", "new 1")
		if diff := cmp.Diff([]string{"x 1"}, texts(t, store.Rows("b", key))); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		no := errors.New("no")
		err = rows.Change(t.Context(), func(row Row) ([]byte, error) {
			if string(row.Value) == "2" {
				return nil, no
			}
			return []byte("lost"), nil
		})
		if !errors.Is(err, no) {
			t.Errorf("%v", err)
		}
		is("2", "new 1")
	})
}

func sortedTexts(list []string) []string {
	slices.Sort(list)
	return list
}
