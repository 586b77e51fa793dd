package pluginhost

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
)

// scene is a supervisor whose instances die when the test says so.
type scene struct {
	*supervisor
	takes time.Duration // a start

	guard  sync.Mutex
	end    func() // of the current instance
	fails  error  // of starts
	starts int
}

// die kills the current instance.
func (sc *scene) die() {
	sc.guard.Lock()
	defer sc.guard.Unlock()
	sc.end()
}

// fail makes starts fail with err, and tells how many there have been.
func (sc *scene) fail(err error) (starts int) {
	sc.guard.Lock()
	defer sc.guard.Unlock()
	sc.fails = err
	return sc.starts
}

func newScene() *scene {
	sc := &scene{}
	first, end := fakeInstance(1, nil)
	sc.end = end
	sc.supervisor = supervise("nas", slog.New(slog.DiscardHandler), first, func(ctx context.Context) (*instance, error) {
		select {
		case <-time.After(sc.takes):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		sc.guard.Lock()
		defer sc.guard.Unlock()
		sc.starts++
		if sc.fails != nil {
			return nil, sc.fails
		}
		var inst *instance
		inst, sc.end = fakeInstance(1+sc.starts, nil)
		return inst, nil
	})
	return sc
}

// got is what a call finds: the pid of its instance or why there is none, and how long it waited.
func (sc *scene) got(t *testing.T, patience time.Duration) (pid int, waited time.Duration, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	since := time.Now()
	inst, err := sc.get(ctx)
	if err != nil {
		return 0, time.Since(since), err
	}
	inst.calls.end()
	return inst.pid, time.Since(since), nil
}

func TestAFirstCrashIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := newScene()
		defer sc.close()
		sc.takes = 2 * time.Second
		sc.die()
		if pid, took, err := sc.got(t, 10*time.Second); pid != 2 || err != nil || took != 2*time.Second {
			t.Errorf("got %d, %v after %s", pid, err, took)
		}
	})
}

func TestNobodyWaitsLongerThanTheirDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := newScene()
		defer sc.close()
		sc.takes = 2 * time.Second
		sc.die()
		_, took, err := sc.got(t, time.Second)
		if want := "plugin nas: restarting: context deadline exceeded"; err == nil || err.Error() != want || took != time.Second {
			t.Errorf("got %v after %s", err, took)
		}
	})
}

func TestAfterTwoCrashesCallsFailAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := newScene()
		defer sc.close()
		for want := 2; want <= 1+patience; want++ {
			sc.die()
			if pid, took, err := sc.got(t, time.Minute); pid != want || err != nil || took != 0 {
				t.Errorf("got %d, %v after %s", pid, err, took)
			}
		}
		sc.die() // once more, nearly at once
		synctest.Wait()
		if _, took, err := sc.got(t, time.Minute); !errors.Is(err, ErrDown) || took != 0 {
			t.Errorf("got %v after %s", err, took)
		}
		<-time.After(firstPause * 3 / 2) // the clock of the bubble
		synctest.Wait()
		if pid, _, err := sc.got(t, time.Minute); pid != 2+patience || err != nil {
			t.Errorf("after the pause: %d, %v", pid, err)
		}
	})
}

func TestPausesGrowAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := newScene()
		defer sc.close()
		sc.fail(errors.New("no"))
		sc.die()
		<-time.After(2 * time.Minute)
		// 0.25 s, 0.5 s, 1 s ... 16 s, 20 s, 20 s ..., each a quarter less or more.
		if starts := sc.fail(nil); starts < 8 || starts > 15 {
			t.Errorf("%d starts in two minutes", starts)
		}
		<-time.After(maxPause * 3 / 2)
		synctest.Wait()
		if _, _, err := sc.got(t, time.Second); err != nil {
			t.Errorf("it did not come back: %v", err)
		}
	})
}

func TestAfterACalmMinuteACrashIsAFirstOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := newScene()
		defer sc.close()
		for want := 2; want < 5; want++ {
			sc.die()
			if pid, took, err := sc.got(t, time.Second); pid != want || err != nil || took != 0 {
				t.Errorf("got %d, %v after %s", pid, err, took)
			}
			<-time.After(calm)
		}
	})
}

func TestCloseEndsAPluginThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := newScene()
		sc.fail(errors.New("no"))
		sc.die()
		synctest.Wait()
		sc.close()
		if _, _, err := sc.got(t, time.Second); !errors.Is(err, answers.ErrClosed) {
			t.Error(err)
		}
	})
}
