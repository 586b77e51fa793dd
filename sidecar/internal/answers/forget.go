package answers

import (
	"context"
	"time"
)

// Forget drops all answers, of all plugins, and erases those in the store. A question that is being asked now is answered as usual.
// After an error memory is empty, and the store holds what it held.
func (c *Cache) Forget(ctx context.Context) error {
	_, err := c.erase(ctx, func(*entry) bool { return true }, func(string, []byte) bool { return true }, true)
	return err
}

// Drop drops the answers that somebody got, named by address or id, from one plugin or, where it is empty, from all, in memory and in the
// store. The next questions about them want plugins not to answer from what they keep. It returns how many answers were held. After
// an error the store holds what it held.
func (c *Cache) Drop(ctx context.Context, plugin, person string) (int, error) {
	who := tagOf(person)
	c.mu.Lock()
	c.wanted.want(wish{plugin, who}, c.o.Now())
	c.mu.Unlock()
	return c.erase(ctx, func(e *entry) bool { return (plugin == "" || e.plugin == plugin) && e.about.has(who) },
		func(name string, value []byte) bool { return (plugin == "" || name == plugin) && keptAbout(value, who) }, false)
}

// erase drops what matches in memory and in the store. Removals that wait for the store are dropped only with all the rest.
func (c *Cache) erase(ctx context.Context, matches func(*entry) bool, kept func(plugin string, value []byte) bool, all bool) (n int, err error) {
	drop := func() { n = c.drop(matches) }
	if c.keeper == nil {
		drop()
		return n, nil
	}
	waits := func(w *change) bool { return all || w.entry != nil && matches(w.entry) }
	stored, err := c.keeper.erase(ctx, waits, kept, drop)
	return max(n, stored), err
}

func (x *exchanges) forget() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.young, x.old = nil, nil
}

// wish is somebody whose facts are to be read again, by one plugin or, where it is empty, by all.
type wish struct {
	plugin string
	who    tag
}

// wanting are wishes, and since when.
type wanting map[wish]time.Time

const (
	maxWanting = 1000
	wantedFor  = 24 * time.Hour
)

// want notes one, in the place of the oldest when there are many.
func (w *wanting) want(who wish, now time.Time) {
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
	p.cache.mu.Lock()
	defer p.cache.mu.Unlock()
	for _, t := range people {
		for _, plugin := range []string{"", p.name} {
			if at, ok := p.cache.wanted[wish{plugin, t}]; ok && (last == nil || !last.at.After(at)) {
				return true
			}
		}
	}
	return false
}
