package answers

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// ErrBusy is the error of questions that a plugin is not asked because it, or the host, has enough to do.
var ErrBusy = errors.New("not asked: too many questions at once")

const (
	// newPerSecond and newBurst limit questions about which nothing is known yet, for each plugin and connector: whoever invents
	// addresses gets failures, and neither wears the directory out nor learns that somebody does not exist. Who comes by another
	// connector is not held up.
	newPerSecond = 100
	newBurst     = 1000
	// maxConnectors is for how many connectors newcomers are counted apart; those of all others are counted together.
	maxConnectors = 32
)

// newcomers limit questions about which nothing is known yet.
type newcomers struct {
	slots int // calls to the plugin at a time

	mu   sync.Mutex
	each map[string]*newcomersOf // by connector
	all  chan struct{}           // calls under way: some are left for people who are known
}

// newcomersOf are those of one connector.
type newcomersOf struct {
	rate  *rate.Limiter
	calls chan struct{} // under way: some are left for other connectors
}

func newNewcomers(slots int) *newcomers {
	return &newcomers{slots: slots, each: map[string]*newcomersOf{}, all: make(chan struct{}, max(1, slots*3/4))}
}

func (n *newcomers) of(connector string) *newcomersOf {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.each[connector] == nil && len(n.each) >= maxConnectors {
		connector = "" // no connector has this name
	}
	if n.each[connector] == nil {
		n.each[connector] = &newcomersOf{rate: rate.NewLimiter(newPerSecond, newBurst), calls: make(chan struct{}, max(1, n.slots/2))}
	}
	return n.each[connector]
}

// take waits for its turn as long as ctx allows. Whoever got one gives it back.
func (n *newcomers) take(ctx context.Context, connector string, now time.Time) (give func(), ok bool) {
	own := n.of(connector)
	if !own.rate.AllowN(now, 1) {
		return nil, false
	}
	for i, turn := range []chan struct{}{own.calls, n.all} {
		select {
		case turn <- struct{}{}:
		case <-ctx.Done():
			if i == 1 {
				<-own.calls
			}
			return nil, false
		}
	}
	return func() { <-n.all; <-own.calls }, true
}

// slots are the calls that may be under way to a plugin. Refreshes, for which nobody waits, get only every fourth of them.
type slots struct {
	all, idle chan struct{}
}

func newSlots(n int) *slots {
	return &slots{all: make(chan struct{}, n), idle: make(chan struct{}, max(1, n/4))}
}

// take waits for a slot as long as ctx allows.
func (s *slots) take(ctx context.Context) bool {
	select {
	case s.all <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *slots) give() { <-s.all }

// takeIdle does not wait: what is not asked ahead of time is asked in time. It takes no slot of all; whoever got one takes
// that as well.
func (s *slots) takeIdle() bool {
	select {
	case s.idle <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s *slots) giveIdle() { <-s.idle }
