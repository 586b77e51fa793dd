package doctor

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/plugins/synology"
	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
	"github.com/claimsmith/claimsmith/sidecar/duration"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// builtinSynology is the plugin whose NAS is looked at.
const builtinSynology = "synology"

// nas looks at the NAS of a plugin, from the name of its host to its accounts. It stops where the rest would make no sense.
func (d *doctor) nas(ctx context.Context, p replay.DeclaredPlugin) {
	if p.Builtin != builtinSynology {
		return
	}
	d.part = "NAS of plugin " + p.Name
	closed := "the accounts of " + p.Name + " could not be read: see above"
	defer func() { d.closed = cmp.Or(d.closed, closed) }()
	var c synology.Config
	if err := json.Unmarshal(p.Config, &c); err != nil {
		d.wrong("address", "the plugin's configuration cannot be read: "+err.Error(), "claimsmith check -c "+d.o.File+" shows the line")
		return
	}
	if c.Source == "snapshot" {
		d.skip("login", "the accounts come from a snapshot, so nobody signs in; the check of the plugin looked at the file")
		closed = ""
		return
	}
	base, err := dsm.ParseURL(c.URL, c.AllowPlainHTTP)
	if err != nil {
		d.wrong("address", err.Error(), "write url: "+suggested(c.URL))
		return
	}
	if host := strings.ToLower(base.Hostname()); host == "quickconnect.to" || strings.HasSuffix(host, ".quickconnect.to") {
		d.wrong("address", base.Hostname()+" is QuickConnect's relay, which shows a page and no Web API", "write the address of the NAS in your network: url: https://192.0.2.10:5001, and its certSha256")
		return
	}
	if !d.reachable(ctx, base) {
		return
	}
	trust, ok := d.certificate(ctx, base, c)
	if !ok || !d.release(ctx, base, trust, c) {
		return
	}
	if d.broken[p.Name] {
		d.unknown("login", "something is wrong with the configuration of the plugin", "see above")
		return
	}
	closed = d.accounts(ctx, p, c, trust)
}

// suggested is an address of DSM, of the host that is meant if that can be told.
func suggested(given string) string {
	u, err := url.Parse(given)
	if err != nil || u.Hostname() == "" {
		return "https://nas.example.org:5001"
	}
	port := u.Port()
	if u.Scheme == "http" && (port == "" || port == "5000") || u.Scheme != "http" && port == "" {
		port = "5001"
	}
	return "https://" + net.JoinHostPort(u.Hostname(), port)
}

// reachable knocks at the port of the NAS.
func (d *doctor) reachable(ctx context.Context, base *url.URL) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address(base))
	var name *net.DNSError
	switch {
	case errors.As(err, &name):
		d.wrong("address", "the name "+base.Hostname()+" cannot be resolved here", "check url, or write the IP address of the NAS in it and set certSha256")
		return false
	case err != nil:
		d.wrong("address", fmt.Sprintf("nothing answers at %s: %s", address(base), plain(err)),
			here(base.Hostname())+"check that the NAS is awake and in this network, its firewall (Control Panel, Security, Firewall), and the port: DSM is usually at 5001 for https")
		return false
	}
	_ = conn.Close() // it was only a knock
	d.ok("address", "the NAS answers at "+address(base))
	return true
}

// here warns of an address that means this machine.
func here(host string) string {
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return host + " is this machine, and in a container the container itself: write the name or the address of the NAS in url; otherwise "
	}
	return ""
}

// plain is the reason without the addresses that the operator knows.
func plain(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err.Error()
	}
	return err.Error()
}

func address(base *url.URL) string {
	port := base.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[base.Scheme]
	}
	return net.JoinHostPort(base.Hostname(), port)
}

// The APIs by which releases of DSM are told apart.
const (
	apiUser       = "SYNO.Core.User"
	apiUserGroup  = "SYNO.Core.User.Group"
	apiClient     = "SYNO.Core.Directory.OIDC.SSO"
	apiClientOf72 = "SYNO.Core.Directory.SSO.Setting"
)

