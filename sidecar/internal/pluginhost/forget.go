package pluginhost

import (
	"context"
	"time"
)

// Forget drops all answers that the host remembers, of all plugins, and erases those in the store, and what plugins said lately. A
// question that is being asked now is answered as usual. After an error memory is empty, and the store holds what it held.
func (h *Host) Forget(ctx context.Context) error {
	h.said.forget()
	if h.keeper == nil {
		h.answers.forget()
		return nil
	}
	_, err := h.keeper.erase(ctx, func(*change) bool { return true }, func(string, []byte) bool { return true }, h.answers.forget)
	return err
}

// Drop drops the answers that somebody got, named by address or id, from one plugin or, where it is empty, from all, in memory and in the
// store. The next questions about them want plugins not to answer from what they keep. It returns how many answers were held, and
// drops what plugins said lately. After an error the store holds what it held.
func (h *Host) Drop(ctx context.Context, plugin, person string) (n int, err error) {
	who, now := tagOf(person), h.o.Now()
	h.said.forget() // nobody knows about whom that is
	h.mu.Lock()
	for _, p := range h.plugins {
		if plugin == "" || p.Name() == plugin {
			p.wanted.want(who, now)
		}
	}
	h.mu.Unlock()
	matches := func(e *entry) bool { return (plugin == "" || e.plugin == plugin) && e.about.has(who) }
	drop := func() { n = h.answers.drop(matches) }
	if h.keeper == nil {
		drop()
		return n, nil
	}
	kept, err := h.keeper.erase(ctx, func(c *change) bool { return c.entry != nil && matches(c.entry) }, func(name string, value []byte) bool {
		return (plugin == "" || name == plugin) && keptAbout(value, who)
	}, drop)
	return max(n, kept), err
}

func (x *exchanges) forget() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.young, x.old = nil, nil
}

// wanting are the people whose facts somebody wants read again. Guarded by Host.mu.
type wanting map[tag]time.Time

const (
	maxWanting = 1000
	wantedFor  = 24 * time.Hour
)

// want notes one, in the place of the oldest when there are many.
func (w *wanting) want(who tag, now time.Time) {
	if *w == nil {
		*w = wanting{}
	}
	oldest := who
	for t, at := range *w {
		if now.Sub(at) > wantedFor {
			delete(*w, t)
		} else if first, ok := (*w)[oldest]; !ok || at.Before(first) {
			oldest = t
		}
	}
	if len(*w) >= maxWanting {
		delete(*w, oldest)
	}
	(*w)[who] = now
}

// wants reports whether facts of one of these people are to be read again, in the place of what came before.
func (p *Plugin) wants(people []tag, last *entry) bool {
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	for _, t := range people {
		if at, ok := p.wanted[t]; ok && (last == nil || !last.at.After(at)) {
			return true
		}
	}
	return false
}
