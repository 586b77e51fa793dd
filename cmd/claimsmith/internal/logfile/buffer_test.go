package logfile

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// taker is a consumer that takes what it is allowed to.
type taker struct {
	gate chan struct{} // nil: takes all
	mu   sync.Mutex
	got  bytes.Buffer
	n    int // writes
}

func (t *taker) Write(p []byte) (int, error) {
	if t.gate != nil {
		<-t.gate
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n++
	return t.got.Write(p)
}

func (t *taker) text() (string, int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.got.String(), t.n
}

func TestLinesAreCollected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out taker
		b := NewBuffer(&out, nil)
		defer b.Close()
		for range 3 {
			_, _ = io.WriteString(b, "line\n")
		}
		time.Sleep(collect - time.Millisecond)
		synctest.Wait()
		if got, _ := out.text(); got != "" {
			t.Errorf("written early: %q", got)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if got, n := out.text(); got != "line\nline\nline\n" || n != 1 {
			t.Errorf("%d writes: %q", n, got)
		}
		_, _ = io.WriteString(b, "urgent\n")
		b.Flush()
		synctest.Wait()
		if got, _ := out.text(); !strings.HasSuffix(got, "urgent\n") {
			t.Errorf("what does not wait waited: %q", got)
		}
	})
}

func TestWhatIsLeftIsWrittenAtTheEnd(t *testing.T) {
	var out taker
	b := NewBuffer(&out, nil)
	_, _ = io.WriteString(b, "last words\n")
	b.Close()
	if got, _ := out.text(); got != "last words\n" {
		t.Errorf("%q", got)
	}
}

// A consumer that is slow makes those who log wait, and loses nothing.
func TestASlowConsumerGetsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := taker{gate: make(chan struct{})}
		b := NewBuffer(&out, func(int) { t.Error("lines were lost") })
		line := []byte(strings.Repeat("x", 99_999) + "\n")
		go func() {
			for range 50 {
				_, _ = b.Write(line)
			}
			b.Close()
		}()
		for got := 0; got < 50*len(line); {
			time.Sleep(patience / 2)
			select {
			case out.gate <- struct{}{}:
			default:
			}
			synctest.Wait()
			text, _ := out.text()
			got = len(text)
		}
	})
}

// A consumer that hangs stops nobody: the buffer keeps what it holds, and says how many lines did not fit once they are taken again.
func TestAConsumerThatHangsStopsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := taker{gate: make(chan struct{})}
		lost := make(chan int, 1)
		b := NewBuffer(&out, func(lines int) { lost <- lines })
		line := []byte(strings.Repeat("x", 9_999) + "\n")
		_, _ = b.Write(line)
		b.Flush()
		synctest.Wait() // the write is under way, and hangs
		start := time.Now()
		const lines = 200 // of which 104 fit
		for range lines {
			_, _ = b.Write(line)
		}
		if took := time.Since(start); took > 2*patience {
			t.Errorf("those who logged waited %s", took)
		}
		close(out.gate)
		b.Close()
		if n := <-lost; n != lines-most/len(line) {
			t.Errorf("%d lines were lost", n)
		}
	})
}
