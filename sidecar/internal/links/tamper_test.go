package links

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/state"
)

// databases runs a test on each kind of database.
func databases(t *testing.T, test func(t *testing.T, o state.Options)) {
	t.Run("sqlite", func(t *testing.T) { test(t, state.Options{File: filepath.Join(inMemory(t), "state.db")}) })
	t.Run("postgres", func(t *testing.T) { test(t, state.Options{Postgres: server.Database(t)}) })
}

// row is a row as somebody sees it who has the database and not the key.
type row struct {
	kind, scope, id string
	at              int64
	key             string
	sealed          []byte
}

// intruder is somebody who has the database and not the key.
type intruder struct {
	t    *testing.T
	db   *sql.DB
	bind string
}

func intrude(t *testing.T, o state.Options) *intruder {
	t.Helper()
	driver, at, bind := "sqlite", o.File, "(?, ?, ?, ?, ?, ?)"
	if o.Postgres != "" {
		driver, at, bind = "pgx", o.Postgres, "($1, $2, $3, $4, $5, $6)"
	}
	db, err := sql.Open(driver, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &intruder{t: t, db: db, bind: bind}
}

// empty leaves nothing there.
func (i *intruder) empty() {
	i.t.Helper()
	for _, table := range []string{"claimsmith_rows", "claimsmith_schema"} {
		if _, err := i.db.Exec(`DROP TABLE IF EXISTS ` + table); err != nil {
			i.t.Fatal(err)
		}
	}
}

func (i *intruder) rows() (out []row) {
	i.t.Helper()
	rows, err := i.db.Query(`SELECT kind, scope, id, at, key, sealed FROM claimsmith_rows ORDER BY kind, scope, id`)
	if err != nil {
		i.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.kind, &r.scope, &r.id, &r.at, &r.key, &r.sealed); err != nil {
			i.t.Fatal(err)
		}
		out = append(out, r)
	}
	if rows.Err() != nil {
		i.t.Fatal(rows.Err())
	}
	return out
}

// put writes rows in the place of all that are there, into a table that keeps nobody from having two in one place.
func (i *intruder) put(rows []row) {
	i.t.Helper()
	for _, q := range []string{
		`CREATE TABLE theirs AS SELECT * FROM claimsmith_rows`, `DROP TABLE claimsmith_rows`, `ALTER TABLE theirs RENAME TO claimsmith_rows`, `DELETE FROM claimsmith_rows`,
	} {
		if _, err := i.db.Exec(q); err != nil {
			i.t.Fatal(err)
		}
	}
	for _, r := range rows {
		if _, err := i.db.Exec(`INSERT INTO claimsmith_rows (kind, scope, id, at, key, sealed) VALUES `+i.bind, r.kind, r.scope, r.id, r.at, r.key, r.sealed); err != nil {
			i.t.Fatal(err)
		}
	}
}

func without(rows []row, is func(row) bool) []row {
	return slices.DeleteFunc(slices.Clone(rows), is)
}

// at reports whether a row is one of those of some links.
func at(t *testing.T, list ...pipeline.Link) func(row) bool {
	s := New(nilStore(t), theKey(t), "")
	var ids []string
	for _, l := range list {
		for _, side := range of(l).sides() {
			ids = append(ids, s.rows.Digest(side.Scope, side.ID))
		}
	}
	return func(r row) bool { return slices.Contains(ids, r.id) }
}

