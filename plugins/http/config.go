package http

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	nethttp "net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/sidecar/files"
)

// Config is what the operator writes.
type Config struct {
	URL            string       `json:"url" doc:"address of the service, like https://opa.example.org/v1/data/people; path and values of the query may have placeholders: https://crm.example.org/people/{name}?mail={email}"`
	Method         string       `json:"method,omitempty" doc:"GET or POST; default: POST with a body, else GET"`
	Body           string       `json:"body,omitempty" doc:"JSON to send; its texts may have placeholders: {\"input\": {\"email\": \"{email}\", \"groups\": \"{groups}\"}}"`
	Headers        []Header     `json:"headers,omitempty" doc:"header fields to send: each with name, and value or valueFile"`
	BearerFile     string       `json:"bearerFile,omitempty" doc:"file with a token in one line, sent as Authorization: Bearer; read again when it changes"`
	OAuth2         *OAuth2      `json:"oauth2,omitempty" doc:"how a token is got that is sent as Authorization: Bearer; see below"`
	CAFile         string       `json:"caFile,omitempty" doc:"file with the certificate, in PEM, of the authority that signed the service's certificate; default: the authorities that the machine knows"`
	ClientCertFile string       `json:"clientCertFile,omitempty" doc:"file with a certificate to show to the service, in PEM; read again when it changes"`
	ClientKeyFile  string       `json:"clientKeyFile,omitempty" doc:"file with the key of that certificate, in PEM, and that not everybody can read"`
	Answers        Answers      `json:"answers,omitempty" doc:"where in a reply the facts are, as JSON pointers; see below"`
	NotFound       []int        `json:"notFound,omitempty" doc:"statuses, beside 404, that say that nobody was found, like 204 and 410"`
	Pages          *Pages       `json:"pages,omitempty" doc:"how a reply that is only a part goes on, for groups; see below"`
	AllowNetworks  []string     `json:"allowNetworks,omitempty" doc:"networks such as 10.0.0.0/8, or addresses, that the service may be in although not everybody can reach them; default: none"`
	AllowPlainHTTP bool         `json:"allowPlainHTTP,omitempty" doc:"whether url may begin with http://, where everybody on the way can read and change what is said; default: false"`
	Timeout        sdk.Duration `json:"timeout,omitempty" doc:"how long the service may take for one answer; default: 5s"`
}

// Header is a header field.
type Header struct {
	Name      string `json:"name" doc:"name of the field"`
	Value     string `json:"value,omitempty" doc:"what it says"`
	ValueFile string `json:"valueFile,omitempty" doc:"file that holds it in one line, for what is secret; read again when it changes"`
}

// settings are what a Config comes to.
type settings struct {
	method  string
	target  *target
	body    body // nil: none
	headers []header
	answers *reading
	nobody  []int   // statuses
	pages   *paging // nil: a reply is the whole
	tokens  *tokens // nil: none is sent
	guard   *guard
	tls     *tls.Config // nil: as Go does it
	timeout time.Duration
}

