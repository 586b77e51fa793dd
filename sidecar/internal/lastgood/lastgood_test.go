package lastgood

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/state"
	"github.com/claimsmith/claimsmith/sidecar/statetest"
)

var postgres statetest.Postgres

func TestMain(m *testing.M) {
	code := m.Run()
	postgres.Stop()
	os.Exit(code)
}

// opened opens a store with a key of which the byte is all there is.
func opened(t *testing.T, o state.Options, secret byte) *Store {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	s, err := state.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	key, err := state.NewKey(bytes.Repeat([]byte{secret}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return New(s, key, o.Log)
}

func databases(t *testing.T, test func(t *testing.T, o state.Options)) {
	t.Run("sqlite", func(t *testing.T) { test(t, state.Options{File: filepath.Join(t.TempDir(), "state.db")}) })
	t.Run("postgres", func(t *testing.T) { test(t, state.Options{Postgres: postgres.Database(t)}) })
}

// tidied runs the store for a moment.
func (s *Store) tidied() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.Run(ctx)
}

func save(t *testing.T, s *Store, plugin, id string, age time.Duration, value string) {
	t.Helper()
	if err := s.Save(t.Context(), plugin, id, time.Now().Add(-age), []byte(value)); err != nil {
		t.Fatal(err)
	}
}

// all are the values of some ids of a plugin, as one text.
func all(t *testing.T, s *Store, plugin string, ids ...string) string {
	t.Helper()
	var out []string
	for _, id := range ids {
		value, at, err := s.Load(t.Context(), plugin, id)
		if err != nil {
			t.Fatal(err)
		}
		if value == nil {
			value = []byte("-")
		} else if time.Since(at) > 48*time.Hour {
			t.Errorf("%s is of %s", id, at)
		}
		out = append(out, string(value))
	}
	return strings.Join(out, " ")
}

func TestAnswersSurviveAndGo(t *testing.T) {
	databases(t, func(t *testing.T, o state.Options) {
		first := opened(t, o, 1)
		save(t, first, "nas", "mum", 2*time.Hour, "one")
		save(t, first, "nas", "mum", time.Hour, "two")
		save(t, first, "nas", "dad", time.Hour, "three")
		save(t, first, "nas", "uncle", 25*time.Hour, "four")
		save(t, first, "ldap", "mum", time.Hour, "five")

		s := opened(t, o, 1)
		if got, want := all(t, s, "nas", "mum", "dad", "uncle", "aunt"), "two three four -"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got := all(t, opened(t, o, 2), "nas", "mum"); got != "-" {
			t.Errorf("with another key: %s", got)
		}
		s.SetMaxAge(24 * time.Hour)
		s.tidied()
		if err := s.Remove(t.Context(), "nas", "dad"); err != nil {
			t.Fatal(err)
		}
		if got, want := all(t, s, "nas", "mum", "dad", "uncle"), "two - -"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if _, err := s.Erase(t.Context(), func(string, []byte) bool { return true }); err != nil {
			t.Fatal(err)
		}
		if got := all(t, s, "nas", "mum") + all(t, s, "ldap", "mum"); got != "--" {
			t.Errorf("after Erase: %s", got)
		}
	})
}

func TestWhatNobodyMayUseIsNotKept(t *testing.T) {
	s := opened(t, state.Options{File: filepath.Join(t.TempDir(), "state.db")}, 1)
	save(t, s, "nas", "mum", time.Second, "one")
	s.tidied() // no lookup has a maxStale any more
	if got := all(t, s, "nas", "mum"); got != "-" {
		t.Error(got)
	}
}
