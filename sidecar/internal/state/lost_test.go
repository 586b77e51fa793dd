package state

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func lostAt(t *testing.T, s *Store) time.Time {
	t.Helper()
	at, err := s.lost(t.Context(), s.db)
	if err != nil {
		t.Fatal(err)
	}
	if at == 0 {
		return time.Time{}
	}
	return time.UnixMicro(at)
}

func TestWhatIsSetAsideIsMissed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.db")
	first := opened(t, Options{File: file})
	if at := lostAt(t, first); !at.IsZero() {
		t.Errorf("lost before anything was there: %s", at)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, file, "no database, and long enough to be looked at")
	began := time.Now()
	second := opened(t, Options{File: file})
	at := lostAt(t, second)
	if at.Before(began.Truncate(time.Microsecond)) || at.After(time.Now()) {
		t.Errorf("lost at %s", at)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	third := opened(t, Options{File: file})
	if again := lostAt(t, third); !again.Equal(at) {
		t.Errorf("another start forgets it: %s", again)
	}
	if _, err := third.Bound("links", newKey(t), "").Bind(t.Context(), nil, true); err != nil {
		t.Fatal(err)
	}
	if err := third.Close(); err != nil {
		t.Fatal(err)
	}
	if at := lostAt(t, opened(t, Options{File: file})); !at.IsZero() {
		t.Errorf("it was accepted, and is lost again: %s", at)
	}
}

// A process may die after it moved the file and before it made another.
func TestWhatWasSetAsideByAProcessThatDiedIsMissed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.db")
	write(t, file, "no database")
	if err := os.Rename(file, file+".broken"); err != nil {
		t.Fatal(err)
	}
	if lostAt(t, opened(t, Options{File: file})).IsZero() {
		t.Error("it is not missed")
	}
}

func TestNothingIsLostWithANewDatabase(t *testing.T) {
	databases(t, func(t *testing.T, o Options) {
		if at := lostAt(t, opened(t, o)); !at.IsZero() {
			t.Errorf("lost at %s", at)
		}
	})
}
