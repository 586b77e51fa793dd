package answers

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// Policy says how long the answers of a lookup count. The zero value caches nothing; lookups of the same at the same
// time still share one call, and one exchange still gets one answer.
type Policy struct {
	// TTL is how old knowledge may be with which "found" is answered without asking: the age that the plugin gave the answer counts.
	TTL time.Duration
	// NegativeTTL is the same for "not found".
	NegativeTTL time.Duration
	// MaxStale is how old knowledge may be that is served because the plugin failed: with the age that the plugin gave it, so
	// that it is the bound that it says. Only "found" is served so: "not found" of yesterday would tell a person a refusal
	// when the truth is a failure. Where the host has a store, such knowledge survives a restart.
	MaxStale time.Duration
}

// Lookup asks a plugin, which may want to know whether a fresh answer is wanted. An error that says something about the plugin, or what
// it asks, is a [*CallError].
type Lookup func(ctx context.Context, params json.RawMessage, fresh bool) (*pipeline.Answer, error)

// Plugin is where answers come from.
type Plugin struct {
	cache  *Cache
	name   string
	log    *slog.Logger
	scope  []byte // what the identity of its answers begins with
	facts  *facts.Type
	lookup Lookup

	failing  atomic.Pointer[Failing] // nil: the last call brought an answer, or there was none
	counts   counts
	maxStale atomic.Int64 // the largest of its askers, in nanoseconds; zero: nothing of it is kept in the store

	breaker breaker
	renew   func(context.Context) // before a question is turned away: a new process is asked at once; nil: there is none
	unknown *newcomers            // questions about which nothing is known yet
	slots   *slots
}

// Plugin returns one whose answers c remembers under scope, which tells them from those of any other plugin, configuration and schema.
func (c *Cache) Plugin(name string, scope []byte, schema *facts.Type, lookup Lookup) *Plugin {
	return &Plugin{
		cache: c, name: name, log: c.o.Log.With(slog.String("plugin", name)), scope: scope, facts: schema, lookup: lookup,
		unknown: newNewcomers(c.o.CallsAtOnce), slots: newSlots(c.o.CallsAtOnce),
	}
}

// RenewWith sets what may give the plugin a new process while it is left alone, which Renewed then reports. Call it before there are questions.
func (p *Plugin) RenewWith(renew func(context.Context)) { p.renew = renew }

// Status is what became of the questions to a plugin.
type Status struct {
	Counters Counters
	Breaker  string   // closed, open, or trial: the next call decides
	Calls    int      // under way
	Failing  *Failing // nil: the last call brought an answer, or there was none
}

// Status tells how p does.
func (p *Plugin) Status() Status {
	return Status{p.counts.read(), p.breaker.state(p.cache.o.Now()), len(p.slots.all), p.failing.Load()}
}

// Renewed says that the plugin has a new process: what its calls brought before says nothing about it.
func (p *Plugin) Renewed() { p.breaker.reset() }

// asker asks one plugin under one policy.
type asker struct {
	p      *Plugin
	policy Policy
}

// Asker returns an Asker of p. Askers of one plugin share what is cached, each judges its age by its own policy.
//
// The facts of an answer may be shared with other requests: they must not be changed.
func (p *Plugin) Asker(policy Policy) pipeline.Asker {
	for most := p.maxStale.Load(); int64(policy.MaxStale) > most && !p.maxStale.CompareAndSwap(most, int64(policy.MaxStale)); {
		most = p.maxStale.Load()
	}
	return &asker{p: p, policy: policy}
}

// Ask implements pipeline.Asker.
func (a *asker) Ask(ctx context.Context, q pipeline.Question) (*pipeline.Answer, error) {
	k := a.p.key(q)
	if q.Exchange == "" {
		return a.ask(ctx, k, q)
	}
	exchanges, xk, now := &a.p.cache.exchanges, exchangeKey{q.Exchange, k}, a.p.cache.o.Now
	answer := exchanges.get(xk, now())
	if answer != nil {
		a.p.counts.add(&a.p.counts.Exchange)
	} else {
		fresh, err := a.ask(ctx, k, q)
		if err != nil {
			return nil, err
		}
		answer = exchanges.put(xk, fresh, now())
	}
	own := *answer // its Facts are shared
	return &own, nil
}

