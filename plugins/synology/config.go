package synology

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
	_ "time/tzdata" // a container need not have any

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
	"github.com/claimsmith/claimsmith/sidecar/address"
	"github.com/claimsmith/claimsmith/sidecar/files"
)

// Config is what the operator writes.
type Config struct {
	Source         string       `json:"source,omitempty" doc:"where the accounts are read: dsm, DSM's Web API, or snapshot, a file that a task on the NAS writes; default: dsm"`
	URL            string       `json:"url,omitempty" doc:"address of DSM, like https://nas.example.org:5001; needed with source dsm"`
	Account        string       `json:"account,omitempty" doc:"name of a DSM account in the group administrators; make one for this and nothing else; needed with source dsm"`
	PasswordFile   string       `json:"passwordFile,omitempty" doc:"file that holds the password of the account in one line, and that not everybody can read; read before each login; needed with source dsm"`
	DeviceFile     string       `json:"deviceFile,omitempty" doc:"file that holds the id of a trusted device, for an account with a second factor; claimsmith synology enroll writes it"`
	CAFile         string       `json:"caFile,omitempty" doc:"file with the certificate, in PEM, of the authority that signed DSM's certificate; default: the authorities that the machine knows"`
	CertSHA256     string       `json:"certSha256,omitempty" doc:"SHA-256 fingerprint of DSM's own certificate, to accept that one and no other; instead of caFile"`
	AllowPlainHTTP bool         `json:"allowPlainHTTP,omitempty" doc:"whether url may begin with http://, where everybody on the way can read the password; default: false"`
	SnapshotFile   string       `json:"snapshotFile,omitempty" doc:"the file that snapshot.sh writes on the NAS, which only its owner can write; needed with source snapshot"`
	SnapshotMaxAge sdk.Duration `json:"snapshotMaxAge,omitempty" doc:"how old a snapshot may be before the plugin does not know any more; default: 26h, for a task that runs daily"`
	AccountTypes   []string     `json:"accountTypes,omitempty" doc:"the accounts that are read: local, ldap, domain; default: local"`
	Links          []Link       `json:"links,omitempty" doc:"addresses whose account is said here, whatever addresses DSM has; the only way for an administrator to have the fact linked"`
	Refresh        sdk.Duration `json:"refresh,omitempty" doc:"how old the accounts may be before the next lookup reads them again; default: 10m"`
	TimeZone       string       `json:"timeZone,omitempty" doc:"time zone of the NAS, like Europe/Paris, in which its accounts expire; default: that of the machine, which in a container is often UTC"`
	Timeout        sdk.Duration `json:"timeout,omitempty" doc:"how long the NAS may take for one answer; default: 10s"`
}

// Link says whose account an address is.
type Link struct {
	Email string `json:"email" doc:"e-mail address, compared like that of a lookup; each stands here once"`
	Name  string `json:"name" doc:"name of the account, exactly as DSM writes it"`
}

// The values of Config.Source.
const (
	sourceDSM      = "dsm"
	sourceSnapshot = "snapshot"
)

