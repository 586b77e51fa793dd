package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func entries(value string, places ...[2]string) (out []Entry) {
	for _, p := range places {
		out = append(out, Entry{Scope: p[0], ID: p[1], Value: []byte(value)})
	}
	return out
}

func TestAClaimIsKeptWholeOrNotAtAll(t *testing.T) {
	mum, account, other := [2]string{"user", "mum"}, [2]string{"account", "m"}, [2]string{"account", "x"}
	databases(t, func(t *testing.T, o Options) {
		rows := opened(t, o).Bound("links", newKey(t), "")
		for _, test := range []struct {
			name   string
			places [][2]string
			kept   bool
		}{
			{"the first", [][2]string{mum, account}, true},
			{"the same again", [][2]string{mum, account}, false},
			{"one side is taken", [][2]string{other, mum}, false},
			{"the side that was free is still free", [][2]string{other}, true},
		} {
			t.Run(test.name, func(t *testing.T) {
				if kept, err := rows.Claim(t.Context(), noon, entries(test.name, test.places...), false); kept != test.kept || err != nil {
					t.Errorf("%v %v", kept, err)
				}
			})
		}
		found, _, err := rows.Find(t.Context(), entries("", mum, account, [2]string{"user", "nobody"}))
		if err != nil || len(found) != 2 || string(found[0].Value) != "the first" || string(found[1].Value) != "the first" || !found[0].At.Equal(noon) {
			t.Errorf("%q %v", found, err)
		}
	})
}

func TestOfManyWhoClaimTheSameOneIsKept(t *testing.T) {
	databases(t, func(t *testing.T, o Options) {
		key := newKey(t)
		stores := []*Store{opened(t, o), opened(t, o)}
		var kept atomic.Int32
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				// Each has an own side, and sides in an order of its own.
				sides := [][2]string{{"account", "m"}, {"id", "7"}, {"user", fmt.Sprint(i)}}
				if i%2 == 1 {
					sides[0], sides[2] = sides[2], sides[0]
				}
				ok, err := stores[i%2].Bound("links", key, "").Claim(t.Context(), noon, entries("x", sides...), false)
				if err != nil {
					t.Error(err)
				}
				if ok {
					kept.Add(1)
				}
			})
		}
		all.Wait()
		if list, _, err := stores[0].Bound("links", key, "").All(t.Context()); kept.Load() != 1 || len(list) != 3 || err != nil {
			t.Errorf("%d were kept, %d rows, %v", kept.Load(), len(list), err)
		}
	})
}

func TestRowsOfAnotherKeyAreNoRoomForAClaim(t *testing.T) {
	databases(t, func(t *testing.T, o Options) {
		s, key := opened(t, o), newKey(t)
		rows, place := s.Bound("links", key, ""), entries("x", [2]string{"user", "mum"})
		if kept, err := rows.Claim(t.Context(), noon, place, false); !kept || err != nil {
			t.Fatal(kept, err)
		}
		other := s.Bound("links", newKey(t), "")
		if _, err := other.Claim(t.Context(), noon, place, true); !errors.Is(err, ErrKey) {
			t.Errorf("with another key: %v", err)
		}
		if _, _, err := other.Find(t.Context(), place); !errors.Is(err, ErrKey) {
			t.Errorf("found with another key: %v", err)
		}
		for want, rows := range map[int]*Bound{0: rows, 1: other} {
			if n, err := rows.Foreign(t.Context()); n != want || err != nil {
				t.Errorf("%d rows of another key, want %d: %v", n, want, err)
			}
		}
		if kept, err := s.Bound("others", newKey(t), "").Claim(t.Context(), noon, place, false); !kept || err != nil {
			t.Errorf("another kind: %v %v", kept, err)
		}
	})
}

