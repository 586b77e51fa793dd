package engine

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar/files"
	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// settle is how long the file must be quiet before it is read: editors and deployments write in several steps.
const settle = 200 * time.Millisecond

// patience is how long a folder in which files are written all the time, such as a log, can put that off.
const patience = 10 * settle

// Reload reads the configuration again. The new one serves only when nothing is wrong with it and its tests hold; until then,
// and if not, the old one goes on. Calls under way finish with the one they began with. fresh also starts plugins again whose
// declaration did not change, and reads the certificates again; force takes a configuration that keeps out everybody.
//
// The error is that of New, or a *LockedOut when the new one would keep out everybody who was let in recently. What needs a
// new start, such as another listen address, is not taken over, and is warned of.
func (s *Server) Reload(ctx context.Context, fresh, force bool) (err error) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	defer func() { s.noteReload(err) }()
	old := s.Active.Load()
	keep := old.Plugins
	if fresh {
		keep = nil
		if s.Certs != nil {
			s.Certs.Current(true)
		}
	}
	now, warnings, err := load(ctx, s.File, s.Options, s.Host, keep)
	if err != nil {
		return err
	}
	if err := s.letsIn(ctx, now, force); err != nil {
		for _, p := range compile.Unused(now.Plugins, old.Plugins) {
			s.Host.Stop(p)
		}
		return err
	}
	s.warn(ctx, warnings)
	if keys := NeedsRestart(s.Began, now.Cfg); len(keys) > 0 {
		s.Log.WarnContext(ctx, "what changed takes effect with the next start", "keys", keys)
	}
	s.Active.Store(now)
	keepFacts(&s.Kept, now.Cfg)
	s.Log.InfoContext(ctx, "configuration reloaded", "digest", now.Digest, "tests", len(now.Set.Cases))
	old.retire()
	s.endCandidate(ctx, old.candidate.Load())
	s.useCandidate(ctx, now)
	for _, p := range compile.Unused(old.Plugins, now.Plugins) {
		s.Host.Stop(p)
	}
	return nil
}

// watch reloads when the file, a table of it or the candidate changes and when somebody asks, until ctx ends. Where files cannot be watched, as
// when a system is out of inotify watches, only asking is left, and the log says so.
func (s *Server) watch(ctx context.Context) {
	folders := s.watchFolders(ctx)
	defer folders.close()
	quiet := time.NewTimer(0) // looks once at once: the file may have changed since New read it
	defer quiet.Stop()
	var hangups hangups
	var w watched
	names := s.watchedFiles()
	follow := func() {
		if now := s.watchedFiles(); !slices.Equal(now, names) {
			names = now
			quiet.Reset(settle) // one may have changed before its folder was watched
		}
	}
	for {
		folders.follow(ctx, s.Log, names)
		select {
		case <-ctx.Done():
			return
		case <-folders.events:
			quiet.Reset(w.changed(time.Now()))
		case err := <-folders.errs:
			s.Log.WarnContext(ctx, "the configuration may have changed unseen", "err", err)
			quiet.Reset(settle)
		case <-quiet.C:
			w.since = time.Time{}
			s.look(ctx, &w)
			s.refreshCandidate(ctx)
			follow()
		case <-s.Options.Reload:
			digest, _ := compile.DigestOf(s.File) // one that cannot be read is not reloaded
			err := s.reloadLogged(ctx, true, hangups.force(digest, time.Now()))
			hangups.note(err, digest, time.Now())
			w.note(err, digest)
			follow()
		}
	}
}

// watched is what is remembered of a file that is watched.
type watched struct {
	since   time.Time // the first change that was not looked at; zero: there was none
	refused string    // digest of a file that did not serve: it is not tried again until it is another, or somebody asks
}

// changed notes that something changed in the folder, and returns how long to wait before looking.
func (w *watched) changed(now time.Time) time.Duration {
	if w.since.IsZero() {
		w.since = now
	}
	return max(0, min(settle, patience-now.Sub(w.since)))
}

func (w *watched) note(err error, digest string) {
	if w.refused = ""; err != nil {
		w.refused = digest
	}
}

// look reloads when the file is another. One that is put back as it was serves already, and nothing is wrong with it any more.
func (s *Server) look(ctx context.Context, w *watched) {
	switch digest, err := compile.DigestOf(s.File); {
	case err != nil, digest == w.refused:
	case digest != s.Active.Load().Digest:
		w.note(s.reloadLogged(ctx, false, false), digest)
	case w.refused != "":
		w.refused = ""
		s.Failed.Store(nil)
	}
}

