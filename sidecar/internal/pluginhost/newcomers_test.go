package pluginhost

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/directory"
	httpplugin "github.com/claimsmith/claimsmith/plugins/http"
	"github.com/claimsmith/claimsmith/plugins/ldap"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	sqlplugin "github.com/claimsmith/claimsmith/plugins/sql"
	"github.com/claimsmith/claimsmith/plugins/synology"
	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/statetest"
)

const (
	newcomersAtOnce = 1000                  // on a Monday morning
	between         = 10 * time.Millisecond // two of them
	perAnswer       = 50 * time.Millisecond
	loginTime       = 2 * time.Second // that a login has for everything
)

// monday is what newcomers get, all of whom are there, from a plugin that knows nothing yet.
func monday(t *testing.T, p *Plugin) {
	t.Helper()
	mondayOf(t, p, newcomersAtOnce, between)
}

func mondayOf(t *testing.T, p *Plugin, n int, between time.Duration) {
	t.Helper()
	asker := p.Asker(answers.Policy{TTL: time.Minute, MaxStale: time.Hour})
	var (
		wg     sync.WaitGroup
		failed atomic.Int64
		mu     sync.Mutex
		took   []time.Duration
	)
	if os.Getenv("CLAIMSMITH_CI") == "" {
		n /= 5
	}
	began := time.Now()
	for i := range n {
		<-time.After(time.Until(began.Add(between * time.Duration(i)))) // they arrive by the clock
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), loginTime)
			defer cancel()
			at := time.Now()
			answer, err := asker.Ask(ctx, question(fmt.Sprintf(`{"email":"user%04d@example.org"}`, i)))
			if err != nil || !answer.Found {
				if failed.Add(1) < 4 {
					t.Logf("newcomer %d: %+v, %v", i, answer, err)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(at))
		})
	}
	wg.Wait()
	slices.Sort(took)
	t.Logf("%d of %d got a failure; half waited %s at most, 99 of 100 %s, the last one %s; %+v", failed.Load(), n,
		took[len(took)/2].Round(time.Millisecond), took[len(took)*99/100].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond), p.Status().Counters)
	if failed.Load() > 0 {
		t.Errorf("%d people who are there got a failure", failed.Load())
	}
}

// late is a way to a server, host:port or the path of a socket, on which each answer takes as long as perAnswer.
func late(t *testing.T, server string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	network := "tcp"
	if filepath.IsAbs(server) {
		network = "unix"
	}
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); _ = l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			behind, err := net.Dial(network, server)
			if err != nil {
				_ = client.Close()
				continue
			}
			stop := context.AfterFunc(ctx, func() { _ = client.Close(); _ = behind.Close() })
			wg.Go(func() { _, _ = io.Copy(behind, client); _ = behind.Close() })
			wg.Go(func() {
				defer stop()
				defer client.Close()
				for b := make([]byte, 64<<10); ; {
					n, err := behind.Read(b)
					if err != nil {
						return
					}
					select {
					case <-time.After(perAnswer):
					case <-ctx.Done():
					}
					if _, err := client.Write(b[:n]); err != nil {
						return
					}
				}
			})
		}
	})
	return l.Addr().String()
}

func TestAThousandNewcomersOfAFile(t *testing.T) {
	table := []string{"name,email,groups"}
	for i := range newcomersAtOnce {
		table = append(table, fmt.Sprintf("user%04d,user%04d@example.org,team%d;users", i, i, i%20))
	}
	file := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(file, []byte(strings.Join(table, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	monday(t, serving(t, "builtin-directory", directory.Config{File: file, AllowWritable: true}))
}

func TestAThousandNewcomersOfAWebService(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(perAnswer):
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, `{"groups": ["users"]}`)
	}))
	defer s.Close()
	monday(t, serving(t, "builtin-http", httpplugin.Config{
		URL: s.URL + "/?q={email}", AllowPlainHTTP: true, AllowNetworks: []string{"127.0.0.1"}, Answers: httpplugin.Answers{Groups: "/groups"},
	}))
}

func TestAThousandNewcomersOfALDAPDirectory(t *testing.T) {
	h := newTestHost(t, Options{}) // is closed after the server has ended, and finds no process left
	address, password := slapd(t)
	monday(t, servingOn(t, h, "builtin-ldap", ldap.Config{
		URL: "ldap://" + late(t, address), AllowPlain: true, Profile: "openldap", BindDN: "cn=root,dc=example,dc=org", PasswordFile: password,
		UserSearch:  ldap.UserSearch{BaseDN: "ou=people,dc=example,dc=org"},
		GroupSearch: &ldap.GroupSearch{BaseDN: "ou=groups,dc=example,dc=org"},
	}))
}