// Without its anchor nothing is written that could not be told from something older.
func TestAnAnchorThatCannotBeUsed(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(t *testing.T, folder, file string)
		find  string // what the error says when something is looked for, and
		claim string // when it is to be written
	}{
		{"its folder is not there", func(t *testing.T, folder, _ string) { must(t, os.RemoveAll(filepath.Dir(folder))) },
			"", "write links: write the anchor: mkdir "},
		{"it is a folder", func(t *testing.T, _, file string) { must(t, os.RemoveAll(file)); must(t, os.Mkdir(file, 0o700)) },
			"read links: read the anchor: read ", "write links: read the anchor: read "},
		{"it is of another", func(t *testing.T, _, file string) { write(t, file, "00ff\n") },
			"read links: " + ErrUnsound.Error(), "write links: " + ErrUnsound.Error()},
		{"it is empty", func(t *testing.T, _, file string) { write(t, file, "") },
			"read links: " + ErrUnsound.Error(), "write links: " + ErrUnsound.Error()},
		{"it is of another time", func(t *testing.T, _, file string) {
			data, err := os.ReadFile(file + ".later")
			must(t, err)
			write(t, file, string(data))
		}, "read links: " + ErrUnsound.Error(), "write links: " + ErrUnsound.Error()},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir, key := t.TempDir(), newKey(t)
			o, folder := Options{File: filepath.Join(dir, "state.db")}, filepath.Join(dir, "a", "b")
			must(t, os.MkdirAll(folder, 0o700))
			file := filepath.Join(folder, "anchor")
			first := opened(t, o).Bound("links", key, file)
			claim := func(b *Bound, id string) error {
				_, err := b.Claim(t.Context(), noon, entries("x", [2]string{"user", id}), false)
				return err
			}
			must(t, claim(first, "mum"))
			late := opened(t, Options{File: filepath.Join(dir, "late.db")}).Bound("links", key, file+".later")
			must(t, claim(late, "dad"))
			test.spoil(t, folder, file)
			again := opened(t, o).Bound("links", key, file)
			_, _, err := again.Find(t.Context(), entries("", [2]string{"user", "mum"}))
			saysError(t, "find", err, test.find)
			saysError(t, "claim", claim(again, "kid"), test.claim)
			left, err := filepath.Glob(file + ".[0-9]*")
			if len(left) > 0 || err != nil {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}

// A replica that reads is as far as the one that wrote.
func TestAnAnchorFollowsTheRowsOfOthers(t *testing.T) {
	databases(t, func(t *testing.T, o Options) {
		key, mine, theirs := newKey(t), filepath.Join(t.TempDir(), "anchor"), filepath.Join(t.TempDir(), "anchor")
		a, b := opened(t, o).Bound("links", key, mine), opened(t, o).Bound("links", key, theirs)
		mum := entries("x", [2]string{"user", "mum"})
		if _, err := a.Claim(t.Context(), noon, mum, false); err != nil {
			t.Fatal(err)
		}
		if _, _, err := b.Find(t.Context(), mum); err != nil {
			t.Fatal(err)
		}
		var serials []int64
		for _, file := range []string{mine, theirs} {
			serial, err := (&anchor{file: file, kind: "links", key: key}).least()
			if serial == 0 || err != nil {
				t.Fatal(serial, err)
			}
			serials = append(serials, serial)
		}
		if serials[0] != serials[1] {
			t.Errorf("%v", serials)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// saysError compares the beginning of an error.
func saysError(t *testing.T, what string, err error, want string) {
	t.Helper()
	if want == "" != (err == nil) || err != nil && !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%s: got %v, want %q", what, err, want)
	}
}

func TestAStoreThatIsAwayKeepsNoClaim(t *testing.T) {
	s := opened(t, Options{File: t.TempDir() + "/state.db"})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	rows, place := s.Bound("links", newKey(t), ""), entries("x", [2]string{"user", "mum"})
	if kept, err := rows.Claim(t.Context(), noon, place, true); kept || !errors.Is(err, ErrClosed) {
		t.Errorf("claim: %v %v", kept, err)
	}
	if _, _, err := rows.Find(t.Context(), place); !errors.Is(err, ErrClosed) {
		t.Errorf("find: %v", err)
	}
}
