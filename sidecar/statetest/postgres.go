// Package statetest gives tests servers of databases, PostgreSQL and MariaDB.
package statetest

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
)

// Postgres is the PostgreSQL of some tests: the one that CLAIMSMITH_POSTGRES names (postgres://...), or one that is started where
// Debian's package postgresql is installed. Its zero value is ready for use.
type Postgres struct {
	once sync.Once
	dir  string // empty: not ours to stop
	url  string
	err  error
}

// Database returns the address of a database of the test's own. Without a server the test is skipped, but for CLAIMSMITH_CI.
func (p *Postgres) Database(t *testing.T) string {
	t.Helper()
	p.once.Do(p.start)
	if errors.Is(p.err, errNoPostgres) && os.Getenv("CLAIMSMITH_CI") == "" {
		t.Skip(p.err)
	}
	if p.err != nil {
		t.Fatal(p.err)
	}
	name := "claimsmith_test_" + strings.ToLower(rand.Text())
	p.run(t, `CREATE DATABASE `+name)
	t.Cleanup(func() { p.run(t, `DROP DATABASE `+name+` WITH (FORCE)`) })
	u, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

var errNoPostgres = errors.New("no PostgreSQL here: install Debian's package postgresql, or name a server with CLAIMSMITH_POSTGRES=postgres://user@host/postgres")

func (p *Postgres) start() {
	if p.url = os.Getenv("CLAIMSMITH_POSTGRES"); p.url != "" {
		return
	}
	bin := p.find()
	if bin == "" {
		p.err = errNoPostgres
		return
	}
	if p.dir, p.err = os.MkdirTemp("/tmp", "cs-pg-"); p.err != nil {
		return
	}
	if os.Geteuid() == 0 {
		// A plugin of a test runs as root without its privileges, and has to get to the socket.
		if p.err = errors.Join(os.Chown(p.dir, nobody, nobody), os.Chmod(p.dir, 0o711)); p.err != nil {
			return
		}
	}
	data := filepath.Join(p.dir, "data")
	p.err = errors.Join(
		p.command(filepath.Join(bin, "initdb"), "-D", data, "-U", "claimsmith", "-A", "trust", "--no-sync"),
		p.command(filepath.Join(bin, "pg_ctl"), "-D", data, "-l", filepath.Join(p.dir, "log"), "-w", "-o", "-F -h '' -k "+p.dir, "start"),
	)
	p.url = "postgres://claimsmith@/postgres?host=" + url.QueryEscape(p.dir)
}

// find returns the folder of the server's programs.
func (p *Postgres) find() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_ctl") // the pattern is well formed
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	if name, err := exec.LookPath("pg_ctl"); err == nil {
		return filepath.Dir(name)
	}
	return ""
}

// nobody is who runs the server where the tests are run by root, whom it refuses.
const nobody = 65534

func (p *Postgres) command(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = p.dir
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	said, err := os.OpenFile(filepath.Join(p.dir, "said"), os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o666) // the server keeps it open
	if err != nil {
		return err
	}
	defer said.Close()
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(said.Name()) // whatever there is
		return fmt.Errorf("%s: %w\n%s", name, err, text)
	}
	return nil
}

// Stop ends the server, if it was started here. Whoever has a Postgres calls it when all tests are over.
func (p *Postgres) Stop() {
	if p.dir == "" {
		return
	}
	err := p.command(filepath.Join(p.find(), "pg_ctl"), "-D", filepath.Join(p.dir, "data"), "-m", "immediate", "-w", "stop")
	if err = errors.Join(err, os.RemoveAll(p.dir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

func (p *Postgres) run(t *testing.T, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", p.url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}