// nilStore is one that nothing is kept in.
func nilStore(t *testing.T) *state.Store {
	t.Helper()
	store, err := state.Open(state.Options{File: filepath.Join(t.TempDir(), "state.db")})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func top(r row) bool { return r.scope == "" }

// theirs are rows of two people, and what was there before.
type theirs struct {
	now       []row // mum and dad
	early     []row // dad alone
	strangers []row // the account of mum was the stranger's once
}

func dad() pipeline.Link {
	return with(func(l *pipeline.Link) { l.Subject, l.Account, l.ID = "2", "dad", "1027" })
}

func swapped(rows []row, a, b func(row) bool, what func(a, b *row)) []row {
	rows = slices.Clone(rows)
	what(&rows[slices.IndexFunc(rows, a)], &rows[slices.IndexFunc(rows, b)])
	return rows
}

// Whatever somebody does to the rows who does not have the key, nobody gets an account of somebody else: not through a sidecar that
// runs meanwhile, nor through one that starts then.
func TestNoChangeOfRowsGivesAnAccountAway(t *testing.T) {
	hers, his := at(t, mum()), at(t, dad())
	account := func(l pipeline.Link) func(row) bool {
		is := at(t, l)
		return func(r row) bool { return is(r) && r.scope == "account" }
	}
	side := func(scope string) func(row) bool { return func(r row) bool { return hers(r) && r.scope == scope } }
	type outcome struct{ Stranger, Mum, Dad string }
	allFail := outcome{"failed", "failed", "failed"}
	tests := []struct {
		name   string
		change func(theirs) []row
		want   outcome
		bare   outcome // where nothing outside of the database is remembered; empty: the same
	}{
		{"nothing", func(r theirs) []row { return r.now }, outcome{"refused", "in", "in"}, outcome{}},
		{"the side of her account is removed", func(r theirs) []row { return without(r.now, side("account")) }, outcome{"failed", "failed", "in"}, outcome{}},
		{"her own side is removed", func(r theirs) []row { return without(r.now, side("user")) }, outcome{"refused", "failed", "in"}, outcome{}},
		{"the side of her account's number is removed", func(r theirs) []row { return without(r.now, side("id")) }, outcome{"failed", "failed", "in"}, outcome{}},
		{"her link is removed", func(r theirs) []row { return without(r.now, hers) }, outcome{"failed", "failed", "in"}, outcome{}},
		{"her link and the root are removed", func(r theirs) []row { return without(without(r.now, hers), top) }, allFail, outcome{}},
		{"the root is removed", func(r theirs) []row { return without(r.now, top) }, allFail, outcome{}},
		{"the root is removed twice over", func(r theirs) []row { return append(without(r.now, top), r.early[0], r.early[0]) }, allFail, outcome{}},
		{"her link is doubled", func(r theirs) []row {
			return append(slices.Clone(r.now), without(r.now, func(r row) bool { return !hers(r) })...)
		}, outcome{"failed", "failed", "in"}, outcome{}},
		{"her account's side is doubled in his", func(r theirs) []row {
			return swapped(r.now, account(mum()), account(dad()), func(a, b *row) { *b = *a })
		}, outcome{"failed", "failed", "failed"}, outcome{}},
		{"what is sealed is swapped", func(r theirs) []row {
			return swapped(r.now, account(mum()), account(dad()), func(a, b *row) { a.sealed, b.sealed = b.sealed, a.sealed })
		}, allFail, outcome{}},
		{"the places are swapped", func(r theirs) []row {
			return swapped(r.now, account(mum()), account(dad()), func(a, b *row) { a.id, b.id = b.id, a.id })
		}, allFail, outcome{}},
		{"the kinds are swapped", func(r theirs) []row {
			return swapped(r.now, account(mum()), account(dad()), func(a, b *row) { a.kind = "facts" })
		}, outcome{"failed", "failed", "in"}, outcome{}},
		{"the link of the stranger is put back beside hers", func(r theirs) []row {
			return append(slices.Clone(r.now), without(r.strangers, func(r row) bool { return his(r) || hers(r) || top(r) })...)
		}, outcome{"failed", "in", "in"}, outcome{}},
		{"the link of the stranger is put back in the place of hers", func(r theirs) []row {
			return append(without(r.now, hers), without(r.strangers, func(r row) bool { return his(r) || top(r) })...)
		}, outcome{"failed", "failed", "in"}, outcome{}},
		{"and the old root", func(r theirs) []row {
			return append(without(without(r.now, hers), top), without(r.strangers, his)...)
		}, allFail, outcome{"in", "refused", "in"}},
		{"the root of before her link", func(r theirs) []row { return append(without(r.now, top), r.early[0]) }, allFail, outcome{"failed", "failed", "in"}},
		{"another's key is written beside her link", func(r theirs) []row {
			return swapped(r.now, account(mum()), account(mum()), func(a, _ *row) { a.key = "0102030405060708" })
		}, outcome{"failed", "failed", "in"}, outcome{}},
		// What the rows themselves cannot tell.
		{"all are put back as they were before her link", func(r theirs) []row { return r.early }, allFail, outcome{"in", "refused", "in"}},
		{"all are removed", func(theirs) []row { return nil }, allFail, outcome{"in", "refused", "in"}},
	}
	databases(t, func(t *testing.T, o state.Options) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				i := intrude(t, o)
				i.empty()
				anchor := filepath.Join(t.TempDir(), "anchor")
				running, store := opened(t, o, anchor)
				var r theirs
				pin(t, running, dad())
				r.early = i.rows()
				pin(t, running, stranger())
				r.strangers = i.rows()
				if n, err := running.Reset(t.Context(), func(l Link) bool { return l.User == "666" }); n != 1 || err != nil {
					t.Fatal(n, err)
				}
				pin(t, running, mum())
				r.now = i.rows()
				i.put(test.change(r))
				forgetful, later := opened(t, o, "")
				started, last := opened(t, o, anchor)
				t.Cleanup(func() { _ = errors.Join(store.Close(), later.Close(), last.Close()) })
				got := func(s *Store) outcome {
					return outcome{after(t, s, stranger()), after(t, s, mum()), after(t, s, dad())}
				}
				for name, s := range map[string]*Store{"that runs": running, "that starts": started} {
					if diff := cmp.Diff(test.want, got(s)); diff != "" {
						t.Errorf("one %s, -want +got:\n%s", name, diff)
					}
				}
				lost, err := started.Check(t.Context())
				if sound := lost.IsZero() && err == nil; sound != (test.name == "nothing") {
					t.Errorf("looking at all: %v %v", lost, err)
				}
				if test.bare == (outcome{}) {
					test.bare = test.want
				}
				if diff := cmp.Diff(test.bare, got(forgetful)); diff != "" {
					t.Errorf("without an anchor, -want +got:\n%s", diff)
				}
			})
		}
	})
}

