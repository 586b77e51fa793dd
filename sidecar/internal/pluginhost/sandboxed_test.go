package pluginhost

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/ldap"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	sqlplugin "github.com/claimsmith/claimsmith/plugins/sql"
	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/statetest"
)

// nameOf asks a plugin for the name of an address; "" if nobody has it.
func nameOf(t *testing.T, h *Host, p *Plugin, address string) string {
	t.Helper()
	answer, err := p.Asker(answers.Policy{}).Ask(within(t, 20*time.Second), question(`{"email":"`+address+`"}`))
	if err != nil {
		return h.Reveal(err.Error())
	}
	name, _ := answer.Facts["name"].(string)
	return name
}

func run(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// writer is an application that has the database of a file open.
func writer(t *testing.T, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// databasePlugin starts the plugin sql with people by their address.
func databasePlugin(t *testing.T, h *Host, c sqlplugin.Config, limits confine.Limits) *Plugin {
	t.Helper()
	d := playing("builtin-sql")
	d.Limits = limits
	c.Query = "SELECT login AS name FROM people WHERE mail = :email"
	var err error
	if d.Config, err = json.Marshal(c); err != nil {
		t.Fatal(err)
	}
	return start(t, h, d)
}

const (
	unreadable = "plugin nas: lookup: unavailable: the database cannot be read: is sqliteFile there, and in WAL mode its folder in limits: {writable: [...]}"
	people     = "CREATE TABLE people (login text, mail text)"
	addMum     = "INSERT INTO people VALUES ('mum', 'mum@example.org')"
	addDad     = "INSERT INTO people VALUES ('dad', 'dad@example.org')"
)

// TestAnSQLiteFileInWALMode: the files beside it are read as far as the limits let the plugin.
func TestAnSQLiteFileInWALMode(t *testing.T) {
	if !confine.HasFileRules() {
		t.Skip("this kernel has no Landlock")
	}
	for _, tt := range []struct {
		name           string
		limits         func(dir string) confine.Limits
		open, added    string // what comes of mum and dad while an application has the database open
		closed, afresh string // of dad, when it has closed it; the other for a plugin that was started then
	}{
		{"no limits", func(string) confine.Limits { return confine.Limits{} }, unreadable, unreadable, unreadable, unreadable},
		{"a readable folder", func(dir string) confine.Limits { return confine.Limits{Readable: []string{dir}} }, "mum", "dad", unreadable, unreadable},
		{"a writable folder", func(dir string) confine.Limits { return confine.Limits{Writable: []string{dir}} }, "mum", "dad", "dad", "dad"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			c := sqlplugin.Config{SQLiteFile: filepath.Join(dir, "people.db")}
			db := writer(t, c.SQLiteFile)
			run(t, db, "PRAGMA journal_mode=WAL", people, addMum)
			h := newTestHost(t, Options{})
			p := databasePlugin(t, h, c, tt.limits(dir))
			got := []string{nameOf(t, h, p, "mum@example.org")}
			run(t, db, addDad)
			got = append(got, nameOf(t, h, p, "dad@example.org"))
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			got = append(got, nameOf(t, h, p, "dad@example.org"))
			got = append(got, nameOf(t, h, databasePlugin(t, h, c, tt.limits(dir)), "dad@example.org"))
			if diff := cmp.Diff([]string{tt.open, tt.added, tt.closed, tt.afresh}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestAnSQLiteFileThatChanges: it is written, locked, replaced and damaged while the plugin runs, which has no limits but its file.
func TestAnSQLiteFileThatChanges(t *testing.T) {
	now := time.Now()
	h := newTestHost(t, Options{Now: func() time.Time { return now }})
	c := sqlplugin.Config{SQLiteFile: filepath.Join(t.TempDir(), "people.db"), Timeout: sdk.Duration(2 * time.Second)}
	db := writer(t, c.SQLiteFile)
	run(t, db, people, addMum)
	p := databasePlugin(t, h, c, confine.Limits{})
	want := func(when, address, name string) {
		t.Helper()
		now = now.Add(time.Minute) // the host looks for replaced files once a second
		if got := nameOf(t, h, p, address+"@example.org"); got != name {
			t.Errorf("%s: %q, want %q", when, got, name)
		}
	}
	want("at first", "mum", "mum")
	run(t, db, addDad)
	want("somebody was added", "dad", "dad")
	run(t, db, "BEGIN EXCLUSIVE")
	locked := time.AfterFunc(300*time.Millisecond, func() { _, _ = db.Exec("COMMIT") })
	want("a lock that is given back", "mum", "mum")
	if locked.Stop() {
		t.Error("the lock was no obstacle")
	}
	run(t, db, "BEGIN EXCLUSIVE")
	want("a lock that stays", "mum", "plugin nas: lookup: unavailable: the database is locked")
	run(t, db, "COMMIT")
	other := writer(t, c.SQLiteFile+".new")
	run(t, other, people, "INSERT INTO people VALUES ('mummy', 'mum@example.org')")
	if err := os.Rename(c.SQLiteFile+".new", c.SQLiteFile); err != nil {
		t.Fatal(err)
	}
	want("replaced", "mum", "mummy")
	want("replaced, and somebody who is gone", "dad", "")
	if err := os.WriteFile(c.SQLiteFile, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	want("damaged", "mum", "plugin nas: lookup: unavailable: sqliteFile is no database, or is damaged")
	if err := os.Remove(c.SQLiteFile); err != nil {
		t.Fatal(err)
	}
	want("removed", "mum", unreadable)
}

// TestDatabasesBehindASocketInTheSandbox: a socket takes no limit.
func TestDatabasesBehindASocketInTheSandbox(t *testing.T) {
	h := newTestHost(t, Options{}) // is closed after the servers have ended
	t.Run("PostgreSQL", func(t *testing.T) {
		var postgres statetest.Postgres
		t.Cleanup(postgres.Stop)
		c := sqlplugin.Config{URL: postgres.Database(t)}
		db, err := sql.Open("pgx", c.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		run(t, db, people, addMum)
		if got := nameOf(t, h, databasePlugin(t, h, c, confine.Limits{}), "mum@example.org"); got != "mum" {
			t.Error(got)
		}
	})
	t.Run("MariaDB", func(t *testing.T) {
		var mariadb statetest.MariaDB
		t.Cleanup(mariadb.Stop)
		name := mariadb.Database(t)
		mariadb.Run(t, name, people, addMum, "CREATE USER claimsmith", "GRANT SELECT ON "+name+".* TO claimsmith")
		c := sqlplugin.Config{URL: fmt.Sprintf("mysql://claimsmith@/%s?socket=%s", name, mariadb.Socket)}
		if got := nameOf(t, h, databasePlugin(t, h, c, confine.Limits{}), "mum@example.org"); got != "mum" {
			t.Error(got)
		}
	})
}

// TestDNSInTheSandbox: the domain does not exist, which DNS says, or nobody answers where there is no network. Nothing is refused by the sandbox.
func TestDNSInTheSandbox(t *testing.T) {
	h := newTestHost(t, Options{})
	password := filepath.Join(t.TempDir(), "password")
	mv(t, password, "secret")
	p := servingOn(t, h, "builtin-ldap", ldap.Config{URL: "ldaps+srv://claimsmith.invalid", Profile: "openldap", BindDN: "cn=a", PasswordFile: password,
		UserSearch: ldap.UserSearch{BaseDN: "dc=example,dc=org"}, Timeout: sdk.Duration(2 * time.Second)})
	got := nameOf(t, h, p, "mum@example.org")
	if !strings.Contains(got, "no such host") && !strings.Contains(got, "no answer in time") && !strings.Contains(got, "server misbehaving") {
		t.Error(got)
	}
}
