package ldap

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/files"
)

// dialOptions say how a connection is made and as whom.
type dialOptions struct {
	servers  []server // of one directory, the preferred one first
	startTLS bool     // whether TLS begins after a request, not at once
	bindDN   string
	password *files.Secret // of bindDN
	external bool          // whether the client certificate is who we are
	timeout  time.Duration
}

// server is where one is. Either all servers of a configuration have TLS or none has.
type server struct {
	address string      // host:port
	tls     *tls.Config // nil: none
}

// plain tells whether all that is sent can be read on the way.
func (o dialOptions) plain() bool { return o.servers[0].tls == nil }

// connection settles where the servers are, how their certificates are verified and as whom the plugin signs in.
func (c Config) connection(check *checker) dialOptions {
	o := dialOptions{startTLS: c.StartTLS}
	urls := c.parseURLs(check)
	if len(urls) > 0 {
		var conf *tls.Config
		switch scheme := urls[0].Scheme; {
		case scheme == "ldaps" && c.StartTLS:
			check.wrong("startTLS", "ldaps:// is encrypted from the start", "leave startTLS out, or write ldap:// in url")
		case scheme == "ldaps" || c.StartTLS:
			conf = c.trust(check)
		case !c.AllowPlain:
			check.wrong(c.urlField(0), "ldap:// would send the password readable", "use ldaps://, or startTLS: true, or write allowPlain: true")
		}
		if urls[0].Scheme == "ldap" && !c.StartTLS {
			c.withoutTLS(check)
		}
		for _, u := range urls {
			o.servers = append(o.servers, server{u.Host, named(conf, c.ServerName, u.Hostname())})
		}
	}
	c.identity(check, &o)
	return o
}

// parseURLs reads the addresses of the servers. All have the scheme of the first, so that nobody who stops a server makes the plugin send
// the password readable to another.
func (c Config) parseURLs(check *checker) (urls []*url.URL) {
	given := c.URLs
	switch {
	case c.URL == "" && len(given) == 0:
		check.wrong("url", "nothing says where the server is", "give url, or urls where the directory has several servers")
	case c.URL != "" && len(given) > 0:
		check.wrong("urls", "given as well as url", "keep one of them")
	case len(given) > maxServers:
		check.wrong("urls", fmt.Sprintf("more than %d", maxServers), "")
		return nil
	}
	if c.URL != "" {
		given = []string{c.URL}
	}
	for i, text := range given {
		u, err := parseURL(text)
		switch {
		case err != nil:
			check.bad(c.urlField(i), err, "write it like ldaps://ldap.example.org")
		case len(urls) > 0 && u.Scheme != urls[0].Scheme:
			check.wrong(c.urlField(i), "ldaps:// and ldap:// are mixed", "write the same for all servers")
		default:
			urls = append(urls, u)
		}
	}
	return urls
}

// urlField is the field with the address of a server.
func (c Config) urlField(i int) string {
	if c.URL != "" {
		return "url"
	}
	return fmt.Sprintf("urls[%d]", i)
}

// named is conf for the server at host, whose certificate must have the name given, or else host. It is nil for nil.
func named(conf *tls.Config, given, host string) *tls.Config {
	if conf != nil {
		conf = conf.Clone()
		conf.ServerName = cmp.Or(given, host)
	}
	return conf
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

// trust says how a server's certificate is verified, but for its name, and which one is shown to it.
func (c Config) trust(check *checker) *tls.Config {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
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
