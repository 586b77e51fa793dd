package sidecar_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"google.golang.org/grpc/codes"

	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
)

// gateway is a way to a database that can be closed.
type gateway struct {
	t      *testing.T
	dir    string // where it listens, as PostgreSQL does
	target *pgconn.Config
	all    sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener
	conns    []net.Conn
}

func (g *gateway) socket() string { return filepath.Join(g.dir, ".s.PGSQL.5432") }

func (g *gateway) open() {
	g.t.Helper()
	listener, err := net.Listen("unix", g.socket())
	must(g.t, err)
	g.listener = listener
	g.all.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			network, address := pgconn.NetworkAddress(g.target.Host, g.target.Port)
			out, err := net.Dial(network, address)
			if err != nil {
				in.Close()
				return
			}
			g.mu.Lock()
			g.conns = append(g.conns, in, out)
			g.mu.Unlock()
			for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
				g.all.Go(func() {
					_, _ = io.Copy(way[0], way[1]) // until one of them is closed
					in.Close()
					out.Close()
				})
			}
		}
	})
}

func (g *gateway) close() {
	g.listener.Close()
	g.mu.Lock()
	for _, conn := range g.conns {
		conn.Close()
	}
	g.conns = nil
	g.mu.Unlock()
	g.all.Wait()
}

func TestADatabaseThatIsAwayAtTheStartComesBack(t *testing.T) {
	t.Parallel() // it waits for deadlines
	dsn := postgres.Database(t)
	target, err := pgconn.ParseConfig(dsn)
	must(t, err)
	g := &gateway{t: t, dir: shortDir(t), target: target}
	file := filepath.Join(g.dir, "dsn")
	must(t, os.WriteFile(file, fmt.Appendf(nil, "host=%s port=5432 user=%s password='%s' dbname=%s sslmode=disable", g.dir, target.User, target.Password, target.Database), 0o600))
	h := newHome(t, "{postgresFile: "+file+", keyFile: DIR/key}")

	g.open()
	r := h.starts()
	r.eventually("mum@gmail.com", "mum of plugin")
	r.ends()
	g.close()

	h.nas.SetFault("", dsmtest.Dropped())
	r = h.starts()
	if got, _ := r.gets("mum@gmail.com"); got != codes.Unavailable.String() {
		t.Error(got)
	}
	g.open()
	r.eventually("mum@gmail.com", "mum of stale")
	if c := r.counters(); c.GetLoaded() != 1 || c.GetUnloaded() == 0 {
		t.Errorf("%v", c)
	}
	nothingPersonal(t, r.log.String())
	r.ends()
	g.close()
}
