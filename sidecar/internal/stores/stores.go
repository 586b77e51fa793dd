package stores

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/files"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/lastgood"
	"github.com/claimsmith/claimsmith/sidecar/internal/links"
	"github.com/claimsmith/claimsmith/sidecar/internal/state"
)

// Stores are what a server keeps: the journal in memory, and what survives a restart in one store.
type Stores struct {
	Journal *journal.Journal
	db      *state.Store    // nil: nothing survives a restart
	Links   *links.Store    // nil: links cannot be kept
	Facts   *lastgood.Store // nil: facts do not survive a restart
	key     *state.Key      // of db
}

// newStores opens what the configuration asks for. That a store cannot be used now is no error: see state.
func New(cfg *config.Config, log *slog.Logger) (_ Stores, err error) {
	if cfg.State == nil {
		return Stores{Journal: journal.New(journal.Options{Log: log})}, nil
	}
	var k Stores
	if err := k.Open(cfg.State, state.Options{Log: log}); err != nil {
		return Stores{}, err
	}
	o := journal.Options{Store: k.db, Key: k.key, Log: log, Address: k.Links.Address}
	if r := cfg.Record; r != nil {
		key, err := state.ReadKey(r.KeyFile)
		if err != nil {
			return Stores{}, errors.Join(fmt.Errorf("record: %w", err), k.db.Close())
		}
		o.Record = &journal.Record{Key: key, Max: r.Max, MaxAge: r.MaxAge}
	}
	k.Journal = journal.New(o)
	return k, nil
}

// Open opens the store, and the links and facts in it.
func (k *Stores) Open(at *config.State, o state.Options) (err error) {
	o.File = at.File
	if at.PostgresFile != "" {
		if o.Postgres, err = ReadLine(at.PostgresFile); err != nil {
			return fmt.Errorf("state: %w", err)
		}
	}
	store, err := state.Open(o)
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	key, err := state.ReadKey(at.KeyFile)
	if err != nil {
		return errors.Join(fmt.Errorf("state: %w", err), store.Close())
	}
	k.db, k.key, k.Links, k.Facts = store, key, links.New(store, key, at.AnchorFile), lastgood.New(store, key, o.Log)
	return nil
}

func (k *Stores) Close() error {
	if k.db == nil {
		return nil
	}
	return k.db.Close()
}

func ReadLine(file string) (string, error) {
	data, err := files.Text(file)
	return strings.TrimSpace(string(data)), err
}

// KeptProblems are those of the files that state and record name. Nothing is connected to.
func KeptProblems(cfg *config.Config, src *config.Source) (found []config.Problem) {
	problem := func(path string, err error) { found = append(found, src.Problem(path, err.Error(), "")) }
	keys := map[string]bool{}
	key := func(path, file string) {
		if file == "" || keys[file] {
			return
		}
		keys[file] = true
		if _, err := state.ReadKey(file); err != nil {
			problem(path, err)
		}
	}
	s := cfg.State
	if s == nil {
		return nil
	}
	key("state.keyFile", s.KeyFile)
	if s.PostgresFile != "" {
		dsn, err := ReadLine(s.PostgresFile)
		if err == nil {
			_, err = state.Open(state.Options{Postgres: dsn})
		}
		if err != nil {
			problem("state.postgresFile", err)
		}
	}
	if r := cfg.Record; r != nil {
		key("record.keyFile", r.KeyFile)
	}
	return found
}