// release asks the NAS, without a session, which parts of the Web API it has, and what time it is there.
func (d *doctor) release(ctx context.Context, base *url.URL, trust *tls.Config, c synology.Config) bool {
	known, date, err := d.info(ctx, base, trust)
	if err != nil {
		do := "check host and port of url: "
		if base.Path != "" {
			do = "leave " + base.Path + " out of url, unless a reverse proxy has DSM below it; otherwise check host and port: "
		}
		d.wrong("DSM", err.Error(), do+"it is DSM's own address, usually port 5001, and nothing that asks for another login stands before it")
		return false
	}
	d.clock("clock", "the NAS", date)
	switch {
	case !known[apiUser]:
		d.wrong("DSM", "it answers, and does not offer "+apiUser, "this is no DSM that the plugin can read: use a snapshot (source: snapshot)")
		return false
	case !known[apiClient]:
		d.wrong("DSM", "this DSM has no OpenID Connect SSO client, so nobody can sign in to it through Dex", "update to DSM 7.2 or newer")
	case !known[apiClientOf72]:
		d.warn("DSM", "it looks like DSM 7.1: its SSO client takes accounts of a domain or of LDAP, and no local ones", "update to DSM 7.2 or newer for local accounts")
	default:
		d.ok("DSM", "it looks like DSM 7.2 or newer: its SSO client takes local accounts too")
	}
	return true
}

// info is SYNO.API.Info of the NAS: which APIs there are.
func (d *doctor) info(ctx context.Context, base *url.URL, trust *tls.Config) (map[string]bool, string, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	at := base.JoinPath("webapi", "query.cgi")
	at.RawQuery = url.Values{
		"api": {"SYNO.API.Info"}, "version": {"1"}, "method": {"query"},
		"query": {strings.Join([]string{"SYNO.API.Auth", apiUser, apiUserGroup, apiClient, apiClientOf72}, ",")},
	}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, "", err
	}
	transport := &http.Transport{TLSClientConfig: trust.Clone(), DisableKeepAlives: true}
	response, err := transport.RoundTrip(request) // a http.Client would follow redirects
	if err != nil {
		return nil, "", fmt.Errorf("it does not answer: %s", plain(err))
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 && response.StatusCode < 400 {
		return nil, "", errors.New("it sends the question elsewhere: this is a login page, or the http port of a DSM that wants https")
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, "", fmt.Errorf("its answer was cut: %s", plain(err))
	}
	var reply struct {
		Success bool                       `json:"success"`
		Data    map[string]json.RawMessage `json:"data"`
	}
	if json.Unmarshal(body, &reply) != nil || !reply.Success {
		return nil, "", fmt.Errorf("what answers there is not DSM's Web API (HTTP status %d)", response.StatusCode)
	}
	known := map[string]bool{}
	for name := range reply.Data {
		known[name] = true
	}
	return known, response.Header.Get("Date"), nil
}

// maxSkew is how far apart two clocks may be. Tokens and one-time codes depend on them.
const maxSkew = time.Minute

func (d *doctor) clock(name, whose, date string) {
	there, err := http.ParseTime(date)
	if err != nil {
		d.skip(name, whose+" does not say what time it is there")
		return
	}
	skew := d.o.Now().Sub(there).Round(time.Second)
	switch {
	case skew > 5*maxSkew || skew < -5*maxSkew:
		d.wrong(name, fmt.Sprintf("the clocks of %s and of this machine are %s apart: tokens are refused as expired, or as not valid yet", whose, duration.Short(skew.Abs())),
			"let both keep time by NTP: on the NAS in Control Panel, Regional Options, Time")
	case skew > maxSkew || skew < -maxSkew:
		d.warn(name, fmt.Sprintf("the clocks of %s and of this machine are %s apart", whose, duration.Short(skew.Abs())),
			"let both keep time by NTP: on the NAS in Control Panel, Regional Options, Time")
	default:
		d.ok(name, "the clocks of "+whose+" and of this machine agree")
	}
}

// client is one of DSM's Web API as the plugin makes it. The plugin's check has judged the configuration before.
func (d *doctor) client(c synology.Config, trust *tls.Config) (*dsm.Client, error) {
	password, device, err := c.Secrets()
	if err != nil {
		return nil, err
	}
	o := dsm.Options{
		URL: c.URL, Account: c.Account, Password: password, TLS: trust, AllowPlainHTTP: c.AllowPlainHTTP,
		Timeout: time.Duration(c.Timeout), Log: slog.New(slog.DiscardHandler), Now: d.o.Now,
	}
	for _, kind := range c.AccountTypes {
		o.Kinds = append(o.Kinds, dsm.Kind(kind))
	}
	if c.DeviceFile != "" {
		o.Device = func() string { return device }
	}
	return dsm.New(o)
}