// settings are what a Config comes to.
type settings struct {
	client           dsm.Options
	snapshot         *snapshotFile // instead of a client
	links            map[address.Address]string
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

// settle checks all of c, reads the files it names and makes no network call. Its error is sdk.Problems. The file of a trusted device is
// looked at when enrolled is true, because it is made by means of this configuration.
func (c Config) settle(enrolled bool) (settings, error) {
	var check checker
	var s settings
	switch c.Source {
	case "", sourceDSM:
		c.settleDSM(&check, &s, enrolled)
	case sourceSnapshot:
		c.settleSnapshot(&check, &s)
	default:
		check.bad("source", errors.New("neither dsm nor snapshot"), "")
	}
	s.links = c.linked(&check)
	s.refresh = c.refresh(&check)
	s.timeout = within(&check, "timeout", c.Timeout, 10*time.Second, 100*time.Millisecond, 5*time.Minute)
	s.client.Timeout = s.timeout
	s.place = time.Local
	if c.TimeZone != "" {
		var err error
		if s.place, err = time.LoadLocation(c.TimeZone); err != nil {
			check.bad("timeZone", errors.New("an unknown time zone"), "write it like Europe/Paris, or UTC")
		}
	}
	if len(check.problems) > 0 {
		return settings{}, check.problems
	}
	return s, nil
}

func (c Config) refresh(check *checker) time.Duration {
	return within(check, "refresh", c.Refresh, 10*time.Minute, time.Second, 24*time.Hour)
}

func (c Config) settleDSM(check *checker, s *settings, enrolled bool) {
	s.client = dsm.Options{URL: c.URL, Account: c.Account, AllowPlainHTTP: c.AllowPlainHTTP}
	u, err := dsm.ParseURL(c.URL, c.AllowPlainHTTP)
	check.bad("url", err, "")
	if c.Account == "" {
		check.bad("account", errors.New("the name is empty"), "")
	}
	s.client.Password, err = files.ReadSecret(c.PasswordFile)
	check.bad("passwordFile", err, hintFor(err, c.PasswordFile))
	s.client.Reread = func() string { return orNone(files.ReadSecret(c.PasswordFile)) }
	if c.DeviceFile != "" {
		s.client.Device = func() string { return orNone(readDevice(c.DeviceFile)) }
		if err := files.Absolute(c.DeviceFile); err != nil {
			check.bad("deviceFile", err, "")
		} else if _, err := readDevice(c.DeviceFile); err != nil && enrolled {
			check.bad("deviceFile", err, "claimsmith synology enroll writes it, after asking for a one-time code")
		}
	}
	s.plain = u != nil && u.Scheme == "http"
	s.client.TLS = c.trust(check, s.plain)
	if c.CAFile != "" {
		s.client.Trust = renewed(c.CAFile, s.client.TLS)
	}
	s.client.Kinds = c.kinds(check)
	if c.SnapshotFile != "" {
		check.bad("snapshotFile", errors.New("means nothing without source: snapshot"), "")
	}
	if c.SnapshotMaxAge != 0 {
		check.bad("snapshotMaxAge", errors.New("means nothing without source: snapshot"), "")
	}
}

// kinds are the accounts to be read, each kind once.
func (c Config) kinds(check *checker) (all []dsm.Kind) {
	for i, name := range c.AccountTypes {
		kind := dsm.Kind(name)
		path := fmt.Sprintf("accountTypes[%d]", i)
		switch {
		case kind != dsm.Local && kind != dsm.LDAP && kind != dsm.Domain:
			check.bad(path, errors.New("neither local nor ldap nor domain"), "")
		case slices.Contains(all, kind):
			check.bad(path, errors.New("there is this type before"), "")
		}
		all = append(all, kind)
	}
	return all
}

// linked are the links by address.
func (c Config) linked(check *checker) map[address.Address]string {
	links := map[address.Address]string{}
	for i, link := range c.Links {
		a, ok := address.Parse(link.Email)
		_, before := links[a]
		switch {
		case !ok:
			check.bad(fmt.Sprintf("links[%d].email", i), errors.New("not an e-mail address"), "")
		case before:
			check.bad(fmt.Sprintf("links[%d].email", i), errors.New("there is a link of this address before"), "")
		}
		if link.Name == "" {
			check.bad(fmt.Sprintf("links[%d].name", i), errors.New("the name is empty"), "")
		}
		links[a] = link.Name
	}
	return links
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

// renewed trusts the authorities that are in a file when it is called; those of the last time while none can be read.
func renewed(file string, last *tls.Config) func() *tls.Config {
	var kept atomic.Pointer[tls.Config]
	kept.Store(last)
	return func() *tls.Config {
		if now, err := readCA(file); err == nil {
			kept.Store(now)
		}
		return kept.Load()
	}
}

// maxPEM is the longest file of authorities.
const maxPEM = 1 << 20

func readCA(file string) (*tls.Config, error) {
	pem, _, err := files.Read(file, maxPEM)
	if err != nil {
		return nil, err
	}
	return dsm.TrustCA(pem)
}
