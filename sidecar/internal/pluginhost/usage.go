package pluginhost

import "sync"

// usage counts who uses something, so that it can be taken away when nobody does.
type usage struct {
	mu     sync.Mutex
	n      int
	closed bool
	idle   chan struct{} // closed when closed and nobody uses it; made by close
}

// begin reports whether it may be used. Whoever may calls end.
func (u *usage) begin() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return false
	}
	u.n++
	return true
}

func (u *usage) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.n--
	if u.closed && u.n == 0 {
		close(u.idle)
	}
}

// close lets nobody in any more. The channel is closed when the last user is gone. It is called once.
func (u *usage) close() <-chan struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed, u.idle = true, make(chan struct{})
	if u.n == 0 {
		close(u.idle)
	}
	return u.idle
}