// hangups remembers that a file was refused because it would lock everybody out: who asks for the same again soon means it. A
// file that changes never does, and one hang-up neither: programs send that after they wrote the file.
type hangups struct {
	digest string
	at     time.Time
}

// again is how soon the second hang-up must follow.
const again = 30 * time.Second

func (h *hangups) force(digest string, now time.Time) bool {
	return digest == h.digest && digest != "" && now.Sub(h.at) <= again
}

func (h *hangups) note(err error, digest string, now time.Time) {
	*h = hangups{}
	if errors.As(err, new(*LockedOut)) {
		*h = hangups{digest: digest, at: now}
	}
}

// folders are watched, not files: editors replace files, and deployments swap a link, beside the file or anywhere on the way to it. The
// channels are nil when that cannot be done.
type folders struct {
	events  <-chan fsnotify.Event
	errs    <-chan error
	watcher *fsnotify.Watcher // nil when that cannot be done

	told string // the error that the log was told last
}

func (s *Server) watchFolders(ctx context.Context) *folders {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		s.Log.WarnContext(ctx, "the configuration is not watched: reload it with SIGHUP", "err", err)
		return &folders{}
	}
	return &folders{events: watcher.Events, errs: watcher.Errors, watcher: watcher}
}

// follow watches all folders in which a change can make one of the files another one, and no others. Each error is logged once.
func (f *folders) follow(ctx context.Context, log *slog.Logger, names []string) {
	if f.watcher == nil {
		return
	}
	var err error
	wanted, watched := files.FoldersOf(names...), f.watcher.WatchList()
	for _, folder := range wanted {
		if !slices.Contains(watched, folder) {
			err = cmp.Or(err, f.watcher.Add(folder))
		}
	}
	for _, folder := range watched {
		if !slices.Contains(wanted, folder) {
			_ = f.watcher.Remove(folder) // it may be gone
		}
	}
	switch {
	case err == nil:
		f.told = ""
	case f.told != err.Error():
		f.told = err.Error()
		log.WarnContext(ctx, "a folder of the configuration is not watched: reload it with SIGHUP", "err", err)
	}
}

// watchedFiles are the configuration and its shadow, if it has one, each with the files of its tables.
func (s *Server) watchedFiles() []string {
	names := compile.FilesOf(s.File)
	if shadow := s.Active.Load().Cfg.Shadow; shadow != nil && shadow.File != "" {
		names = append(names, compile.FilesOf(shadow.File)...)
	}
	return names
}

func (f *folders) close() {
	if f.watcher != nil {
		_ = f.watcher.Close() // nothing is written
	}
}

// reloadLogged reloads, and says in the log why not, problem by problem.
func (s *Server) reloadLogged(ctx context.Context, fresh, force bool) error {
	err := s.Reload(ctx, fresh, force)
	if err != nil && ctx.Err() == nil {
		s.Log.ErrorContext(ctx, "configuration not reloaded: the old one goes on serving", why(err)...)
	}
	return err
}

// why are the attributes that say what is wrong with a file, problem by problem.
func why(err error) []any {
	attrs := []any{slog.String("err", err.Error())}
	var problems *compile.Problems
	var tests *replay.TestsFailed
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
	case errors.As(err, new(*LockedOut)):
		attrs = append(attrs, slog.String("hint", "if that is meant: claimsmith reload --force, or two hang-ups within "+again.String()))
	}
	return attrs
}

// FailedReload is a reload after which the old configuration went on.
type FailedReload struct {
	At  time.Time
	Err error
}

// noteReload keeps why the last reload failed, for whoever asks.
func (s *Server) noteReload(err error) {
	s.metrics.reloaded(err)
	if err == nil {
		s.Failed.Store(nil)
		return
	}
	s.Failed.Store(&FailedReload{At: time.Now(), Err: err})
}

// Configuration is the one that decides.
func (s *Server) Configuration() *adminv1.Configuration {
	g := s.Active.Load()
	return &adminv1.Configuration{
		File: s.File, Digest: g.Digest, Loaded: timestamppb.New(g.loaded), Steps: int32(len(g.Set.Pipeline.Outline)), Tests: int32(len(g.Set.Cases)),
	}
}