func (a *asker) ask(ctx context.Context, k key, q pipeline.Question) (*pipeline.Answer, error) {
	cache, counts := a.p.cache, &a.p.counts
	last, now := cache.get(k), cache.o.Now()
	if last == nil || !a.fresh(last, now) && !a.servable(last, now) {
		a.recall(ctx, k)
		last = cache.get(k)
	}
	if last != nil && a.fresh(last, now) {
		counts.add(&counts.Hits)
		a.given(k, q, last)
		a.refresh(k, q, last, now)
		return served(last, now, false), nil
	}
	counts.add(&counts.Misses)
	fetched, err := a.fetch(ctx, k, q, last)
	if err == nil {
		own := *fetched.answer
		return &own, nil
	}
	if last == nil { // the store may have been slower than this patience, and quicker than the plugin
		last = cache.get(k)
	}
	if now := cache.o.Now(); last != nil && a.servable(last, now) {
		counts.add(&counts.Stale)
		a.given(k, q, last)
		return served(last, now, true), nil
	}
	counts.add(&counts.Unanswered)
	return nil, err
}

// given notes who gets an answer that was there before.
func (a *asker) given(k key, q pipeline.Question, e *entry) {
	if e.about.add(tagsOf(q.Person)) && !e.saved.IsZero() && a.p.cache.keeper != nil {
		a.p.cache.keeper.add(k, &change{plugin: a.p, entry: e})
	}
}

// Peeked is what is cached for a question.
type Peeked struct {
	Found    bool
	Age      time.Duration
	FreshFor time.Duration // for how long it is answered without asking; zero: it is not
	StaleFor time.Duration // for how long it is answered if the plugin fails; zero: it is not
}

// Peek says what memory holds for a question to a, which must be an asker of a host. It reports false when that is nothing. Nothing is
// asked, counted or changed.
func Peek(a pipeline.Asker, q pipeline.Question) (Peeked, bool) {
	own, ok := a.(*asker)
	if !ok {
		return Peeked{}, false
	}
	e, now := own.p.cache.get(own.p.key(q)), own.p.cache.o.Now()
	if e == nil {
		return Peeked{}, false
	}
	p := Peeked{Found: e.answer.Found, Age: e.age(now), FreshFor: max(0, own.ttl(e)-e.age(now))}
	if e.answer.Found {
		p.StaleFor = max(0, own.policy.MaxStale-e.age(now))
	}
	return p, p.FreshFor > 0 || p.StaleFor > 0
}

// fetch asks the plugin, together with all who ask the same now. If there is something to serve instead, it gives up while
// there is still time to do so.
func (a *asker) fetch(ctx context.Context, k key, q pipeline.Question, last *entry) (*entry, error) {
	var patience <-chan time.Time
	if deadline, ok := ctx.Deadline(); ok && last != nil && a.servable(last, a.p.cache.o.Now()) {
		t := time.NewTimer(time.Until(deadline) * 4 / 5)
		defer t.Stop()
		patience = t.C
	}
	shared := a.p.flight(k, func() (any, error) { return a.p.fetch(k, q, last == nil, traceOf(ctx)) })
	select {
	case r := <-shared:
		if r.Err != nil {
			return nil, r.Err
		}
		e := r.Val.(*entry)
		a.given(k, q, e)
		return e, nil
	case <-patience:
		return nil, fmt.Errorf("plugin %s: lookup: no answer in time", a.p.name)
	case <-ctx.Done():
		return nil, &CallError{Text: "plugin " + a.p.name + ": lookup: no answer in time", Cause: ctx.Err()}
	}
}

// refreshShare is the last part of its time in which an answer that is asked for is replaced ahead.
const refreshShare = 5 // a fifth

// refresh asks again, in the background, for what is asked for while it is about to expire, so that nobody has to wait for
// it. It happens only because somebody asked, once for each answer, and never for what nobody wants: a directory whose
// users are asleep is left asleep.
func (a *asker) refresh(k key, q pipeline.Question, last *entry, now time.Time) {
	p := a.p
	if !last.answer.Found || last.age(now) < a.policy.TTL-a.policy.TTL/refreshShare || last.refreshed.Load() {
		return
	}
	if !p.slots.takeIdle() {
		return
	}
	if last.refreshed.Swap(true) {
		p.slots.giveIdle()
		return
	}
	shared := p.flight(k, func() (any, error) {
		p.counts.add(&p.counts.Refreshes)
		return p.fetch(k, q, false, "")
	})
	go func() {
		defer p.slots.giveIdle()
		<-shared // it comes: the call has a deadline
	}()
}

