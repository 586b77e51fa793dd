package ldap

import (
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/files"
)

// dialOptions say how a connection is made and as whom.
type dialOptions struct {
	address  string      // host:port
	tls      *tls.Config // nil: none
	startTLS bool        // whether TLS begins after a request, not at once
	bindDN   string
	password *files.Secret // of bindDN
	external bool          // whether the client certificate is who we are
	timeout  time.Duration
}

// plain tells whether all that is sent can be read on the way.
func (o dialOptions) plain() bool { return o.tls == nil }

// connection settles where the server is, how its certificate is verified and as whom the plugin signs in.
func (c Config) connection(check *checker) dialOptions {
	o := dialOptions{startTLS: c.StartTLS}
	u, err := parseURL(c.URL)
	check.bad("url", err, "write it like ldaps://ldap.example.org")
	if err == nil {
		o.address = u.Host
		host := u.Hostname()
		switch {
		case u.Scheme == "ldaps" && c.StartTLS:
			check.wrong("startTLS", "ldaps:// is encrypted from the start", "leave startTLS out, or write ldap:// in url")
		case u.Scheme == "ldaps" || c.StartTLS:
			o.tls = c.trust(check, host)
		case !c.AllowPlain:
			check.wrong("url", "ldap:// would send the password readable", "use ldaps://, or startTLS: true, or write allowPlain: true")
		}
		if u.Scheme == "ldap" && !c.StartTLS {
			c.withoutTLS(check)
		}
	}
	c.identity(check, &o)
	return o
}

// withoutTLS finds what makes no sense without encryption.
func (c Config) withoutTLS(check *checker) {
	for _, f := range []struct{ path, value string }{
		{"caFile", c.CAFile}, {"serverName", c.ServerName}, {"clientCertFile", c.ClientCertFile},
	} {
		if f.value != "" {
			check.wrong(f.path, "there is no certificate without TLS", "write ldaps:// in url, or startTLS: true")
		}
	}
}

// identity settles as whom the plugin signs in.
func (c Config) identity(check *checker, o *dialOptions) {
	var err error
	o.bindDN = c.BindDN
	o.external = c.ClientCertFile != "" && c.BindDN == "" && !c.Anonymous
	switch {
	case c.Anonymous && (c.BindDN != "" || c.PasswordFile != ""):
		check.wrong("anonymous", "given as well as bindDN or passwordFile", "keep one way to sign in")
	case c.BindDN != "":
		o.password, err = files.OpenSecret(c.PasswordFile)
		check.bad("passwordFile", err, files.SecretHint(err, c.PasswordFile))
	case c.PasswordFile != "":
		check.wrong("bindDN", "missing beside passwordFile", "name the account that the password belongs to")
	case !o.external && !c.Anonymous:
		check.wrong("bindDN", "nothing says as whom the plugin signs in", "give bindDN and passwordFile, or clientCertFile, or write anonymous: true")
	}
}

// parseURL reads the address of a server; its Host always has a port.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "ldap" && u.Scheme != "ldaps" || u.Hostname() == "" {
		return nil, errors.New("not the address of an LDAP server")
	}
	switch {
	case u.User != nil:
		return nil, errors.New("an account in the address is not used; there is bindDN for it")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("only a host and a port can be given")
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"ldap": "389", "ldaps": "636"}[u.Scheme]
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, errors.New("the port is not a number from 1 to 65535")
	}
	u.Host = net.JoinHostPort(u.Hostname(), port)
	return u, nil
}

// trust says how the server's certificate is verified and which one is shown to it.
func (c Config) trust(check *checker, host string) *tls.Config {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if c.ServerName != "" {
		conf.ServerName = c.ServerName
	}
	if c.CAFile != "" {
		var err error
		if err = files.Absolute(c.CAFile); err == nil {
			conf.RootCAs, err = files.Authorities(c.CAFile)
		}
		check.bad("caFile", err, "")
	}
	switch {
	case c.ClientCertFile == "" && c.ClientKeyFile != "":
		check.wrong("clientCertFile", "missing beside clientKeyFile", "")
	case c.ClientCertFile != "":
		pair, err := files.OpenKeyPair(c.ClientCertFile, c.ClientKeyFile)
		var at files.PairError
		if errors.As(err, &at) {
			check.bad(at.Field(), at.Err, files.SecretHint(at.Err, map[bool]string{false: c.ClientCertFile, true: c.ClientKeyFile}[at.Key]))
		}
		conf.GetClientCertificate = pair.Current
	}
	return conf
}
