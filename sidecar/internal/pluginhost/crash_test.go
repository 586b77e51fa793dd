package pluginhost

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
)

func TestAFirstCrashCostsNoAnswer(t *testing.T) {
	log := &logBuffer{}
	p := start(t, newTestHost(t, Options{Log: log.logger()}), playing("crash-once"))
	before := p.PID()
	answer, err := p.Asker(answers.Policy{}).Ask(within(t, 20*time.Second), question(`{"email":"mum@gmail.com"}`))
	if err != nil {
		t.Fatal(err)
	}
	if answer.Facts["name"] != "mum" || p.PID() == before {
		t.Errorf("answer %v, pid %d and %d", answer, before, p.PID())
	}
	if s := p.Status(); s.State != Running || s.Crashes != 1 || s.Last != "signal: killed" {
		t.Errorf("status %+v", s)
	}
	if want := "level=WARN msg=\"plugin crashed\" plugin=nas pid="; !strings.Contains(log.String(), want) {
		t.Errorf("log lacks %s:\n%s", want, log)
	}
}

func TestAKilledIdlePluginComesBack(t *testing.T) {
	p := start(t, newTestHost(t, Options{}), playing("good"))
	for range patience + 1 { // the last time it pauses before it starts, and must still be configured
		before := p.sup.current()
		if err := syscall.Kill(before.pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-before.exited
		p.sup.await(t, Running)
		answer, err := p.Asker(answers.Policy{}).Ask(within(t, 20*time.Second), question(`{"email":"mum@gmail.com"}`))
		if err != nil || answer.Facts["name"] != "mum" {
			t.Fatal(answer, err)
		}
	}
}

// await waits until the supervisor has an instance that lives.
func (s *supervisor) await(t *testing.T, want State) {
	t.Helper()
	for {
		s.mu.Lock()
		state, cur, moved := s.state, s.cur, s.moved
		s.mu.Unlock()
		if state == want {
			select {
			case <-cur.exited:
			default:
				return
			}
		}
		select {
		case <-moved:
		case <-time.After(20 * time.Second):
			t.Fatalf("state is %s, want %s", state, want)
		}
	}
}

func TestAPluginMayNotComeBackAsAnother(t *testing.T) {
	log := &logBuffer{}
	p := start(t, newTestHost(t, Options{Log: log.logger()}), playing("changing"))
	_, err := p.Asker(answers.Policy{}).Ask(within(t, 20*time.Second), question(`{"email":"mum@gmail.com"}`))
	if !errors.Is(err, ErrDown) {
		t.Error(err)
	}
	want := `msg="plugin did not restart" plugin=nas err="plugin nas: it describes itself in another way than before: reload the configuration"`
	if !strings.Contains(log.String(), want) {
		t.Errorf("log lacks %s:\n%s", want, log)
	}
	s := p.Status()
	last := s.Last + ", and it does not start again: it describes itself in another way than before: reload the configuration"
	if s.State != Down || s.Crashes != 1 || s.Restarts != 0 || s.Last == "" || s.LastWords() != last {
		t.Errorf("got %+v", s)
	}
}

func TestADeathOfTheConfigurationIsTold(t *testing.T) {
	h := newTestHost(t, Options{})
	p, err := h.Start(within(t, 20*time.Second), playing("dies-of-configuration"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Configure(within(t, 20*time.Second), true)
	const want = "plugin nas: configure: its process ended (exit status 7)"
	if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestCloseIsSafeTwiceAndBounded(t *testing.T) {
	h := newTestHost(t, Options{})
	p := start(t, h, playing("slow-end"))
	q := start(t, h, playing("good"))
	for range 2 {
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []*Plugin{p, q} {
		if s := p.Status(); s.State != Closed || s.PID != 0 {
			t.Errorf("status %+v", s)
		}
		_, err := p.Asker(answers.Policy{}).Ask(t.Context(), question(`{"email":"a@b.c"}`))
		if want := "plugin nas: plugin host is closed"; err == nil || err.Error() != want || !errors.Is(err, answers.ErrClosed) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := h.Start(t.Context(), playing("good")); !errors.Is(err, answers.ErrClosed) {
		t.Errorf("start after close: %v", err)
	}
	if _, err := os.Stat(h.sockets); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory is left: %v", err)
	}
}

func TestAFrozenPluginCannotHoldUpClose(t *testing.T) {
	h := newTestHost(t, Options{})
	p := start(t, h, playing("good"))
	if err := syscall.Kill(p.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- h.Close() }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(closeBudget):
		t.Error("close hangs")
	}
}
