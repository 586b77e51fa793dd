package socket

import (
	"net"
	"sync"
	"time"
)

// What a sidecar keeps of whoever connects to it.
const (
	MaxConns    = 128              // connections at a time; Dex has one
	IdleConn    = 10 * time.Minute // after which one without calls is closed: it holds buffers
	MaxStreams  = 256              // calls at a time on one connection
	ShakingTime = 5 * time.Second  // for a connection to become one: one that says nothing keeps the server from stopping
)

// Bounded is a listener with a number of connections at a time. More are closed at once: a caller with a deadline is better served by
// that than by waiting.
type Bounded struct {
	net.Listener
	Full func() // told of each that is closed

	mu   sync.Mutex
	open int
}

func (b *Bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil || b.enter() {
			return b.counted(conn, err)
		}
		_ = conn.Close() // it got nothing
		b.Full()
	}
}

func (b *Bounded) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open >= MaxConns {
		return false
	}
	b.open++
	return true
}

func (b *Bounded) counted(conn net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	return &countedConn{Conn: conn, leave: sync.OnceFunc(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.open--
	})}, nil
}

// countedConn says when it ends.
type countedConn struct {
	net.Conn
	leave func()
}

func (c *countedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
