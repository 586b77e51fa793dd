package tally

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/state"
)

// kept opens a tally over a new store.
func kept(t *testing.T) (tally *Tally, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "state", "state.db")
	store, err := state.Open(state.Options{File: file, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	key, err := state.NewKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return New(store, key, slog.New(slog.DiscardHandler)), file
}

// run keeps what was noted.
func (t *Tally) run() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	t.Run(ctx)
}

func count(t *testing.T, tally *Tally) int {
	t.Helper()
	n, err := tally.rows.Count(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPeopleAreCountedOnceAtEachClient(t *testing.T) {
	tally, _ := kept(t)
	now := time.Now()
	for _, v := range []Visit{
		{Client: "nas", Connector: "google", User: "mum", LetIn: true, At: now.Add(-2 * time.Hour)},
		{Client: "nas", Connector: "google", User: "mum", LetIn: true, At: now},
		{Client: "wiki", Connector: "google", User: "mum", LetIn: true, At: now},
		{Client: "nas", Connector: "ldap", User: "mum", LetIn: true, At: now},
		{Client: "nas", Connector: "google", User: "stranger", At: now},
	} {
		tally.Note(v)
	}
	tally.run()
	if n := count(t, tally); n != 3 {
		t.Errorf("%d are counted", n)
	}
}

func TestWhoWasLetInLongAgoIsForgotten(t *testing.T) {
	tally, _ := kept(t)
	tally.Note(Visit{Client: "nas", Connector: "google", User: "mum", LetIn: true, At: time.Now().Add(-age - time.Minute)})
	tally.run()
	tally.run() // trims first
	if n := count(t, tally); n != 0 {
		t.Errorf("%d are counted", n)
	}
}

func TestAPersonIsForgottenEverywhere(t *testing.T) {
	tally, _ := kept(t)
	for _, client := range []string{"nas", "wiki"} {
		for _, user := range []string{"mum", "dad"} {
			tally.Note(Visit{Client: client, Connector: "google", User: user, LetIn: true, At: time.Now()})
		}
	}
	tally.run()
	if err := tally.Forget(t.Context(), "mum"); err != nil {
		t.Fatal(err)
	}
	if n := count(t, tally); n != 2 {
		t.Errorf("%d are left", n)
	}
}

func TestNobodyCanBeReadOutOfTheFile(t *testing.T) {
	tally, file := kept(t)
	tally.Note(Visit{Client: "nas", Connector: "google", User: "108a-of-mum", LetIn: true, At: time.Now()})
	tally.run()
	for _, name := range []string{file, file + "-wal"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("108a-of-mum")) {
			t.Errorf("%s holds the id", name)
		}
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// A full queue is no reason to wait.
func TestNotingNeverWaits(t *testing.T) {
	tally, _ := kept(t)
	for range queued + 10 {
		tally.Note(Visit{Client: "nas", User: "mum", LetIn: true, At: time.Now()})
	}
	if len(tally.queue) != queued {
		t.Errorf("%d wait", len(tally.queue))
	}
}