func TestAThousandNewcomersOfAPostgreSQL(t *testing.T) {
	h := newTestHost(t, Options{}) // is closed after the server has ended
	var postgres statetest.Postgres
	t.Cleanup(postgres.Stop)
	u, err := url.Parse(postgres.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	monday(t, servingOn(t, h, "builtin-sql", sqlplugin.Config{
		URL:   fmt.Sprintf("postgres://claimsmith@%s%s?sslmode=disable", late(t, u.Query().Get("host")+"/.s.PGSQL.5432"), u.Path),
		Query: `SELECT :email::text AS name, ARRAY['users'] AS groups`,
	}))
}

func TestAThousandNewcomersOfAMariaDB(t *testing.T) {
	h := newTestHost(t, Options{}) // is closed after the server has ended
	var mariadb statetest.MariaDB
	t.Cleanup(mariadb.Stop)
	database := mariadb.Database(t)
	mariadb.Run(t, "", "CREATE USER claimsmith", "GRANT SELECT ON "+database+".* TO claimsmith")
	monday(t, servingOn(t, h, "builtin-sql", sqlplugin.Config{
		URL: fmt.Sprintf("mysql://claimsmith@%s/%s", late(t, mariadb.Socket), database), Query: "SELECT :email AS name, JSON_ARRAY('users') AS groups",
	}))
}

func TestAThousandNewcomersOfAnSQLite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "people.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`CREATE TABLE people (mail text PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
	for i := range newcomersAtOnce {
		if _, err := db.Exec(`INSERT INTO people VALUES (?)`, fmt.Sprintf("user%04d@example.org", i)); err != nil {
			t.Fatal(err)
		}
	}
	p := serving(t, "builtin-sql", sqlplugin.Config{SQLiteFile: file, Query: `SELECT mail AS name FROM people WHERE mail = :email`})
	if race { // SQLite runs in the plugin, in Go, and many times slower
		mondayOf(t, p, newcomersAtOnce/10, 10*between)
		return
	}
	monday(t, p)
}

func TestAThousandNewcomersOfANAS(t *testing.T) {
	o := dsmtest.Options{Service: dsmtest.Account{Name: "claimsmith", Password: "secret"}, Plain: true}
	for i := range newcomersAtOnce {
		o.Accounts = append(o.Accounts, dsmtest.Account{
			Name: fmt.Sprintf("user%04d", i), Email: fmt.Sprintf("user%04d@example.org", i), UID: 2000 + i, Groups: []string{fmt.Sprint("team", i%20)},
		})
	}
	nas, err := dsmtest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nas.Close)
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	monday(t, serving(t, "builtin-synology", synology.Config{
		URL: "http://" + late(t, strings.TrimPrefix(nas.URL(), "http://")), AllowPlainHTTP: true, Account: "claimsmith", PasswordFile: password,
		Timeout: sdk.Duration(5 * time.Second),
	}))
}

// slapd is an OpenLDAP server with a thousand people in twenty groups. It gives its address and a file with the password of cn=root.
func slapd(t *testing.T) (address, password string) {
	t.Helper()
	program, modules := "/usr/sbin/slapd", "/usr/lib/ldap"
	if _, err := os.Stat(program); err != nil {
		text := "slapd is not installed, so nothing was asked of a real server; to enable this: apt-get install slapd (its service need not run)"
		if os.Getenv("CLAIMSMITH_CI") != "" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	dir := t.TempDir()
	put := func(name, content string) string {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	if err := os.Mkdir(dir+"/db", 0o700); err != nil {
		t.Fatal(err)
	}
	conf := put("slapd.conf", `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath `+modules+`
moduleload back_mdb
pidfile `+dir+`/pid
database mdb
suffix dc=example,dc=org
rootdn cn=root,dc=example,dc=org
rootpw secret
directory `+dir+`/db
maxsize 67108864
index objectClass,uid,mail,member,uniqueMember,memberUid,gidNumber eq
`)
	var ldif strings.Builder
	ldif.WriteString("dn: dc=example,dc=org\nobjectClass: domain\ndc: example\n\ndn: ou=people,dc=example,dc=org\nobjectClass: organizationalUnit\n\n" +
		"dn: ou=groups,dc=example,dc=org\nobjectClass: organizationalUnit\n")
	for i := range newcomersAtOnce {
		fmt.Fprintf(&ldif, "\ndn: uid=user%04d,ou=people,dc=example,dc=org\nobjectClass: inetOrgPerson\ncn: c\nsn: c\nuid: user%04d\nmail: user%04d@example.org\n", i, i, i)
	}
	for g := range 20 {
		fmt.Fprintf(&ldif, "\ndn: cn=team%d,ou=groups,dc=example,dc=org\nobjectClass: groupOfNames\ncn: team%d\n", g, g)
		for i := g; i < newcomersAtOnce; i += 20 {
			fmt.Fprintf(&ldif, "member: uid=user%04d,ou=people,dc=example,dc=org\n", i)
		}
	}
	add := exec.Command(program, "-T", "add", "-q", "-f", conf)
	add.Stdin = strings.NewReader(ldif.String())
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("fill the directory: %v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	_ = l.Close()
	cmd := exec.Command(program, "-d", "0", "-f", conf, "-h", "ldap://"+address)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGTERM); <-ended })
	for {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
			return address, put("password", "secret\n")
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("slapd ended: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
