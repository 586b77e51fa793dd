package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
)

// File rules are about the file that is there when a process starts, not about its name: a file that an editor, a secret
// store or a network manager puts in its place is another one, which the process cannot read. So a process whose files
// were replaced is replaced itself, before it is asked the next time. Nothing is watched meanwhile.

// granted are the files that a process was started with.
type granted map[string]os.FileInfo

// granted notes the files as they are now. There are none to note when the process gets no file rules.
func (l *launcher) granted() granted {
	if l.decl.Unconfined || len(l.host.o.Wrapper) == 0 || !confine.HasFileRules() {
		return nil
	}
	g := granted{}
	for _, file := range l.decl.Granted() {
		g[file] = nil
	}
	return grantedNow(g)
}

// grantedNow is g with the files as they are now.
func grantedNow(g granted) granted {
	now := granted{}
	for file := range g {
		now[file], _ = os.Stat(file) // nil: it may come yet
	}
	return now
}

// replaced returns a file that is another one now, or "". One that is missing is not replaced: the plugin says that best.
func (g granted) replaced() string {
	for file, was := range g {
		if now, err := os.Stat(file); err == nil && (was == nil || !os.SameFile(was, now)) {
			return file
		}
	}
	return ""
}

// same reports whether all files are as they were, and have the content, the mode and the owner that they had: any of these may be what
// a plugin minds.
func (g granted) same() bool {
	for file, was := range g {
		now, err := os.Stat(file)
		if (was == nil) != (err != nil) || err == nil && !alike(was, now) {
			return false
		}
	}
	return true
}

func alike(was, now os.FileInfo) bool {
	return os.SameFile(was, now) && was.Size() == now.Size() && was.ModTime().Equal(now.ModTime()) && was.Mode() == now.Mode() && ownerOf(was) == ownerOf(now)
}

func ownerOf(file os.FileInfo) [2]uint32 {
	if s, ok := file.Sys().(*syscall.Stat_t); ok {
		return [2]uint32{s.Uid, s.Gid}
	}
	return [2]uint32{}
}

// untaken is a replaced file that no process could be started with.
type untaken struct {
	files   granted // as they were then
	refusal bool    // of the plugin, which says the same again
	at      time.Time
	failing answers.Failing
}

// tryAgain is after how long a process is started again with the same files, when it was not the plugin that refused them.
const tryAgain = 30 * time.Second

// stays reports whether trying again would change nothing.
func (u *untaken) stays(now time.Time) bool {
	return u != nil && u.files.same() && (u.refusal || now.Sub(u.at) < tryAgain)
}

// renew replaces a process whose files were replaced. It looks at them at most once a second, unless a call has just failed.
func (p *Plugin) renew(ctx context.Context, failed bool) {
	if failed {
		p.renewing.Lock()
	} else if !p.renewing.TryLock() {
		return // somebody does it already, and the process from before answers meanwhile
	}
	defer p.renewing.Unlock()
	inst, now := p.sup.current(), p.host.o.Now()
	if inst == nil || len(inst.granted) == 0 || !failed && now.Sub(p.looked) < time.Second {
		return
	}
	p.looked = now
	file, before := inst.granted.replaced(), p.untaken.Load()
	if file == "" || before.stays(now) {
		return
	}
	tried := grantedNow(inst.granted)
	p.log.Info("a file of the plugin was replaced: its process is, too", slog.String("file", file))
	err := p.Restart(ctx)
	if err == nil || ctx.Err() != nil {
		return
	}
	u := &untaken{files: tried, refusal: errors.As(err, new(*refusal)), at: now, failing: answers.Failing{Since: now,
		Err: fmt.Sprintf("%s was replaced and is not taken over, so the process that read the one before goes on: %v", file, err)}}
	if before != nil {
		u.failing.Since = before.failing.Since
	}
	p.untaken.Store(u)
	p.log.Warn("the replaced file is not taken over: the process that read the one before goes on", slog.String("file", file), slog.Any("err", err))
}
