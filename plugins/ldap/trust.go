package ldap

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/files"
)

// dialOptions say how a connection is made and as whom.
type dialOptions struct {
	servers  []server // of one directory, the preferred one first
	domain   *domain  // whose DNS says which they are, in the place of servers
	startTLS bool     // whether TLS begins after a request, not at once
	bindDN   string
	password *files.Secret // of bindDN
	external bool          // whether the client certificate is who we are
	timeout  time.Duration
}

// plain tells whether all that is sent can be read on the way.
func (o dialOptions) plain() bool { return o.domain == nil && o.servers[0].tls == nil }

// connection settles where the servers are, how their certificates are verified and as whom the plugin signs in.
func (c Config) connection(check *checker) dialOptions {
	o := dialOptions{startTLS: c.StartTLS}
	urls := c.parseURLs(check)
	if len(urls) > 0 {
		var conf *tls.Config
		scheme, discovered := strings.CutSuffix(urls[0].Scheme, srvSuffix)
		switch {
		case scheme == "ldaps" && c.StartTLS:
			check.wrong("startTLS", "ldaps:// is encrypted from the start", "leave startTLS out, or write ldap:// in url")
		case scheme == "ldaps" || c.StartTLS:
			conf = c.trust(check)
		case discovered:
			check.wrong(c.urlField(0), "without encryption the password would go to whoever answers for DNS", "use startTLS: true, or ldaps+srv://")
		case !c.AllowPlain:
			check.wrong(c.urlField(0), "ldap:// would send the password readable", "use ldaps://, or startTLS: true, or write allowPlain: true")
		}
		if scheme == "ldap" && !discovered && !c.StartTLS {
			c.withoutTLS(check)
		}
		if discovered {
			o.domain = &domain{name: strings.ToLower(urls[0].Host), service: scheme, serverName: c.ServerName, tls: conf}
			urls = nil
		}
		for i, u := range urls {
			o.servers = append(o.servers, server{name: c.urlField(i), address: u.Host, tls: named(conf, c.ServerName, u.Hostname())})
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
		case c.URL == "" && strings.HasSuffix(u.Scheme, srvSuffix):
			check.wrong(c.urlField(i), "DNS gives all servers of a domain", "write it in url alone")
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

// srvSuffix is at the end of a scheme whose host is a domain, of which DNS says where the servers are.
const srvSuffix = "+srv"

// domainName is one of at least two labels, because everything is below one label.
var domainName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

// parseURL reads the address of a server, whose Host always has a port afterwards, or a domain, whose Host never has one.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("not the address of an LDAP server")
	}
	scheme, discovered := strings.CutSuffix(u.Scheme, srvSuffix)
	if scheme != "ldap" && scheme != "ldaps" {
		return nil, errors.New("not the address of an LDAP server")
	}
	switch {
	case u.User != nil:
		return nil, errors.New("an account in the address is not used; there is bindDN for it")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("only a host and a port can be given")
	}
	if discovered {
		if !domainName.MatchString(u.Host) || net.ParseIP(u.Host) != nil {
			return nil, errors.New("+srv takes a domain like example.org, without a port")
		}
		return u, nil
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
