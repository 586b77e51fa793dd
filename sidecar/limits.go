package sidecar

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/pluginhost"
)

// What a sidecar keeps of whoever connects to it.
const (
	maxConns    = 128              // connections at a time; Dex has one
	idleConn    = 10 * time.Minute // after which one without calls is closed: it holds buffers
	maxStreams  = 256              // calls at a time on one connection
	shakingTime = 5 * time.Second  // for a connection to become one: one that says nothing keeps the server from stopping
)

// Limits are all limits of size: those of a request, which hold on every way in, and those of what is kept in memory.
func Limits() []claims.Limit {
	return append(claims.Limits(),
		claims.Limit{What: "request or reply as a whole", Bytes: claims.MaxMessage},
		claims.Limit{What: "answer of a plugin", Bytes: pluginhost.MaxAnswer},
		claims.Limit{What: "kept: answers of plugins", Bytes: pluginhost.MaxKept},
		claims.Limit{What: "kept: answers of \"not found\"", Bytes: pluginhost.MaxKept / 10},
		claims.Limit{What: "kept: answers of current exchanges", Bytes: pluginhost.MaxKept / 2},
		claims.Limit{What: "kept: decisions without values", Count: journal.Kept},
		claims.Limit{What: "kept: payloads of those let in lately", Bytes: journal.MaxPayload, Count: journal.People},
		claims.Limit{What: "kept: requests that wait to be recorded", Bytes: journal.QueuedBytes},
		claims.Limit{What: "connections at a time", Count: maxConns},
		claims.Limit{What: "calls at a time on a connection", Count: maxStreams},
	)
}

// RenderLimits writes the table for people.
func RenderLimits(w io.Writer) error {
	var b strings.Builder
	for _, l := range Limits() {
		said := fmt.Sprintf("%d bytes", l.Bytes)
		switch {
		case l.Count > 0 && l.Bytes > 0:
			said = fmt.Sprintf("%d of %d bytes each", l.Count, l.Bytes)
		case l.Count > 0:
			said = fmt.Sprint(l.Count)
		}
		fmt.Fprintf(&b, "%-38s %s\n", l.What, said)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// bounded is a listener with a number of connections at a time. More are closed at once: a caller with a deadline is better served by
// that than by waiting.
type bounded struct {
	net.Listener
	full func() // told of each that is closed

	mu   sync.Mutex
	open int
}

func (b *bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil || b.enter() {
			return b.counted(conn, err)
		}
		_ = conn.Close() // it got nothing
		b.full()
	}
}

func (b *bounded) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open >= maxConns {
		return false
	}
	b.open++
	return true
}

func (b *bounded) counted(conn net.Conn, err error) (net.Conn, error) {
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