// Fifty people who come at once, at two replicas.
func TestFirstSignInsAtTwoReplicasAtOnce(t *testing.T) {
	databases(t, func(t *testing.T, o state.Options) {
		var replicas [2]*Store
		for i := range replicas {
			s, store := opened(t, o, filepath.Join(t.TempDir(), "anchor"))
			t.Cleanup(func() { store.Close() })
			replicas[i] = s
		}
		var all sync.WaitGroup
		var won atomic.Int32
		for n := range 50 {
			all.Go(func() {
				own := with(func(l *pipeline.Link) {
					l.Subject, l.Account, l.ID = fmt.Sprint("own", n), fmt.Sprint("account", n), fmt.Sprint(2000+n)
				})
				hers := with(func(l *pipeline.Link) { l.Subject = fmt.Sprint(n) })
				for _, l := range []pipeline.Link{hers, own} {
					made, err := replicas[n%2].Pin(t.Context(), []pipeline.Link{l})
					if err != nil {
						t.Error(err)
					}
					if made && l == hers {
						won.Add(1)
					}
					if !made && l == own {
						t.Error("nobody else has this account")
					}
				}
			})
		}
		all.Wait()
		for _, s := range replicas {
			list, unreadable, err := s.List(t.Context())
			if len(list) != 51 || unreadable != 0 || err != nil || won.Load() != 1 {
				t.Errorf("%d links, %d unreadable, %d have her account, %v", len(list), unreadable, won.Load(), err)
			}
			if lost, err := s.Check(t.Context()); !lost.IsZero() || err != nil {
				t.Errorf("%v %v", lost, err)
			}
		}
	})
}

