package sidecar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long the file must be quiet before it is read: editors and deployments write in several steps.
const settle = 200 * time.Millisecond

// Reload reads the configuration again. The new one serves only when nothing is wrong with it and its tests hold; until then,
// and if not, the old one goes on. Calls under way finish with the one they began with. fresh also starts plugins anew whose
// declaration did not change, so that they read files again that it names.
//
// The error is that of New. A listen address that changed is not taken over: that needs a new start, and is warned of.
func (s *Server) Reload(ctx context.Context, fresh bool) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	old := s.active.Load()
	keep := old.plugins
	if fresh {
		keep = nil
	}
	now, warnings, err := load(ctx, s.file, s.options, s.host, keep)
	if err != nil {
		return err
	}
	s.warn(ctx, warnings)
	if now.cfg.Listen.Socket != old.cfg.Listen.Socket || now.cfg.Listen.TCP != old.cfg.Listen.TCP {
		s.log.WarnContext(ctx, "the listen address changed: it takes effect with the next start")
	}
	s.active.Store(now)
	s.log.InfoContext(ctx, "configuration reloaded", "digest", now.digest, "tests", len(now.set.cases))
	old.retire()
	for _, p := range unused(old.plugins, now.plugins) {
		s.host.Stop(p)
	}
	return nil
}

// watch reloads when the file changes and when somebody asks, until ctx ends.
func (s *Server) watch(ctx context.Context) error {
	files, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch the configuration: %w", err)
	}
	defer files.Close()
	// The folder is watched, not the file: editors replace files, and Kubernetes swaps a link beside it.
	if err := files.Add(filepath.Dir(s.file)); err != nil {
		return fmt.Errorf("watch the configuration: %w", err)
	}
	quiet := time.NewTimer(0) // looks once at once: the file may have changed since New read it
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-files.Events:
			quiet.Reset(settle)
		case err := <-files.Errors:
			s.log.WarnContext(ctx, "the configuration may have changed unseen", "err", err)
			quiet.Reset(settle)
		case <-quiet.C:
			if digest, err := digestOf(s.file); err == nil && digest != s.active.Load().digest {
				s.reloadLogged(ctx, false)
			}
		case <-s.options.Reload:
			s.reloadLogged(ctx, true)
		}
	}
}

// reloadLogged reloads, and says in the log why not, problem by problem.
func (s *Server) reloadLogged(ctx context.Context, fresh bool) {
	err := s.Reload(ctx, fresh)
	if err == nil || ctx.Err() != nil {
		return
	}
	attrs := []any{slog.String("err", err.Error())}
	var problems *Problems
	var tests *TestsFailed
	switch {
	case errors.As(err, &problems):
		var list []string
		for _, p := range problems.List {
			list = append(list, p.String())
		}
		attrs = append(attrs, slog.Any("problems", list))
	case errors.As(err, &tests):
		var list []string
		for _, c := range tests.Report.Cases {
			if !c.Passed {
				list = append(list, c.Place+": "+c.Name)
			}
		}
		attrs = append(attrs, slog.Any("tests", list))
	}
	s.log.ErrorContext(ctx, "configuration not reloaded: the old one goes on serving", attrs...)
}
