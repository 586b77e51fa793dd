package sql

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimsmith/claimsmith/plugins/internal/readmetest"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
	"github.com/claimsmith/claimsmith/sidecar/statetest"
)

var (
	postgres statetest.Postgres
	mariadb  statetest.MariaDB
)

func TestMain(m *testing.M) {
	code := m.Run()
	postgres.Stop()
	mariadb.Stop()
	os.Exit(code)
}

const people = `
CREATE TABLE people (login text, mail text, admin boolean, quota numeric, phone text, born timestamp with time zone);
CREATE TABLE members (login text, grp text);
INSERT INTO people VALUES ('ada', 'ada@example.org', true, 12.5, '007', '1815-12-10T00:00:00Z'), ('bob', 'bob@example.org', NULL, NULL, NULL, NULL),
  ('twin1', 'twins@example.org', false, 1, NULL, NULL), ('twin2', 'twins@example.org', false, 1, NULL, NULL), ('odd', 'odd@example.org', false, 'NaN', NULL, NULL);
INSERT INTO members VALUES ('ada', 'staff'), ('ada', 'we "are", one'), ('ada', 'staff\all');
`

const query = `SELECT login AS name, ARRAY(SELECT grp FROM members m WHERE m.login = p.login ORDER BY grp)::text[] AS groups, admin AS flag, quota AS number, phone, born
FROM people p WHERE mail = :email -- not :a parameter, nor ':this'`

