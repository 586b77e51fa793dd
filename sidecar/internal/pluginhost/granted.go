package pluginhost

import (
	"context"
	"log/slog"
	"os"
	"time"

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
		g[file], _ = os.Stat(file) // nil: it may come yet
	}
	return g
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

// renew replaces a process whose files were replaced, at most once a second.
func (p *Plugin) renew(ctx context.Context) {
	p.sup.mu.Lock()
	inst, now := p.sup.cur, time.Now()
	due := inst != nil && now.Sub(p.looked) >= time.Second
	if due {
		p.looked = now
	}
	p.sup.mu.Unlock()
	if !due || len(inst.granted) == 0 {
		return
	}
	file := inst.granted.replaced()
	if file == "" {
		return
	}
	p.log.Info("a file of the plugin was replaced: its process is, too", slog.String("file", file))
	if err := p.Restart(ctx); err != nil {
		p.log.Warn("plugin not restarted", slog.Any("err", err))
	}
}
