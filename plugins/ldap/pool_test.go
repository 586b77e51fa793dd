package ldap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// line is a connection that does nothing.
type line struct {
	f      *factory
	number int
	dead   bool // does not answer
	bad    bool // is known to be broken
}

func (l *line) usable() bool           { return !l.bad }
func (l *line) blame(error, bool) bool { return false }
func (l *line) close()                 { l.f.note("close %d", l.number) }
func (l *line) ping(context.Context) error {
	l.f.note("ping %d", l.number)
	if l.dead {
		return errBroken
	}
	return nil
}

// factory makes lines and notes what becomes of them.
type factory struct {
	mu    sync.Mutex
	made  int
	notes []string
	fails error
}

func (f *factory) note(format string, values ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.notes = append(f.notes, fmt.Sprintf(format, values...))
}

func (f *factory) open(context.Context) (*line, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails != nil {
		return nil, f.fails
	}
	f.made++
	f.notes = append(f.notes, fmt.Sprintf("open %d", f.made))
	return &line{f: f, number: f.made}, nil
}

// took returns what was noted since the last time.
func (f *factory) took() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	notes := strings.Join(f.notes, ", ")
	f.notes = nil
	return notes
}

func TestThePool(t *testing.T) {
	use := func(change func(*line) error) func(context.Context, *line) error {
		return func(_ context.Context, l *line) error {
			l.f.note("use %d", l.number)
			if change == nil {
				return nil
			}
			return change(l)
		}
	}
	broken := func(l *line) error { l.bad = true; return errBroken }
	type step struct {
		after time.Duration
		f     func(context.Context, *line) error
		want  string // what happens
		err   string
	}
	tests := []struct {
		name  string
		steps []step
		end   string // what happens when the pool is closed
	}{
		{"a connection is used again", []step{{0, use(nil), "open 1, use 1", ""}, {doubt - 1, use(nil), "use 1", ""}}, "close 1"},
		{"after a while it is asked whether it is there", []step{{0, use(nil), "open 1, use 1", ""}, {doubt, use(nil), "ping 1, use 1", ""}}, "close 1"},
		{"if not, there is another", []step{
			{0, use(func(l *line) error { l.dead = true; return nil }), "open 1, use 1", ""},
			{doubt, use(nil), "ping 1, close 1, open 2, use 2", ""},
		}, "close 2"},
		{"what nobody uses is closed", []step{{0, use(nil), "open 1, use 1", ""}, {idleLimit, use(nil), "close 1, open 2, use 2", ""}}, "close 2"},
		{"not what somebody used meanwhile", []step{
			{0, use(nil), "open 1, use 1", ""},
			{idleLimit / 2, use(nil), "ping 1, use 1", ""},
			{idleLimit - 1, use(nil), "ping 1, use 1", ""},
			{idleLimit, use(nil), "close 1, open 2, use 2", ""},
		}, "close 2"},
		{"a new connection that breaks is an error", []step{{0, use(broken), "open 1, use 1, close 1", "the connection broke"}}, ""},
		{"an old one is replaced once", []step{
			{0, use(nil), "open 1, use 1", ""},
			{0, use(func(l *line) error {
				if l.number == 1 {
					return broken(l)
				}
				return nil
			}), "use 1, close 1, open 2, use 2", ""},
			{0, use(broken), "use 2, close 2, open 3, use 3, close 3", "the connection broke"},
		}, ""},
		{"other errors keep the connection", []step{
			{0, use(func(*line) error { return errors.New("no") }), "open 1, use 1", "no"},
			{0, use(nil), "use 1", ""},
		}, "close 1"},
		{"what was cut short is not used again", []step{
			{0, use(func(l *line) error { l.bad = true; return nil }), "open 1, use 1, close 1", ""},
			{0, use(nil), "open 2, use 2", ""},
		}, "close 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &factory{}
				p := newPool(f.open, poolOptions{log: slog.New(slog.DiscardHandler)})
				for i, s := range tt.steps {
					<-time.After(s.after)
					synctest.Wait()
					err := p.do(t.Context(), s.f)
					if got := f.took(); got != s.want || describe(err) != s.err {
						t.Errorf("step %d: %s; %v\nwant %s; %s", i, got, err, s.want, s.err)
					}
				}
				p.close()
				p.close()
				if got := f.took(); got != tt.end {
					t.Errorf("closed: %s, want %s", got, tt.end)
				}
				if err := p.do(t.Context(), use(nil)); !errors.Is(err, errClosed) {
					t.Errorf("afterwards: %v", err)
				}
			})
		})
	}
}

func TestThePoolHasNoMoreThanItsSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &factory{}
		p := newPool(f.open, poolOptions{log: slog.New(slog.DiscardHandler)})
		free := make(chan struct{})
		for range most {
			go func() { _ = p.do(t.Context(), func(context.Context, *line) error { <-free; return nil }) }()
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := p.do(ctx, func(context.Context, *line) error { t.Error("one more"); return nil })
		if !errors.Is(err, context.DeadlineExceeded) || describe(err) != "wait for a connection: context deadline exceeded" {
			t.Errorf("%v", err)
		}
		close(free)
		synctest.Wait()
		p.close()
	})
}

func TestClosingThePoolEndsWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &factory{}
		p := newPool(f.open, poolOptions{log: slog.New(slog.DiscardHandler)})
		done := make(chan error, 1)
		go func() {
			done <- p.do(t.Context(), func(ctx context.Context, l *line) error {
				<-ctx.Done()
				l.bad = true
				return context.Cause(ctx)
			})
		}()
		synctest.Wait()
		p.close()
		if err := <-done; !errors.Is(err, errClosed) {
			t.Errorf("%v", err)
		}
		if got := f.took(); got != "open 1, close 1" {
			t.Errorf("%s", got)
		}
	})
}

func TestAPanicLosesTheConnectionAndNoSlot(t *testing.T) {
	f := &factory{}
	p := newPool(f.open, poolOptions{log: slog.New(slog.DiscardHandler)})
	for range 2 * most {
		func() {
			defer func() { _ = recover() }()
			_ = p.do(t.Context(), func(context.Context, *line) error { panic("x") })
		}()
	}
	if err := p.do(t.Context(), func(context.Context, *line) error { return nil }); err != nil {
		t.Error(err)
	}
	p.close()
}