// header is a field whose value may come from a file.
type header struct {
	name, before, value string
	secret              *files.Secret
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
func (c Config) settle() (*settings, error) {
	var check checker
	s := &settings{method: c.Method, answers: c.Answers.parse(&check)}
	s.guard = newGuard(c.networks(&check))
	s.target = c.where(&check, "url", c.URL, s.guard)
	c.what(&check, s)
	s.headers = c.fields(&check)
	s.tls = c.trust(&check)
	s.tokens = c.tokens(&check, s.guard)
	s.nobody = c.notFound(&check)
	s.pages = c.Pages.parse(&check, s)
	const low, high = 100 * time.Millisecond, time.Minute
	switch s.timeout = time.Duration(c.Timeout); {
	case s.timeout == 0:
		s.timeout = 5 * time.Second
	case s.timeout < low || s.timeout > high:
		check.bad("timeout", fmt.Errorf("must be between %s and %s", low, high), "")
	}
	if len(check.problems) > 0 {
		return nil, check.problems
	}
	if s.tokens != nil {
		s.tokens.timeout = s.timeout
	}
	return s, nil
}

func (c Config) notFound(check *checker) []int {
	for i, status := range c.NotFound {
		if status < 200 || status > 499 || status >= 300 && status < 400 || slices.Contains([]int{401, 407, 408, 429}, status) {
			check.bad("notFound["+strconv.Itoa(i)+"]", errors.New("no status that can say so: 204, 410 and others of 2xx and 4xx can"), "")
		}
	}
	return append([]int{nethttp.StatusNotFound}, c.NotFound...)
}

func (c Config) networks(check *checker) (all []netip.Prefix) {
	for i, text := range c.AllowNetworks {
		p, err := parseNetwork(text)
		check.bad("allowNetworks["+strconv.Itoa(i)+"]", err, "")
		if err == nil {
			all = append(all, p)
		}
	}
	return all
}

func (c Config) where(check *checker, path, address string, g *guard) *target {
	t, err := parseTarget(address)
	if err != nil {
		check.bad(path, err, "")
		return nil
	}
	if t.origin.Scheme == "http" && !c.AllowPlainHTTP {
		check.bad(path, errors.New("http:// lets everybody on the way read and change what is said"), "use https://, or write allowPlainHTTP: true")
	}
	if a, ok := t.literalAddress(); ok {
		var no *AddressError
		if err := g.check(a); errors.As(err, &no) {
			check.bad(path, fmt.Errorf("the address is refused (%s)", no.What), fmt.Sprintf("write allowNetworks: [%s] if that is meant", no.Address))
		}
	}
	return t
}

// what checks method and body.
func (c Config) what(check *checker, s *settings) {
	if c.Body != "" {
		var err error
		s.body, err = parseBody(c.Body)
		check.bad("body", err, hintForBody(err))
	}
	switch {
	case c.Method == "" && c.Body != "":
		s.method = nethttp.MethodPost
	case c.Method == "":
		s.method = nethttp.MethodGet
	case c.Method != nethttp.MethodGet && c.Method != nethttp.MethodPost:
		check.bad("method", errors.New("must be GET or POST"), "")
	case c.Method == nethttp.MethodGet && c.Body != "":
		check.bad("method", errors.New("GET has no body"), "write POST, or leave out body")
	}
}

// taken are the header fields that the plugin, or HTTP itself, writes.
var taken = []string{"Accept", "Accept-Encoding", "Connection", "Content-Length", "Content-Type", "Cookie", "Expect", "Host", "Idempotency-Key",
	"Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent", "X-Idempotency-Key"}

func (c Config) fields(check *checker) (all []header) {
	var names []string
	if c.BearerFile != "" {
		names = append(names, "Authorization")
		secret, err := files.OpenSecret(c.BearerFile)
		check.bad("bearerFile", err, files.SecretHint(err, c.BearerFile))
		all = append(all, header{name: "Authorization", before: "Bearer ", secret: secret})
	}
	for i, h := range c.Headers {
		path := "headers[" + strconv.Itoa(i) + "]"
		name := nethttp.CanonicalHeaderKey(h.Name)
		switch {
		case !httpguts.ValidHeaderFieldName(h.Name):
			check.bad(path+".name", errors.New("not the name of a header field"), "")
		case slices.Contains(taken, name):
			check.bad(path+".name", errors.New("this field is not the configuration's to write"), "")
		case slices.Contains(names, name), name == "Authorization" && c.OAuth2 != nil:
			check.bad(path+".name", errors.New("this field is given already"), "")
		}
		names = append(names, name)
		switch {
		case (h.Value == "") == (h.ValueFile == ""):
			check.bad(path, errors.New("needs one of value and valueFile"), "")
		case h.ValueFile != "":
			secret, err := files.OpenSecret(h.ValueFile)
			check.bad(path+".valueFile", err, files.SecretHint(err, h.ValueFile))
			all = append(all, header{name: name, secret: secret})
		case name == "Authorization":
			check.bad(path+".value", errors.New("a secret is not written here"), "put it in a file and write valueFile: PATH")
		case !httpguts.ValidHeaderFieldValue(h.Value):
			check.bad(path+".value", errors.New("holds what no header field can"), "")
		default:
			all = append(all, header{name: name, value: h.Value})
		}
	}
	return all
}

// trust says how the two sides know each other; nil means by the authorities of the machine.
func (c Config) trust(check *checker) *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	plain := strings.HasPrefix(strings.ToLower(c.URL), "http://")
	if plain && (c.CAFile != "" || c.ClientCertFile != "") {
		check.bad("url", errors.New("there are no certificates with http://"), "write https://, or leave out caFile and clientCertFile")
	}
	if c.CAFile != "" {
		config.RootCAs = c.authorities(check, "caFile", c.CAFile)
	}
	switch {
	case (c.ClientCertFile == "") != (c.ClientKeyFile == ""):
		check.bad("clientCertFile", errors.New("clientCertFile and clientKeyFile go together"), "")
	case c.ClientCertFile != "":
		pair, err := files.OpenKeyPair(c.ClientCertFile, c.ClientKeyFile)
		var at files.PairError
		if errors.As(err, &at) {
			check.bad(at.Field(), at.Err, "")
		}
		config.GetClientCertificate = pair.Current
	}
	return config
}

func (c Config) authorities(check *checker, path, file string) (pool *x509.CertPool) {
	err := files.Absolute(file)
	if err == nil {
		pool, err = files.Authorities(file)
	}
	check.bad(path, err, "")
	return pool
}

// hintForBody says how to mend a body that is no JSON.
func hintForBody(err error) string {
	if errors.Is(err, errJSON) {
		return `placeholders stand in quotes: "{email}"`
	}
	return ""
}
