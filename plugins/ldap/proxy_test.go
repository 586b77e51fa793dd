package ldap

import (
	"io"
	"net"
	"sync"
	"testing"
)

// proxy stands between the plugin and a server. It can lose what is on its way.
type proxy struct {
	listener net.Listener
	asked    chan struct{} // gets one for each time that the client sent something while the server was silenced

	mu       sync.Mutex
	server   string
	changed  *sync.Cond
	conns    map[net.Conn]bool // of clients
	dialled  int
	most     int  // connections at a time
	silent   bool // whether answers are held back
	snapping int  // connections that end when the client sends something
	wg       sync.WaitGroup
}

func startProxy(t *testing.T, server string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, server: server, asked: make(chan struct{}, 1000), conns: map[net.Conn]bool{}}
	p.changed = sync.NewCond(&p.mu)
	p.wg.Go(p.accept)
	t.Cleanup(p.stop)
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		address := p.server
		p.mu.Unlock()
		server, err := net.Dial("tcp", address)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns[client] = true
		p.dialled++
		p.most = max(p.most, len(p.conns))
		p.mu.Unlock()
		end := func() {
			_, _ = client.Close(), server.Close()
			p.mu.Lock()
			delete(p.conns, client)
			p.changed.Broadcast()
			p.mu.Unlock()
		}
		p.wg.Go(func() { defer end(); _, _ = io.Copy(server, upward{p, client}) })
		p.wg.Go(func() { defer end(); _, _ = io.Copy(downward{p, client}, server) })
	}
}

// upward is what the client sends.
type upward struct {
	p *proxy
	net.Conn
}

func (u upward) Read(b []byte) (int, error) {
	n, err := u.Conn.Read(b)
	u.p.mu.Lock()
	defer u.p.mu.Unlock()
	if n > 0 && u.p.snapping > 0 {
		u.p.snapping--
		return 0, io.EOF
	}
	if n > 0 && u.p.silent {
		u.p.asked <- struct{}{}
	}
	return n, err
}

// downward is what the server answers.
type downward struct {
	p *proxy
	net.Conn
}

func (d downward) Write(b []byte) (int, error) {
	d.p.mu.Lock()
	for d.p.silent && d.p.conns[d.Conn] {
		d.p.changed.Wait()
	}
	d.p.mu.Unlock()
	return d.Conn.Write(b)
}

func (p *proxy) set(change func(*proxy)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
	p.changed.Broadcast()
}

// empty waits until no connection is left.
func (p *proxy) empty() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.conns) > 0 {
		p.changed.Wait()
	}
}

func (p *proxy) count() (dialled, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dialled, p.most
}

// cut ends all connections.
func (p *proxy) cut() {
	p.set(func(p *proxy) {
		for c := range p.conns {
			_ = c.Close()
		}
	})
	p.empty()
}

func (p *proxy) stop() {
	_ = p.listener.Close()
	p.set(func(p *proxy) {
		p.silent = false
		for c := range p.conns {
			_ = c.Close()
		}
	})
	p.wg.Wait()
}
