package state

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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
		rows := opened(t, o).Rows("links", newKey(t))
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
				if kept, err := rows.Claim(t.Context(), noon, entries(test.name, test.places...)); kept != test.kept || err != nil {
					t.Errorf("%v %v", kept, err)
				}
			})
		}
		found, err := rows.Find(t.Context(), entries("", mum, account, [2]string{"user", "nobody"}))
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
				ok, err := stores[i%2].Rows("links", key).Claim(t.Context(), noon, entries("x", sides...))
				if err != nil {
					t.Error(err)
				}
				if ok {
					kept.Add(1)
				}
			})
		}
		all.Wait()
		if n, err := stores[0].Rows("links", key).Count(t.Context()); kept.Load() != 1 || n != 3 || err != nil {
			t.Errorf("%d were kept, %d rows, %v", kept.Load(), n, err)
		}
	})
}

func TestWhatDoesNotOpenIsNoRoomForAClaim(t *testing.T) {
	databases(t, func(t *testing.T, o Options) {
		s, key := opened(t, o), newKey(t)
		rows, place := s.Rows("links", key), entries("x", [2]string{"user", "mum"})
		if kept, err := rows.Claim(t.Context(), noon, place); !kept || err != nil {
			t.Fatal(kept, err)
		}
		if _, err := s.Rows("links", newKey(t)).Claim(t.Context(), noon, place); !errors.Is(err, ErrKey) {
			t.Errorf("with another key: %v", err)
		}
		if _, err := s.Rows("links", newKey(t)).Find(t.Context(), place); !errors.Is(err, ErrKey) {
			t.Errorf("found with another key: %v", err)
		}
		if n, err := s.Rows("links", newKey(t)).Foreign(t.Context()); n != 1 || err != nil {
			t.Errorf("with another key: %d %v", n, err)
		}
		if n, err := rows.Foreign(t.Context()); n != 0 || err != nil {
			t.Errorf("with the same key: %d %v", n, err)
		}
		if kept, err := s.Rows("others", newKey(t)).Claim(t.Context(), noon, place); !kept || err != nil {
			t.Errorf("another kind: %v %v", kept, err)
		}
		s.run(t, fmt.Sprintf(`UPDATE claimsmith_rows SET at = %d WHERE kind = 'links'`, noon.Add(time.Second).UnixMicro()))
		if _, err := rows.Find(t.Context(), place); !errors.Is(err, ErrSealed) {
			t.Errorf("a changed row: %v", err)
		}
		if kept, err := rows.Claim(t.Context(), noon, place); kept || err != nil {
			t.Errorf("in the place of a changed row: %v %v", kept, err)
		}
		var left []int
		for _, erase := range []func() (int, error){
			func() (int, error) { return rows.EraseReadable(t.Context(), func(Row) bool { return true }) },
			func() (int, error) { return rows.Erase(t.Context(), func(Row) bool { return true }) },
		} {
			if _, err := erase(); err != nil {
				t.Fatal(err)
			}
			n, err := rows.Count(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			left = append(left, n)
		}
		if diff := cmp.Diff([]int{1, 0}, left); diff != "" {
			t.Errorf("rows left, -want +got:\n%s", diff)
		}
	})
}

func TestAStoreThatIsAwayKeepsNoClaim(t *testing.T) {
	s := opened(t, Options{File: t.TempDir() + "/state.db"})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	rows, place := s.Rows("links", newKey(t)), entries("x", [2]string{"user", "mum"})
	if kept, err := rows.Claim(t.Context(), noon, place); kept || !errors.Is(err, ErrClosed) {
		t.Errorf("claim: %v %v", kept, err)
	}
	if _, err := rows.Find(t.Context(), place); !errors.Is(err, ErrClosed) {
		t.Errorf("find: %v", err)
	}
}
