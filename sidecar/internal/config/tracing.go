package config

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Tracing says where spans go. They hold names of clients, connectors, rules and claims, and no people. Relative file names were
// joined to the folder of the configuration.
type Tracing struct {
	Place
	OTLPEndpoint   string `key:"otlpEndpoint" is:"required" doc:"Where spans go, as OTLP over gRPC: https://collector.example.org:4317, or http:// on this machine."`
	Ratio          Ratio  `key:"ratio" doc:"The part of the requests that is traced where the caller does not say: more than 0, 1 at most. Default 0.01."`
	CAFile         string `key:"caFile" doc:"Authority that signed the certificate of otlpEndpoint, PEM. Default: those of the system."`
	AllowPlainHTTP bool   `key:"allowPlainHTTP" doc:"Lets otlpEndpoint begin with http:// for another machine too: whoever is on the way can read which client asked, when, and what was decided. Default false."`
}

// Ratio is a part of a whole: more than 0, 1 at most.
type Ratio float64

// defaultRatio is one request in a hundred.
const defaultRatio = 0.01

// Address is the host and port of the endpoint, and whether it is spoken to without TLS.
func (t *Tracing) Address() (address string, plain bool) {
	scheme, address, _ := strings.Cut(t.OTLPEndpoint, "://")
	return address, scheme == "http"
}

func (r *Ratio) decode(d *decoder, it item) {
	if it.node.Kind != yaml.ScalarNode || it.node.Tag != "!!int" && it.node.Tag != "!!float" {
		d.report(it, "must be a number, not "+describe(it.node), "")
		return
	}
	value, err := strconv.ParseFloat(it.node.Value, 64)
	switch {
	case !plainNumber.MatchString(it.node.Value) || err != nil:
		d.report(it, "must be a number such as 0.01", "")
	case value <= 0:
		d.report(it, "must be more than 0", "to trace nothing leave tracing out")
	case value > 1:
		d.report(it, "must be 1 at most, which is every request", "")
	default:
		*r = Ratio(value)
	}
}

func (r *Ratio) shape(*schemaMaker) shape {
	return shape{"type": "number", "exclusiveMinimum": 0, "maximum": 1}
}

func (d *decoder) checkTracing(t *Tracing) {
	if t == nil || !d.sound(t.Place) || t.OTLPEndpoint == "" {
		return
	}
	path := member(t.Path, "otlpEndpoint")
	_, plain := t.Address()
	u, err := url.Parse(t.OTLPEndpoint)
	switch {
	case !plain && !strings.HasPrefix(t.OTLPEndpoint, "https://"):
		d.wrong(path, "must begin with https:// or http://", "such as https://collector.example.org:4317")
	case err != nil || u.Hostname() == "" || u.Host != strings.TrimPrefix(t.OTLPEndpoint, u.Scheme+"://"):
		d.wrong(path, "must be a host and a port, with nothing around them", "such as https://collector.example.org:4317")
	case !aPort(u.Port()):
		d.wrong(path, "a port from 1 to 65535 is missing", "collectors take OTLP over gRPC at 4317")
	case plain && t.has("caFile"):
		d.wrongKey(member(t.Path, "caFile"), "there is no certificate with http://", "write https:// in otlpEndpoint")
	case plain && !t.AllowPlainHTTP && !onThisMachine(u.Hostname()):
		d.wrong(path, "http:// lets whoever is on the way read which client asked, when, and what was decided", "use https://, or write allowPlainHTTP: true")
	}
}

func aPort(text string) bool {
	number, err := strconv.ParseUint(text, 10, 16)
	return err == nil && number != 0
}

// onThisMachine reports whether nothing that is sent to a host leaves the machine.
func onThisMachine(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

func (t *Tracing) complete(folder string) {
	if t == nil {
		return
	}
	if t.Ratio == 0 {
		t.Ratio = defaultRatio
	}
	t.CAFile = under(folder, t.CAFile)
}
