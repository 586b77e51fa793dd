package pluginhost

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
)

func TestAPluginIsReplacedWithoutLosingACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakeHost(t, Options{})
		defer h.Close()
		api := &lookups{answer: func(context.Context, int) (*pluginv1.LookupResponse, error) {
			<-time.After(2 * time.Second)
			return found(0), nil
		}}
		p := fakePlugin(t, h, "{}", api, func(context.Context) (*instance, error) {
			inst, _ := fakeInstance(2, api)
			return inst, nil
		})
		old := p.sup.current()
		answered := make(chan error, 1)
		go func() {
			_, err := p.Asker(answers.Policy{}).Ask(t.Context(), question(`{}`))
			answered <- err
		}()
		synctest.Wait()
		since := time.Now()
		if err := p.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-answered; err != nil || time.Since(since) != 2*time.Second || p.PID() != 2 {
			t.Errorf("%v after %s, pid %d", err, time.Since(since), p.PID())
		}
		select {
		case <-old.exited:
		default:
			t.Error("the old process lives on")
		}
	})
}

func TestAPluginThatDoesNotStartAnewIsNotReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := newScene()
		defer sc.close()
		sc.fail(errors.New("no licence"))
		if err := sc.replace(t.Context()); err == nil || err.Error() != "no licence" {
			t.Error(err)
		}
		if pid, _, err := sc.got(t, time.Second); pid != 1 || err != nil {
			t.Errorf("the old one does not go on: %d, %v", pid, err)
		}
	})
}

func TestSomebodyWhoAsksForARestartNeedNotWaitForThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := newScene()
		defer sc.close()
		sc.fail(errors.New("no"))
		sc.die()
		<-time.After(3 * time.Minute) // the pauses are long now
		synctest.Wait()
		sc.fail(nil)
		since := time.Now()
		if err := sc.replace(t.Context()); err != nil || time.Since(since) != 0 {
			t.Errorf("%v after %s", err, time.Since(since))
		}
		if _, took, err := sc.got(t, time.Second); err != nil || took != 0 {
			t.Errorf("%v after %s", err, took)
		}
	})
}

func TestAHungCallDoesNotKeepAPluginFromBeingStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakeHost(t, Options{CallTimeout: time.Hour})
		defer h.Close()
		p := fakePlugin(t, h, "{}", &lookups{answer: func(ctx context.Context, _ int) (*pluginv1.LookupResponse, error) { return hung(ctx) }}, nil)
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _ = p.Asker(answers.Policy{}).Ask(impatient, question(`{}`))
		since := time.Now()
		h.Stop(p)
		if took := time.Since(since); took != drainTime {
			t.Errorf("it took %s", took)
		}
	})
}

func TestACrashLoopIsReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &logBuffer{}
		sc := newScene()
		sc.log = slog.New(slog.NewTextHandler(log, nil))
		defer sc.close()
		for range 8 {
			sc.die()
			<-time.After(maxPause * 3 / 2)
			synctest.Wait()
		}
		text := log.String()
		for want, n := range map[string]int{
			`level=WARN msg="plugin crashed"`: patience,
			`level=ERROR msg="plugin crashes again and again: it is down, and started again after growing pauses"`: 1,
			`crash.how="signal: killed"`: patience + 1,
		} {
			if got := strings.Count(text, want); got != n {
				t.Errorf("%d times %s, want %d:\n%s", got, want, n, text)
			}
		}
	})
}

func TestAFileThatIsReplacedReplacesTheProcess(t *testing.T) {
	if !confine.HasFileRules() {
		t.Log("without file rules a process sees the new file")
		return
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "password")
	put := func(text string) {
		t.Helper()
		if err := errors.Join(os.WriteFile(file+".new", []byte(text), 0o600), os.Rename(file+".new", file)); err != nil {
			t.Fatal(err)
		}
	}
	put("one")
	d := playing("good")
	d.Config = json.RawMessage(`{"url":"x","passwordFile":"` + file + `"}`)
	p := start(t, newTestHost(t, Options{}), d)
	before := p.PID()
	put("two")
	if _, err := p.Asker(answers.Policy{}).Ask(within(t, 20*time.Second), question(`{"email":"mum@gmail.com"}`)); err != nil {
		t.Fatal(err)
	}
	if p.PID() == before {
		t.Error("the old process cannot read the new file")
	}
	if s := p.Status(); s.Crashes != 0 {
		t.Errorf("%+v", s)
	}
}

// TestRestartsLeaveNothingBehind restarts a thousand times in CI, where what is left by one in a hundred shows, and a hundred times elsewhere. Four plugins take turns, so that
// a machine with several processors has something for each.
func TestRestartsLeaveNothingBehind(t *testing.T) {
	const plugins = 4
	restarts := 100
	if os.Getenv("CLAIMSMITH_CI") != "" {
		restarts = 1000
	}
	h := newTestHost(t, Options{Log: slog.New(slog.DiscardHandler)})
	all := make([]*Plugin, plugins)
	for i := range all {
		d := playing("good")
		d.Name += strconv.Itoa(i)
		d.TLS = confine.TLSOff                // faster; keys and certificates are no descriptors
		d.Limits.Readable = []string{"/proc"} // there the race detector reads GORACE, without which a process takes a second to end
		all[i] = start(t, h, d)
	}
	round := func(n int) {
		var turns errgroup.Group
		for _, p := range all {
			turns.Go(func() error {
				for range n / plugins {
					if err := p.Restart(t.Context()); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := turns.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	round(3 * plugins)
	files, goroutines, processes := openFiles(), runtime.NumGoroutine(), len(children(t))
	round(restarts)
	noMore(t, "open files", files, openFiles)
	noMore(t, "goroutines", goroutines, runtime.NumGoroutine)
	noMore(t, "processes", processes, func() int { return len(children(t)) })
	left, err := os.ReadDir(h.sockets)
	left = slices.DeleteFunc(left, func(e os.DirEntry) bool { return !e.IsDir() })
	if err != nil || len(left) > 2*plugins { // of each: its working directory, and that of its socket
		t.Errorf("%d directories are left, %v", len(left), err)
	}
}

// noMore waits until there is not more of something than there was: what is about to end takes a moment, and what leaks stays.
func noMore(t *testing.T, what string, most int, count func() int) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(20 * time.Second); ; {
		got := count()
		if got <= most {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Errorf("%d %s, there were %d", got, what, most)
			return
		}
	}
}

func openFiles() int {
	entries, _ := os.ReadDir("/dev/fd")
	return len(entries)
}

// TestProcessesLeaveNoDescriptor is the same for that part which opens descriptors of its own, alone.
func TestProcessesLeaveNoDescriptor(t *testing.T) {
	s := newSpawner()
	defer s.close()
	run := func() {
		out := &words{log: slog.New(slog.DiscardHandler), refuses: confine.Declaration{}.Refused}
		p := newProcess([]string{"/bin/true"}, t.TempDir(), s.start, func(int) {}, out)
		if err := p.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-p.exited
	}
	run()
	before := openFiles()
	for range 1000 {
		run()
	}
	noMore(t, "open files", before, openFiles)
}
