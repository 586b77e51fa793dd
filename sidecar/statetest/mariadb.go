package statetest

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// MariaDB is the MariaDB of some tests, which is started where Debian's package mariadb-server is installed. It has a root without a
// password. Its zero value is ready for use.
type MariaDB struct {
	once   sync.Once
	Socket string // of the server
	Port   int    // of 127.0.0.1
	dir    string
	cmd    *exec.Cmd
	ended  chan struct{}
	err    error
}

// Database makes a database of the test's own and returns its name. Options are those of mariadbd, and count for the first caller.
// Without a server the test is skipped, but for CLAIMSMITH_CI.
func (m *MariaDB) Database(t *testing.T, options ...string) string {
	t.Helper()
	m.once.Do(func() { m.err = m.start(options) })
	if errors.Is(m.err, errNoMariaDB) && os.Getenv("CLAIMSMITH_CI") == "" {
		t.Skip(m.err)
	}
	if m.err != nil {
		t.Fatal(m.err)
	}
	name := "claimsmith_test_" + strings.ToLower(rand.Text())
	m.Run(t, "", "CREATE DATABASE "+name)
	t.Cleanup(func() { m.Run(t, "", "DROP DATABASE "+name) })
	return name
}

// Run runs statements as root in a database, or in none.
func (m *MariaDB) Run(t *testing.T, database string, statements ...string) {
	t.Helper()
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr, c.DBName = "root", "unix", m.Socket, database
	connector, err := mysql.NewConnector(c)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	db.SetMaxOpenConns(1) // a SET holds for what follows
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

var errNoMariaDB = errors.New("no MariaDB here: install Debian's package mariadb-server (its service need not run)")

func (m *MariaDB) start(options []string) (err error) {
	server, install := "/usr/sbin/mariadbd", "/usr/bin/mariadb-install-db"
	if _, err := os.Stat(server); err != nil {
		return errNoMariaDB
	}
	if m.dir, err = os.MkdirTemp("/tmp", "cs-maria-"); err != nil {
		return err
	}
	m.Socket = filepath.Join(m.dir, "socket")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	m.Port = l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	own := []string{"--no-defaults", "--datadir=" + filepath.Join(m.dir, "data")}
	if os.Geteuid() == 0 {
		own = append(own, "--user=root")
	}
	out, err := exec.Command(install, append(own, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", install, err, out)
	}
	said, err := os.Create(filepath.Join(m.dir, "said"))
	if err != nil {
		return err
	}
	defer said.Close()
	own = append(own, "--socket="+m.Socket, "--bind-address=127.0.0.1", "--port="+strconv.Itoa(m.Port), "--pid-file="+filepath.Join(m.dir, "pid"),
		"--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0")
	m.cmd = exec.Command(server, append(own, options...)...)
	m.cmd.Stdout, m.cmd.Stderr = said, said
	if err := m.cmd.Start(); err != nil {
		m.cmd = nil
		return err
	}
	m.ended = make(chan struct{})
	go func() { defer close(m.ended); _ = m.cmd.Wait() }()
	for {
		if c, err := net.Dial("unix", m.Socket); err == nil {
			return c.Close()
		}
		select {
		case <-m.ended:
			text, _ := os.ReadFile(said.Name()) // whatever there is
			return fmt.Errorf("%s ended:\n%s", server, text)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the server, if it was started. Whoever has a MariaDB calls it when all tests are over.
func (m *MariaDB) Stop() {
	if m.cmd != nil {
		_ = m.cmd.Process.Signal(syscall.SIGKILL) // nobody needs what it has
		<-m.ended
	}
	if m.dir != "" {
		if err := os.RemoveAll(m.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}
