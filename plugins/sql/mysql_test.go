package sql

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

// maria is a database with people, and what a Config needs to get there.
type maria struct {
	database, password, ca string
	tls                    Config // a connection with TLS, without a query
}

// startMaria fills a database of a server with TLS, whose certificate is for 127.0.0.1.
func startMaria(t *testing.T, statements ...string) maria {
	t.Helper()
	web := httptest.NewTLSServer(nil)
	web.Close()
	key, err := x509.MarshalPKCS8PrivateKey(web.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	m := maria{password: put(t, "password", "sesame\n"), ca: put(t, "ca.pem", block("CERTIFICATE", web.Certificate().Raw))}
	m.database = mariadb.Database(t, "--ssl-cert="+m.ca, "--ssl-key="+put(t, "key.pem", block("PRIVATE KEY", key)), "--default-time-zone=+09:00", "--character-set-server=utf8mb4", "--sql-mode=")
	mariadb.Run(t, m.database, append([]string{
		"CREATE OR REPLACE USER claimsmith IDENTIFIED BY 'sesame'", "GRANT SELECT, INSERT, EXECUTE ON " + m.database + ".* TO claimsmith",
	}, statements...)...)
	m.tls = Config{URL: m.url("127.0.0.1", "?ssl-mode=VERIFY_IDENTITY"), CAFile: m.ca, PasswordFile: m.password}
	return m
}

func (m maria) url(host, options string) string {
	return fmt.Sprintf("mysql://claimsmith@%s:%d/%s%s", host, mariadb.Port, m.database, options)
}

func (m maria) asking(query string) Config {
	c := m.tls
	c.Query = query
	return c
}

func put(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func TestMariaDB(t *testing.T) {
	m := startMaria(t,
		"CREATE TABLE people (login text, mail varchar(100), admin tinyint(1), quota decimal(30, 2), phone text, born datetime(3))",
		"CREATE TABLE members (login text, grp text)",
		`INSERT INTO people VALUES ('ada', 'ada@example.org', true, 12.5, '007', '1815-12-10 01:02:03.5'), ('bob', 'bob@example.org', NULL, NULL, NULL, NULL),
  ('twin1', 'twins@example.org', false, 1, NULL, NULL), ('twin2', 'twins@example.org', false, 1, NULL, NULL), ('odd', 'odd@example.org', 2, 1, NULL, NULL)`,
		`INSERT INTO members VALUES ('ada', 'staff'), ('ada', 'we "are", one'), ('ada', 'staff\\all')`,
	)
	c := sdktest.Start(t, Plugin(), m.asking("SELECT login AS `name`, "+`(SELECT JSON_ARRAYAGG(grp ORDER BY grp) FROM members m WHERE m.login = p.login) AS groups, admin AS flag,
		quota AS number, phone, born, 'it\'s :email' AS quoted FROM people p /* :email? */ WHERE mail = :email AND CAST(mail AS binary) = :email # not :email; nor ? 'this
		-- nor "this`))
	quoted := Text{"quoted", "it's :email"}
	expect(t, c, "ada@example.org", true, "", Facts{Name: ptr("ada"), Groups: []string{"staff", `staff\all`, `we "are", one`}, Flag: ptr(true), Number: ptr(12.5),
		Texts: []Text{{"phone", "007"}, {"born", "1815-12-10T01:02:03.5Z"}, quoted}})
	expect(t, c, "bob@example.org", true, "", Facts{Name: ptr("bob"), Groups: []string{}, Texts: []Text{quoted}})
	expect(t, c, "twins@example.org", false, ambiguous, Facts{})
	for _, nobody := range []string{"nobody@example.org", "ADA@example.org", "àda@example.org", "ada@example.org ", `x' OR '1'='1`, `\' OR 1=1 -- `, "a\x00b"} {
		expect(t, c, nobody, false, none, Facts{})
	}
	expect(t, c, "", false, empty, Facts{})
	for i := range 100 { // a record that cannot be read is about nobody else
		if _, _, err := c.Lookup(t.Context(), Params{Email: ptr("odd@example.org")}, nil); status.Code(err) != codes.DataLoss {
			t.Fatalf("%d: %v", i, err)
		}
		expect(t, c, "bob@example.org", true, "", Facts{Name: ptr("bob"), Groups: []string{}, Texts: []Text{quoted}})
	}
}

func TestTypesOfMySQL(t *testing.T) {
	m := startMaria(t, "CREATE TABLE odds (day date, noday date, at timestamp NULL, notime datetime, month datetime, yes bit(1), no bit(1), few bit(10))",
		"SET time_zone = '+02:00'", "INSERT INTO odds VALUES ('2024-02-29', '0000-00-00', '2024-02-29 02:00:00', '0000-00-00', '2024-00-10', b'1', b'0', 517)")
	number := func(n float64) Facts { return Facts{Groups: []string{}, Number: &n, Texts: []Text{}} }
	word := func(s string) Facts { return Facts{Groups: []string{}, Texts: []Text{{"word", s}}} }
	flag := func(b bool) Facts { return Facts{Groups: []string{}, Flag: &b, Texts: []Text{}} }
	tests := []struct {
		columns string
		want    Facts
		problem string
	}{
		{"1.25 AS number", number(1.25), ""},
		{"CAST(1.1 AS float) AS number", number(1.1), ""},
		{"1.5e3 AS number", number(1500), ""},
		{"9007199254740992 AS number", number(1 << 53), ""},
		{"9007199254740993 AS number", Facts{}, "the column number would lose digits: give it another name, and it is one of the texts"},
		{"9007199254740993.00 AS number", Facts{}, "the column number would lose digits: give it another name, and it is one of the texts"},
		{"CAST(18446744073709551615 AS unsigned) AS number", Facts{}, "the column number would lose digits: give it another name, and it is one of the texts"},
		{"CAST(18446744073709551615 AS unsigned) AS word", word("18446744073709551615"), ""},
		{"'a' AS number", Facts{}, "the column number is no number"},
		{"true AS flag", flag(true), ""},
		{"yes AS flag", flag(true), ""},
		{"no AS flag", flag(false), ""},
		{"2 AS flag", Facts{}, "the column flag is neither true nor false"},
		{"few AS word", word("517"), ""},
		{"x'FF' AS word", Facts{}, "the column word is no text"},
		{"'😀' AS word", word("😀"), ""},
		{"_latin1 x'E9' AS word", word("é"), ""},
		{"day AS word", word("2024-02-29T00:00:00Z"), ""},
		{"at AS word", word("2024-02-29T00:00:00Z"), ""},
		{"noday AS word", Facts{Groups: []string{}, Texts: []Text{}}, ""},
		{"notime AS word", Facts{Groups: []string{}, Texts: []Text{}}, ""},
		{"month AS word", Facts{}, "the column word is no day of the calendar"},
		{"TIME '10:20:30' AS word", word("10:20:30"), ""},
		{`'["a","b"]' AS groups`, Facts{Groups: []string{"a", "b"}, Texts: []Text{}}, ""},
		{`'["a",1]' AS groups`, Facts{}, "the column groups is neither an array of texts nor a JSON list of them"},
	}
	for _, tt := range tests {
		c := sdktest.Start(t, Plugin(), m.asking("SELECT "+tt.columns+" FROM odds WHERE :email = 'a'"))
		if tt.problem == "" {
			expect(t, c, "a", true, "", tt.want)
			continue
		}
		if _, _, err := c.Lookup(t.Context(), Params{Email: ptr("a")}, nil); status.Code(err) != codes.DataLoss || status.Convert(err).Message() != tt.problem {
			t.Errorf("%s: %v", tt.columns, err)
		}
	}
}

func TestWhatAMariaDBRefuses(t *testing.T) {
	m := startMaria(t, "CREATE TABLE people (login text, born datetime)", "INSERT INTO people VALUES ('ada', '2000-01-01')",
		"CREATE FUNCTION scribble(a text) RETURNS text MODIFIES SQL DATA BEGIN INSERT INTO people (login) VALUES (a); RETURN a; END")
	change := func(query string, f func(*Config)) Config {
		c := m.asking(query)
		f(&c)
		return c
	}
	const query = "SELECT login AS name FROM people WHERE login = :email"
	socket := fmt.Sprintf("mysql://claimsmith@/%s?socket=%s", m.database, mariadb.Socket)
	tests := []struct {
		name string
		c    Config
		code codes.Code
		want string
	}{
		{"TLS", m.asking(query), codes.OK, ""},
		{"a socket", change(query, func(c *Config) { c.URL = socket }), codes.OK, ""},
		{"the machine itself, without TLS", change(query, func(c *Config) { c.URL = m.url("127.0.0.1", "") }), codes.OK, ""},
		{"a certificate of another name", change(query, func(c *Config) { c.URL = m.url("localhost", "?ssl-mode=VERIFY_IDENTITY") }), codes.Unavailable,
			"the certificate of the database is not trusted: check its name in url, and caFile"},
		{"a certificate of another authority", change(query, func(c *Config) { c.CAFile = "" }), codes.Unavailable,
			"the certificate of the database is not trusted: check its name in url, and caFile"},
		{"another password", change(query, func(c *Config) { c.PasswordFile = put(t, "wrong", "barley\n") }), codes.Unavailable,
			"the database does not let us in: check the user in url and passwordFile (error 1045)"},
		{"no database", change(query, func(c *Config) { c.URL = fmt.Sprintf("mysql://claimsmith@127.0.0.1:%d/nothing", mariadb.Port) }), codes.Unavailable,
			"there is no such database, or the user may not use it: check url (error 1044)"},
		{"no server", change(query, func(c *Config) { c.URL = "mysql://a@127.0.0.1:1/a" }), codes.Unavailable, "the database cannot be reached"},
		{"a function that writes", m.asking("SELECT scribble(:email) AS name"), codes.Unavailable, "the query would write, and a plugin reads only (error 1792)"},
		{"a slow one", m.asking("SELECT SLEEP(30) AS number, :email AS mail"), codes.DeadlineExceeded, "the database did not answer within 300ms: context deadline exceeded"},
		{"a table that is not there", m.asking("SELECT * FROM nowhere WHERE a = :email"), codes.Unavailable, "the query is wrong: try it with mysql (error 1146)"},
		{"a table that is not ours", m.asking("SELECT user AS name FROM mysql.user WHERE user = :email"), codes.Unavailable, "the user may not read what the query names: GRANT SELECT (error 1142)"},
		{"a row that does not fit", m.asking("SELECT (SELECT 'a' UNION SELECT :email) AS name"), codes.DataLoss, "the database cannot answer this question (error 1242)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.c.Connections = 1
			if tt.code == codes.DeadlineExceeded {
				tt.c.Timeout = sdk.Duration(300 * time.Millisecond)
			}
			c := sdktest.Start(t, Plugin(), tt.c)
			for range 2 { // the connection is good for the next one
				_, _, err := c.Lookup(t.Context(), Params{Email: ptr("ada")}, nil)
				if status.Code(err) != tt.code || status.Convert(err).Message() != tt.want {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

// TestASlowQueryEndsInMariaDB: the server ends a statement whose reader has gone.
func TestASlowQueryEndsInMariaDB(t *testing.T) {
	m := startMaria(t)
	c := m.asking("SELECT SLEEP(30) AS number, :email AS mail")
	c.Timeout = sdk.Duration(500 * time.Millisecond)
	client := sdktest.Start(t, Plugin(), c)
	if _, _, err := client.Lookup(t.Context(), Params{Email: ptr("ada")}, nil); status.Code(err) != codes.DeadlineExceeded {
		t.Fatal(err)
	}
	waiting := sdktest.Start(t, Plugin(), m.asking("SELECT COUNT(*) AS number FROM information_schema.processlist WHERE user = :name AND info LIKE '%SLEEP(30)%' AND info NOT LIKE '%processlist%'"))
	for range 100 {
		var f Facts
		if _, _, err := waiting.Lookup(t.Context(), Params{Name: ptr("claimsmith")}, &f); err != nil {
			t.Fatal(err)
		}
		if f.Number != nil && *f.Number == 0 {
			return
		}
		<-time.After(50 * time.Millisecond)
	}
	t.Error("the statement goes on in the server")
}

func TestAddressesOfMySQL(t *testing.T) {
	const hint = " (write it like mysql://claimsmith@db.example.org/people)"
	tests := []struct {
		url, to, tls string // tls: the name that the certificate must have
		problem      string
	}{
		{"mysql://claimsmith@db.example.org/people", "tcp db.example.org:3306 claimsmith people", "db.example.org", ""},
		{"mariadb://claimsmith@[2001:db8::1]:3307/people", "tcp [2001:db8::1]:3307 claimsmith people", "2001:db8::1", ""},
		{"mysql://claimsmith@localhost/people", "tcp localhost:3306 claimsmith people", "", ""},
		{"mysql://claimsmith@localhost/people?ssl-mode=VERIFY_IDENTITY", "tcp localhost:3306 claimsmith people", "localhost", ""},
		{"mysql://claimsmith@/people?socket=/run/mysqld/mysqld.sock", "unix /run/mysqld/mysqld.sock claimsmith people", "", ""},
		{"mysql://claimsmith@db.example.org/people?ssl-mode=DISABLED", "", "", "without TLS everybody on the way can change the answers"},
		{"mysql://claimsmith@db.example.org/people?ssl-mode=REQUIRED", "", "", "ssl-mode is VERIFY_IDENTITY, which is the default for other machines, or DISABLED"},
		{"mysql://claimsmith:sesame@db.example.org/people", "", "", "a password does not belong here: use passwordFile"},
		{"mysql://claimsmith@db.example.org/people?password=sesame", "", "", "a password does not belong here: use passwordFile"},
		{"mysql://claimsmith@db.example.org/people?multiStatements=true", "", "", "only ssl-mode and socket can stand behind ?"},
		{"mysql://claimsmith@db.example.org/people?a;b", "", "", "what stands behind ? cannot be read"},
		{"mysql://claimsmith@db.example.org/people?socket=/run/a", "", "",
			"a socket is an absolute path, without a host and without ssl-mode: mysql://claimsmith@/people?socket=/run/mysqld/mysqld.sock"},
		{"mysql://claimsmith@/people", "", "", "names neither a host nor a socket"},
		{"mysql://db.example.org/people", "", "", "not the address of a database of a MySQL, with a user"},
		{"mysql://claimsmith@db.example.org", "", "", "not the address of a database of a MySQL, with a user"},
	}
	for _, tt := range tests {
		s, err := Config{URL: tt.url, Query: "SELECT a AS name FROM b WHERE c = :email"}.settle()
		if tt.problem != "" {
			if err == nil || err.Error() != "url: "+tt.problem+hint {
				t.Errorf("%s: %v", tt.url, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.url, err)
			continue
		}
		name := ""
		if s.mysql.TLS != nil {
			name = s.mysql.TLS.ServerName
		}
		if to := strings.Join([]string{s.mysql.Net, s.mysql.Addr, s.mysql.User, s.mysql.DBName}, " "); to != tt.to || name != tt.tls {
			t.Errorf("%s: %s, %q", tt.url, to, name)
		}
	}
	plain, err := Config{URL: "mysql://a@db.example.org/b?ssl-mode=DISABLED", AllowPlain: true, Query: "SELECT a AS name FROM b WHERE c = :email"}.settle()
	if err != nil || plain.mysql.TLS != nil {
		t.Error(err)
	}
}

func FuzzAddressOfMySQL(f *testing.F) {
	f.Add("mysql://claimsmith@db.example.org/people?ssl-mode=VERIFY_IDENTITY")
	f.Add("mariadb://a@/b?socket=/c")
	f.Fuzz(func(t *testing.T, address string) {
		to, err := Config{URL: address}.mysqlAddress()
		if err != nil {
			return
		}
		u, _ := url.Parse(address) // what was taken can be read
		if to.Net == "tcp" && to.TLS == nil && !loopback(u.Hostname()) || to.Passwd != "" || to.MultiStatements || to.AllowAllFiles || to.AllowCleartextPasswords {
			t.Errorf("%q became %+v", address, to)
		}
	})
}

func TestQueriesOfMySQL(t *testing.T) {
	tests := []struct{ query, want, problem string }{
		{"SELECT a FROM b WHERE c = :email OR d = :name OR e = :email", "SELECT a FROM b WHERE c = ? OR d = ? OR e = ?", ""},
		{"SELECT 'into :name' FROM `into` WHERE c = :email", "SELECT 'into :name' FROM `into` WHERE c = ?", ""},
		{"SELECT 1--:email", "SELECT 1--?", ""},
		{"SELECT a INTO OUTFILE '/tmp/a' FROM b WHERE c = :email", "", "must be one SELECT, without INTO, which writes"},
		{"SELECT a FROM b WHERE c = ?", "", "parameters have names: write :email"},
		{"SELECT a FROM b WHERE c = ':email'", "", "asks the same of everybody: it has no parameter like :email"},
		{`SELECT a FROM b WHERE c = '\':email'`, "", "asks the same of everybody: it has no parameter like :email"},
		{"SELECT a FROM b WHERE c = :email; DROP TABLE b", "", "must be one SELECT, without a semicolon"},
	}
	for _, tt := range tests {
		text, _, err := placed(tt.query, true)
		if tt.problem != "" && (err == nil || err.Error() != tt.problem) || tt.problem == "" && (err != nil || text != tt.want) {
			t.Errorf("%s: %s, %v", tt.query, text, err)
		}
	}
}