func TestPostgreSQL(t *testing.T) {
	address := postgres.Database(t)
	fill(t, "pgx", address, people)
	c := sdktest.Start(t, Plugin(), Config{URL: address, Query: query})
	all := Facts{Name: ptr("ada"), Groups: []string{"staff", `staff\all`, `we "are", one`}, Flag: ptr(true), Number: ptr(12.5),
		Texts: []Text{{"phone", "007"}, {"born", "1815-12-10T00:00:00Z"}}}
	expect(t, c, "ada@example.org", true, "", all)
	expect(t, c, "bob@example.org", true, "", Facts{Name: ptr("bob"), Groups: []string{}, Texts: []Text{}})
	expect(t, c, "twins@example.org", false, ambiguous, Facts{})
	expect(t, c, "nobody@example.org", false, none, Facts{})
	expect(t, c, "", false, empty, Facts{})
	expect(t, c, "x' OR '1'='1", false, none, Facts{})
	expect(t, c, "a\x00b", false, none, Facts{})
	for i := range 100 { // a record that cannot be read is about nobody else
		if _, _, err := c.Lookup(t.Context(), Params{Email: ptr("odd@example.org")}, nil); status.Code(err) != codes.DataLoss {
			t.Fatalf("%d: %v", i, err)
		}
		if found, _, err := c.Lookup(t.Context(), Params{Email: ptr("bob@example.org")}, nil); !found || err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
}

func TestWhatADatabaseRefuses(t *testing.T) {
	address := postgres.Database(t)
	fill(t, "pgx", address, people+`CREATE FUNCTION scribble(text) RETURNS text LANGUAGE sql AS 'INSERT INTO people (login) VALUES ($1) RETURNING login';`)
	gone, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	gone.Path = "/nothing"
	tests := []struct {
		name, url, query string
		code             codes.Code
		want             string
	}{
		{"a function that writes", address, `SELECT scribble(:email) AS name`, codes.Unavailable, "the query would write, and a plugin reads only (code 25006)"},
		{"a statement that writes", address, `WITH a AS (DELETE FROM people WHERE mail = :email RETURNING login) SELECT login AS name FROM a`, codes.Unavailable,
			"the query would write, and a plugin reads only (code 25006)"},
		{"a slow one", address, `SELECT pg_sleep(30)::text AS name, :email::text AS mail`, codes.DeadlineExceeded,
			"the database did not answer within 300ms: context deadline exceeded"},
		{"a table that is not there", address, `SELECT * FROM nowhere WHERE a = :email`, codes.Unavailable, "the query is wrong: try it with psql (code 42P01)"},
		{"no database", gone.String(), query, codes.Unavailable, "there is no such database: check url (code 3D000)"},
		{"no server", "postgres://a@127.0.0.1:1/a", query, codes.Unavailable, "the database cannot be reached"},
		{"a value that does not fit", address, `SELECT login AS name FROM people WHERE born = :email::timestamptz`, codes.DataLoss,
			"the database cannot answer this question (code 22007)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config := Config{URL: tt.url, Query: tt.query, Connections: 1}
			if tt.code == codes.DeadlineExceeded {
				config.Timeout = sdk.Duration(300 * time.Millisecond)
			}
			c := sdktest.Start(t, Plugin(), config)
			for range 2 { // the connection is good for the next one
				_, _, err := c.Lookup(t.Context(), Params{Email: ptr("ada@example.org")}, nil)
				if status.Code(err) != tt.code || status.Convert(err).Message() != tt.want {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

// TestATableThatIsAltered: what the driver remembers of a query is looked up again.
func TestATableThatIsAltered(t *testing.T) {
	address := postgres.Database(t)
	fill(t, "pgx", address, `CREATE TABLE people (name varchar(10), mail text); INSERT INTO people VALUES ('ada', 'ada@example.org')`)
	c := sdktest.Start(t, Plugin(), Config{URL: address, Query: `SELECT * FROM people WHERE mail = :email`, Connections: 1})
	want := Facts{Name: ptr("ada"), Groups: []string{}, Texts: []Text{{"mail", "ada@example.org"}}}
	expect(t, c, "ada@example.org", true, "", want)
	fill(t, "pgx", address, `ALTER TABLE people ALTER name TYPE text`)
	expect(t, c, "ada@example.org", true, "", want)
	fill(t, "pgx", address, `ALTER TABLE people ADD team text DEFAULT 'blue'`)
	want.Texts = append(want.Texts, Text{"team", "blue"})
	expect(t, c, "ada@example.org", true, "", want)
	m := startMaria(t, `CREATE TABLE people (name varchar(10), mail text)`, `INSERT INTO people VALUES ('ada', 'ada@example.org')`)
	c = sdktest.Start(t, Plugin(), m.asking(`SELECT * FROM people WHERE mail = :email`))
	want.Texts = want.Texts[:1]
	expect(t, c, "ada@example.org", true, "", want)
	mariadb.Run(t, m.database, `ALTER TABLE people MODIFY name text, ADD team varchar(20) DEFAULT 'blue'`)
	want.Texts = append(want.Texts[:1:1], Text{"team", "blue"})
	expect(t, c, "ada@example.org", true, "", want)
}

func TestSQLite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "people.db")
	fill(t, "sqlite", file, `CREATE TABLE people (login text, mail text, admin integer, groups text);
		INSERT INTO people VALUES ('ada', 'ada@example.org', 1, '["staff","wiki"]'), ('odd', 'odd@example.org', 2, NULL)`)
	c := sdktest.Start(t, Plugin(), Config{SQLiteFile: file, Query: `SELECT login AS name, admin AS flag, groups FROM people WHERE mail = :email`})
	expect(t, c, "ada@example.org", true, "", Facts{Name: ptr("ada"), Flag: ptr(true), Groups: []string{"staff", "wiki"}, Texts: []Text{}})
	expect(t, c, "nobody@example.org", false, none, Facts{})
	if _, _, err := c.Lookup(t.Context(), Params{Email: ptr("odd@example.org")}, nil); status.Code(err) != codes.DataLoss {
		t.Error(err)
	}
	gone := sdktest.Start(t, Plugin(), Config{SQLiteFile: file + "x", Query: `SELECT 1 AS number WHERE :email = 'a'`})
	if _, _, err := gone.Lookup(t.Context(), Params{Email: ptr("a")}, nil); status.Convert(err).Message() != "the database cannot be read: is sqliteFile there, and in WAL mode its folder in limits: {writable: [...]}" {
		t.Error(err)
	}
}

func TestWhatIsWrongWithAConfiguration(t *testing.T) {
	good := `SELECT a AS name FROM b WHERE c = :email`
	tests := []struct {
		c    Config
		want string
	}{
		{Config{Query: good}, "needs one of url and sqliteFile"},
		{Config{URL: "oracle://a", Query: good}, "url: not the address of a PostgreSQL, MySQL or MariaDB (write it like postgres://claimsmith@db.example.org/people?sslmode=verify-full)"},
		{Config{URL: "postgres://a:b@localhost/c", Query: good}, "url: a password does not belong here: use passwordFile (write it like postgres://claimsmith@db.example.org/people?sslmode=verify-full)"},
		{Config{URL: "postgres://a@db.example.org/c", Query: good}, "url: without sslmode=verify-full everybody on the way can change the answers (write it like postgres://claimsmith@db.example.org/people?sslmode=verify-full)"},
		{Config{URL: "postgres://a@localhost/c", Query: "DELETE FROM a"}, "query: must be one SELECT"},
		{Config{URL: "postgres://a@localhost/c", Query: good + "; DROP TABLE b"}, "query: must be one SELECT, without a semicolon"},
		{Config{URL: "postgres://a@localhost/c", Query: "SELECT a FROM b WHERE c = $1"}, "query: parameters have names: write :email"},
		{Config{URL: "postgres://a@localhost/c", Query: "SELECT a FROM b WHERE c = :mail"}, "query: an unknown parameter: there are :email, :name, :userId, :client, :connector"},
		{Config{URL: "postgres://a@localhost/c", Query: "SELECT a FROM b"}, "query: asks the same of everybody: it has no parameter like :email"},
		{Config{URL: "postgres://a@localhost/c", Query: good, Connections: 51, Timeout: 1}, "connections: must be between 1 and 50\ntimeout: must be between 100ms and 1m0s"},
	}
	for _, tt := range tests {
		if got := sdktest.Check(t, Plugin(), tt.c).Error(); got != tt.want {
			t.Errorf("got %s\nwant %s", got, tt.want)
		}
	}
}

func FuzzPlaced(f *testing.F) {
	f.Add(query)
	f.Add(`SELECT $a$ :email $a$, '::', "x:email" /* ? */ WHERE :email = :name`)
	f.Fuzz(func(t *testing.T, s string) {
		for _, mysql := range []bool{false, true} {
			text, parameters, err := placed(s, mysql)
			if err == nil && (text == "" || len(parameters) == 0) {
				t.Errorf("%q became %q", s, text)
			}
		}
	})
}

func TestTheREADMEIsTrue(t *testing.T) {
	readmetest.Check(t, readmetest.Plugin{Config: Config{}, Params: Params{}, Facts: Facts{}, Problems: []string{none, ambiguous, empty}})
}

func ptr[T any](v T) *T { return &v }

func fill(t *testing.T, driver, address, text string) {
	t.Helper()
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), text); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, c *sdktest.Client, email string, found bool, problem string, want Facts) {
	t.Helper()
	var got Facts
	ok, why, err := c.Lookup(t.Context(), Params{Email: &email}, &got)
	if ok != found || why != problem || err != nil {
		t.Errorf("%q: found %v, %q, %v", email, ok, why, err)
	}
	if found {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", email, diff)
		}
	}
}
