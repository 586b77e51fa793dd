package sql

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/sidecar/files"
)

// Config is what the operator writes.
type Config struct {
	URL          string       `json:"url,omitempty" doc:"address of a PostgreSQL, like postgres://claimsmith@db.example.org/people?sslmode=verify-full, or of a MySQL or MariaDB, like mysql://claimsmith@db.example.org/people; without a password"`
	SQLiteFile   string       `json:"sqliteFile,omitempty" doc:"file of an SQLite database, in the place of url"`
	PasswordFile string       `json:"passwordFile,omitempty" doc:"file that holds the password in one line, and that not everybody can read; read again when it changes"`
	CAFile       string       `json:"caFile,omitempty" doc:"file with the certificate, in PEM, of the authority that signed the server's certificate; default: the authorities that the machine knows"`
	AllowPlain   bool         `json:"allowPlain,omitempty" doc:"whether a connection to another machine may be without TLS, where everybody on the way can read the password and change the answers; default: false"`
	Query        string       `json:"query" doc:"one SELECT with parameters like :email; columns name, groups, flag and number become these facts, all others the fact texts; no row: nobody, two rows: ambiguous"`
	Connections  int          `json:"connections,omitempty" doc:"how many connections there are at a time, from 1 to 50; default: 20"`
	Timeout      sdk.Duration `json:"timeout,omitempty" doc:"how long the database may take for one answer; default: 5s"`
}

// settings are what a Config comes to.
type settings struct {
	query      string        // with placeholders in the place of names
	parameters []string      // in the order of the placeholders
	mysql      *mysql.Config // nil: another database
	password   *files.Secret
	most       int
	timeout    time.Duration
}

// known are the names of parameters.
func known() []string { return []string{"email", "name", "userId", "client", "connector"} }

// settle checks all of c, reads the files it names and makes no network call. Its error is sdk.Problems.
func (c Config) settle() (s settings, _ error) {
	var problems sdk.Problems
	bad := func(path string, err error, hint string) {
		if err != nil {
			problems = append(problems, sdk.Problem{Path: path, Message: err.Error(), Hint: hint})
		}
	}
	switch {
	case (c.URL == "") == (c.SQLiteFile == ""):
		bad("", errors.New("needs one of url and sqliteFile"), "")
	case strings.HasPrefix(c.URL, "mysql:"), strings.HasPrefix(c.URL, "mariadb:"):
		var err error
		s.mysql, err = c.mysqlAddress()
		bad("url", err, "write it like mysql://claimsmith@db.example.org/people")
	case c.URL != "":
		bad("url", c.checkURL(), "write it like postgres://claimsmith@db.example.org/people?sslmode=verify-full")
	default:
		bad("sqliteFile", files.Absolute(c.SQLiteFile), "")
	}
	var err error
	if c.PasswordFile != "" {
		s.password, err = files.OpenSecret(c.PasswordFile)
		bad("passwordFile", err, files.SecretHint(err, c.PasswordFile))
	}
	if c.CAFile != "" {
		_, err := files.Authorities(c.CAFile)
		bad("caFile", err, "")
	}
	s.query, s.parameters, err = placed(c.Query, s.mysql != nil)
	bad("query", err, "")
	switch s.most = c.Connections; {
	case s.most == 0: // of 1,000 newcomers in ten seconds, with 50 ms for each way there and back, 703 got a failure with 10, none with 20
		s.most = 20
	case s.most < 1 || s.most > 50:
		bad("connections", errors.New("must be between 1 and 50"), "")
	}
	const low, high = 100 * time.Millisecond, time.Minute
	switch s.timeout = time.Duration(c.Timeout); {
	case s.timeout == 0:
		s.timeout = 5 * time.Second
	case s.timeout < low || s.timeout > high:
		bad("timeout", fmt.Errorf("must be between %s and %s", low, high), "")
	}
	if len(problems) > 0 {
		return settings{}, problems
	}
	return s, nil
}

func (c Config) checkURL() error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return errors.New("not the address of a PostgreSQL, MySQL or MariaDB")
	}
	if _, given := u.User.Password(); given || u.Query().Has("password") {
		return errPassword
	}
	local := u.Hostname() == "" || strings.HasPrefix(u.Query().Get("host"), "/") || loopback(u.Hostname())
	if mode := u.Query().Get("sslmode"); !local && mode != "verify-full" && mode != "verify-ca" && !c.AllowPlain {
		return errors.New("without sslmode=verify-full everybody on the way can change the answers")
	}
	return nil
}

var errPassword = errors.New("a password does not belong here: use passwordFile")

func loopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// token is a part of a query in which a parameter is none, or a parameter. mysqlToken is one as MySQL reads it, where a backslash hides a quote and
// INTO writes a file.
var (
	token      = regexp.MustCompile(`(?s)'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([A-Za-z_]*)\$.*?\$([A-Za-z_]*)\$|--[^\n]*|/\*.*?\*/|::|:[A-Za-z_][A-Za-z0-9_]*|\$[0-9]+|\?|;`)
	mysqlToken = regexp.MustCompile("(?si)'(?:[^'\\\\]|''|\\\\.)*'|\"(?:[^\"\\\\]|\"\"|\\\\.)*\"|`[^`]*`|--(?:[ \\t][^\\n]*|[\\r\\n]|$)|#[^\\n]*|/\\*.*?\\*/|" +
		":[a-z_][a-z0-9_]*|\\?|;|\\binto\\b")
)

// placed puts placeholders in the place of the names of parameters: $1, $2 ..., and for MySQL a ? for each.
func placed(query string, mysql bool) (text string, parameters []string, err error) {
	first := strings.ToUpper(strings.TrimSpace(query))
	if !strings.HasPrefix(first, "SELECT") && !strings.HasPrefix(first, "WITH") {
		return "", nil, errors.New("must be one SELECT")
	}
	fail := func(text string) { err = errors.New(text) }
	parts := token
	if mysql {
		parts = mysqlToken
	}
	text = parts.ReplaceAllStringFunc(query, func(part string) string {
		switch {
		case part == ";":
			fail("must be one SELECT, without a semicolon")
		case part == "?" || part[0] == '$' && strings.Trim(part[1:], "0123456789") == "":
			fail("parameters have names: write :email")
		case strings.EqualFold(part, "into"):
			fail("must be one SELECT, without INTO, which writes")
		case part[0] == ':' && part != "::":
			name := part[1:]
			if !slices.Contains(known(), name) {
				fail("an unknown parameter: there are :" + strings.Join(known(), ", :"))
			}
			at := slices.Index(parameters, name)
			if mysql || at < 0 {
				parameters, at = append(parameters, name), len(parameters)
			}
			if mysql {
				return "?"
			}
			return "$" + strconv.Itoa(at+1)
		}
		return part
	})
	if err == nil && len(parameters) == 0 {
		err = errors.New("asks the same of everybody: it has no parameter like :email")
	}
	return text, parameters, err
}