// flight runs f once for all who ask the same, and not for those who ask after answers were dropped.
func (p *Plugin) flight(k key, f func() (any, error)) <-chan singleflight.Result {
	return p.cache.flight.DoChan(fmt.Sprintf("%s%d", k[:], p.cache.drops.Load()), f)
}

// fetch asks the plugin and keeps the answer. It belongs to nobody's request: whoever waits may leave. trace is that of who asked
// first, for the plugin to join.
func (p *Plugin) fetch(k key, q pipeline.Question, unknown bool, trace string) (*entry, error) {
	if !p.cache.begin() {
		return nil, fmt.Errorf("plugin %s: %w", p.name, ErrClosed)
	}
	defer p.cache.calls.Done()
	ctx, cancel := context.WithTimeout(p.cache.ctx, p.cache.o.CallTimeout)
	defer cancel()
	busy := func() (*entry, error) {
		p.counts.add(&p.counts.Limited)
		return nil, fmt.Errorf("plugin %s: %w", p.name, ErrBusy)
	}
	if unknown {
		give, ok := p.unknown.take(ctx, q.Connector, p.cache.o.Now())
		if !ok {
			return busy()
		}
		defer give()
	}
	if !p.slots.take(ctx) {
		return busy()
	}
	defer p.slots.give()
	allowed := p.breaker.allow(p.cache.o.Now())
	if !allowed && p.renew != nil {
		p.renew(ctx)
		allowed = p.breaker.allow(p.cache.o.Now())
	}
	if !allowed {
		p.counts.add(&p.counts.Broken)
		return nil, fmt.Errorf("plugin %s: %w", p.name, ErrBroken)
	}
	drops, asked, who, last := p.cache.drops.Load(), p.cache.o.Now(), tagsOf(q.Person), p.cache.get(k)
	answer, err := p.timedLookup(inTrace(ctx, trace), q, p.wants(who, last))
	now := p.cache.o.Now()
	if p.breaker.note(k, judge(err), now) {
		p.counts.add(&p.counts.Opened)
		p.log.Warn("plugin is not asked for a while: its last calls failed", slog.Int("failures", trips))
	}
	if err != nil {
		return nil, err
	}
	e := &entry{plugin: p.name, answer: answer, at: asked} // what it says may be as old as the question
	e.about.add(who)
	if p.cache.drops.Load() == drops {
		p.cache.keeper.keep(p, k, e, p.cache.get(k))
	}
	p.cache.put(k, e, drops)
	return e, nil
}

// timedLookup is a call and what is counted of it. The plugin gets less time than the call has left, so that what it says
// at the end of it still comes through.
func (p *Plugin) timedLookup(ctx context.Context, q pipeline.Question, fresh bool) (*pipeline.Answer, error) {
	deadline, _ := ctx.Deadline() // fetch has set it
	ctx, cancel := context.WithTimeout(ctx, time.Until(deadline)*9/10)
	defer cancel()
	p.counts.add(&p.counts.Calls)
	answer, err := p.lookup(ctx, q.Params, fresh)
	if err != nil {
		p.counts.add(&p.counts.Failures)
	}
	p.noteCall(err)
	return answer, err
}

// key is the identity of the answer to q: of this plugin, configured and described as it is.
func (p *Plugin) key(q pipeline.Question) key {
	b := make([]byte, 0, 256)
	b = append(b, p.scope...)
	b = append(b, q.Connector...)
	b = append(b, 0) // connectors do not hold it, and JSON does not begin with it
	b = append(b, q.Params...)
	return sha256.Sum256(b)
}

func (a *asker) ttl(e *entry) time.Duration {
	if e.answer.Found {
		return a.policy.TTL
	}
	return a.policy.NegativeTTL
}

// fresh reports whether e counts without asking.
func (a *asker) fresh(e *entry, now time.Time) bool { return e.age(now) < a.ttl(e) }

// servable reports whether e may be served when the plugin fails.
func (a *asker) servable(e *entry, now time.Time) bool {
	return e.answer.Found && e.age(now) < a.policy.MaxStale
}

// served returns the answer of e as it is at now.
func served(e *entry, now time.Time, stale bool) *pipeline.Answer {
	answer := *e.answer
	answer.Age = e.age(now)
	if answer.Source == "plugin" {
		answer.Source = "cache"
	}
	if stale {
		answer.Stale, answer.Source = true, "stale"
	}
	return &answer
}
