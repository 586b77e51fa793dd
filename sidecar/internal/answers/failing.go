package answers

import "time"

// Failing says that the last calls of a plugin brought no answer.
type Failing struct {
	Err   string // of the last one
	Since time.Time
}

// noteCall remembers how a call went. Calls that go on side by side may overtake each other.
func (p *Plugin) noteCall(err error) {
	before := p.failing.Load()
	switch {
	case err == nil && before == nil:
	case err == nil:
		p.failing.Store(nil)
	case before == nil:
		p.failing.Store(&Failing{Err: err.Error(), Since: p.cache.o.Now()})
	default:
		p.failing.Store(&Failing{Err: err.Error(), Since: before.Since})
	}
}