// What is not sound stays closed until the operator says what there is.
func TestLinksThatAreNotSoundAreAccepted(t *testing.T) {
	tests := []struct {
		name     string
		complete bool
		want     []string // mum, dad and the kid, after dad's account was lost
	}{
		{"others are still missing", false, []string{"in", "failed", "failed"}},
		{"these are all", true, []string{"in", "in", "in"}},
	}
	kid := with(func(l *pipeline.Link) { l.Subject, l.Account, l.ID = "3", "kid", "1028" })
	databases(t, func(t *testing.T, o state.Options) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				i := intrude(t, o)
				i.empty()
				s, store := opened(t, o, filepath.Join(t.TempDir(), "anchor"))
				t.Cleanup(func() { store.Close() })
				pin(t, s, mum(), dad())
				his := at(t, dad())
				i.put(without(i.rows(), func(r row) bool { return his(r) && r.scope == "user" }))
				for _, change := range []func() error{
					func() error { _, err := s.Reset(t.Context(), func(Link) bool { return true }); return err },
					func() error { _, err := s.Adopt(t.Context(), "google", "https://other.example"); return err },
				} {
					if err := change(); !errors.Is(err, ErrLost) {
						t.Errorf("it was changed: %v", err)
					}
				}
				if n, err := s.Accept(t.Context(), test.complete); n != 2 || err != nil {
					t.Errorf("%d rows were taken away, %v", n, err)
				}
				got := []string{after(t, s, mum()), after(t, s, dad()), after(t, s, kid)}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				lost, err := s.Check(t.Context())
				if lost.IsZero() != test.complete || err != nil {
					t.Errorf("%v %v", lost, err)
				}
				if made, err := s.Add(t.Context(), of(with(func(l *pipeline.Link) { l.Subject, l.Account, l.ID = "4", "gran", "1029" }))); !made || err != nil {
					t.Errorf("by hand: %v %v", made, err)
				}
				if n, err := s.Accept(t.Context(), true); n != 0 || err != nil {
					t.Errorf("%d %v", n, err)
				}
				if lost, err := s.Check(t.Context()); !lost.IsZero() || err != nil {
					t.Errorf("%v %v", lost, err)
				}
				if n, err := s.ResetAll(t.Context()); n < 2 || err != nil {
					t.Errorf("%d %v", n, err)
				}
				if got := after(t, s, stranger()); got != "in" {
					t.Errorf("after all was reset: %s", got)
				}
			})
		}
	})
}

// An older version wrote no root.
func TestLinksOfAnOlderVersionWaitForTheOperator(t *testing.T) {
	databases(t, func(t *testing.T, o state.Options) {
		s, store := opened(t, o, "")
		pin(t, s, mum(), dad())
		i := intrude(t, o)
		i.put(without(i.rows(), top))
		store.Close()
		s, store = opened(t, o, filepath.Join(t.TempDir(), "anchor"))
		t.Cleanup(func() { store.Close() })
		for _, who := range []pipeline.Link{mum(), stranger()} {
			if _, err := s.Bond(t.Context(), &who); !errors.Is(err, ErrUnbound) {
				t.Errorf("%v", err)
			}
		}
		if n, err := s.Accept(t.Context(), true); n != 0 || err != nil {
			t.Errorf("%d %v", n, err)
		}
		if got := []string{after(t, s, mum()), after(t, s, dad()), after(t, s, stranger())}; !slices.Equal(got, []string{"in", "in", "refused"}) {
			t.Errorf("%v", got)
		}
	})
}

// With the wrong key nothing is accepted, and nothing is lost by trying.
func TestLinksOfAnotherKeyAreNotAccepted(t *testing.T) {
	databases(t, func(t *testing.T, o state.Options) {
		s, store := opened(t, o, "")
		t.Cleanup(func() { store.Close() })
		pin(t, s, mum())
		other, err := state.NewKey(bytes.Repeat([]byte{8}, 32))
		if err != nil {
			t.Fatal(err)
		}
		wrong := New(store, other, "")
		if _, err := wrong.Accept(t.Context(), true); !errors.Is(err, ErrKey) {
			t.Errorf("%v", err)
		}
		if _, err := wrong.Check(t.Context()); !errors.Is(err, ErrKey) {
			t.Errorf("%v", err)
		}
		if n, err := wrong.Sealed(t.Context()); n != 3 || err != nil {
			t.Errorf("%d %v", n, err)
		}
		if got := after(t, s, mum()); got != "in" {
			t.Error(got)
		}
		if _, err := wrong.ResetAll(t.Context()); err != nil {
			t.Error(err)
		}
		if got := after(t, wrong, stranger()); got != "in" {
			t.Error(got)
		}
	})
}
