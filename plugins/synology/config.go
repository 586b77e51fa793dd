package synology

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
	_ "time/tzdata" // a container need not have any

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
)

// Config is what the operator writes.
type Config struct {
	URL            string       `json:"url" doc:"address of DSM, like https://nas.example.org:5001"`
	Account        string       `json:"account" doc:"name of a DSM account in the group administrators, without second factor; make one for this and nothing else"`
	PasswordFile   string       `json:"passwordFile" doc:"file that holds the password of the account in one line, and that not everybody can read"`
	CAFile         string       `json:"caFile,omitempty" doc:"file with the certificate, in PEM, of the authority that signed DSM's certificate; default: the authorities that the machine knows"`
	CertSHA256     string       `json:"certSha256,omitempty" doc:"SHA-256 fingerprint of DSM's own certificate, to accept that one and no other; instead of caFile"`
	AllowPlainHTTP bool         `json:"allowPlainHTTP,omitempty" doc:"whether url may begin with http://, where everybody on the way can read the password; default: false"`
	Refresh        sdk.Duration `json:"refresh,omitempty" doc:"how old the accounts may be before the next lookup reads them again; default: 10m"`
	TimeZone       string       `json:"timeZone,omitempty" doc:"time zone of the NAS, like Europe/Paris, in which its accounts expire; default: that of the machine, which in a container is often UTC"`
	Timeout        sdk.Duration `json:"timeout,omitempty" doc:"how long the NAS may take for one answer; default: 10s"`
}

// maxSecret is the longest password file.
const maxSecret = 4096

// settings are what a Config comes to.
type settings struct {
	client           dsm.Options
	refresh, timeout time.Duration
	place            *time.Location
	plain            bool // http://
}

// checker collects what is wrong with a configuration.
type checker struct{ problems sdk.Problems }

// bad notes err as a problem of the field at path, if there is one.
func (c *checker) bad(path string, err error, hint string) {
	if err != nil {
		c.problems = append(c.problems, sdk.Problem{Path: path, Message: err.Error(), Hint: hint})
	}
}

// settle checks all of c, reads the files it names and makes no network call. Its error is sdk.Problems.
func (c Config) settle() (settings, error) {
	var check checker
	s := settings{client: dsm.Options{URL: c.URL, Account: c.Account, AllowPlainHTTP: c.AllowPlainHTTP}}
	u, err := dsm.ParseURL(c.URL, c.AllowPlainHTTP)
	check.bad("url", err, "")
	if c.Account == "" {
		check.bad("account", errors.New("the name is empty"), "")
	}
	s.client.Password, err = readPassword(c.PasswordFile)
	check.bad("passwordFile", err, hintFor(err, c.PasswordFile))
	s.plain = u != nil && u.Scheme == "http"
	s.client.TLS = c.trust(&check, s.plain)
	s.refresh = within(&check, "refresh", c.Refresh, 10*time.Minute, time.Second, 24*time.Hour)
	s.timeout = within(&check, "timeout", c.Timeout, 10*time.Second, 100*time.Millisecond, 5*time.Minute)
	s.client.Timeout = s.timeout
	s.place = time.Local
	if c.TimeZone != "" {
		if s.place, err = time.LoadLocation(c.TimeZone); err != nil {
			check.bad("timeZone", errors.New("an unknown time zone"), "write it like Europe/Paris, or UTC")
		}
	}
	if len(check.problems) > 0 {
		return settings{}, check.problems
	}
	return s, nil
}

// trust says how the certificate of the NAS is verified; nil means by the authorities of the machine.
func (c Config) trust(check *checker, plain bool) *tls.Config {
	var ca, pin *tls.Config
	var err error
	if c.CAFile != "" {
		ca, err = readCA(c.CAFile)
		check.bad("caFile", err, "export the certificate in DSM: Control Panel, Security, Certificate")
	}
	if c.CertSHA256 != "" {
		pin, err = dsm.TrustFingerprint(c.CertSHA256)
		check.bad("certSha256", err, "browsers show it among the details of the certificate")
	}
	switch {
	case c.CertSHA256 != "" && c.CAFile != "":
		check.bad("certSha256", errors.New("given as well as caFile"), "keep one of them")
	case plain && c.CAFile != "":
		check.bad("caFile", errors.New("there is no certificate with http://"), "write https:// in url")
	case plain && c.CertSHA256 != "":
		check.bad("certSha256", errors.New("there is no certificate with http://"), "write https:// in url")
	case pin != nil:
		return pin
	}
	return ca
}

// within gives a duration, or its default, that lies between low and high.
func within(check *checker, path string, given sdk.Duration, otherwise, low, high time.Duration) time.Duration {
	switch d := time.Duration(given); {
	case d == 0:
		return otherwise
	case d < low || d > high:
		check.bad(path, fmt.Errorf("must be between %s and %s", low, high), "")
		return otherwise
	default:
		return d
	}
}

func readCA(file string) (*tls.Config, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, withoutName(err)
	}
	return dsm.TrustCA(pem)
}

var (
	errNotPrivate = errors.New("every user of this machine can read or change the file")
	errNotFile    = errors.New("not a file")
)

// readPassword gives the one line of a file that is nobody else's business.
func readPassword(file string) (string, error) {
	if file == "" {
		return "", errors.New("the name of the file is empty")
	}
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return "", withoutName(err)
	case !info.Mode().IsRegular():
		return "", errNotFile
	case info.Size() > maxSecret:
		return "", fmt.Errorf("longer than %d bytes, which no password is", maxSecret)
	case info.Mode().Perm()&0o006 != 0:
		return "", errNotPrivate
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", withoutName(err)
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	switch {
	case password == "":
		return "", errors.New("the file is empty")
	case strings.ContainsAny(password, "\r\n\x00"):
		return "", errors.New("the file holds more than one line")
	}
	return password, nil
}

// hintFor says how to mend a password file.
func hintFor(err error, file string) string {
	switch {
	case errors.Is(err, errNotPrivate):
		return "chmod 0640 " + file
	case errors.Is(err, fs.ErrNotExist):
		return "write the password of the account into " + file
	}
	return ""
}

// withoutName shortens the error of a file whose name the operator sees anyway.
func withoutName(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
