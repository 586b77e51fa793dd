package logfile

import (
	"io"
	"sync"
	"time"
)

const (
	collect  = 50 * time.Millisecond // how long a line waits for others
	soon     = 64 << 10              // bytes that are written without waiting
	most     = 1 << 20               // bytes that wait at most
	patience = time.Second           // how long a full buffer waits for a write before lines are lost
	ending   = 2 * time.Second       // for what is left at the end
)

// Buffer collects lines and writes them behind the back of those who log. It loses none while the lines before are taken: a full
// buffer makes its callers wait. Where a consumer takes nothing for a second, a full buffer drops lines and counts them. It is safe
// for concurrent use.
type Buffer struct {
	out  io.Writer
	lost func(lines int) // called once a consumer takes lines again; may log

	mu      sync.Mutex
	room    *sync.Cond // something was taken
	buf     []byte
	spare   []byte    // takes its place during a write, so that it need not grow again
	since   time.Time // when the write under way began; zero: none is
	dropped int       // lines
	closed  bool

	some, now chan struct{} // something waits; something does not wait for others
	done      chan struct{}
}

// NewBuffer makes a buffer, which is to be closed. lost may be nil.
func NewBuffer(out io.Writer, lost func(lines int)) *Buffer {
	b := &Buffer{out: out, lost: lost, some: make(chan struct{}, 1), now: make(chan struct{}, 1), done: make(chan struct{})}
	b.room = sync.NewCond(&b.mu)
	go b.run()
	return b
}

// Write collects a line. It never fails: a log that cannot be written is no reason for anything else to fail.
func (b *Buffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.buf) > 0 && len(b.buf)+len(line) > most && !b.closed {
		if !b.since.IsZero() && time.Since(b.since) >= patience {
			b.dropped++
			return len(line), nil
		}
		signal(b.now)
		late := time.AfterFunc(patience, b.room.Broadcast)
		b.room.Wait()
		late.Stop()
	}
	b.buf = append(b.buf, line...)
	if len(b.buf) >= soon {
		signal(b.now)
	} else {
		signal(b.some)
	}
	return len(line), nil
}

// Flush has what was collected written at once. It does not wait for that.
func (b *Buffer) Flush() { signal(b.now) }

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (b *Buffer) run() {
	defer close(b.done)
	for done := false; !done; done = b.write() {
		select {
		case <-b.now:
			continue
		case <-b.some:
		}
		wait := time.NewTimer(collect)
		select {
		case <-b.now:
		case <-wait.C:
		}
		wait.Stop()
	}
}

// write writes what was collected. It reports true once the buffer is closed and empty.
func (b *Buffer) write() bool {
	b.mu.Lock()
	if len(b.buf) == 0 {
		defer b.mu.Unlock()
		return b.closed
	}
	data := b.buf
	b.buf, b.spare, b.since = b.spare, nil, time.Now()
	b.mu.Unlock()
	_, _ = b.out.Write(data) // there is nowhere to say that the log cannot be written
	b.mu.Lock()
	lost, closed := b.dropped, b.closed
	b.since, b.dropped = time.Time{}, 0
	if cap(data) <= 2*soon {
		b.spare = data[:0]
	}
	b.room.Broadcast()
	b.mu.Unlock()
	if lost > 0 && b.lost != nil {
		b.lost(lost)
	}
	if closed {
		signal(b.now) // for what came meanwhile
	}
	return false
}

// Close writes what is left, as long as it is taken. Lines that come later are lost.
func (b *Buffer) Close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	signal(b.now)
	select {
	case <-b.done:
	case <-time.After(ending):
	}
}
