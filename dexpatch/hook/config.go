package claimshook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// defaultTimeout is what an exchange gets when the configuration says nothing.
const defaultTimeout = 3 * time.Second

// maxTimeout keeps a slip of the pen from holding browsers for minutes.
const maxTimeout = time.Minute

// Config is the configuration of a signer of the type claimsHook in Dex: the hook, and the signer that signs what passed it.
type Config struct {
	// Address is unix:///path/of/the.sock, or dns:///host:port, which needs TLS. Required.
	Address string
	// TLS is for dns addresses only.
	TLS *TLS
	// ServerUID is the user id that must own the process at the other end of the socket. Nil: any.
	ServerUID *uint32
	// Timeout is for a whole HTTP exchange: waiting for a connection, a second try and the calls share it. Default 3s.
	Timeout time.Duration
	// Clients are the clients whose tokens are extended: one of them asked, or is in the audience. Empty: every client.
	Clients []string
	// SignUnchanged are clients whose tokens may be signed as they are when the service cannot be reached. A refusal, a bad
	// reply, an error from the service and anything at login are never covered.
	SignUnchanged []string
	// ClaimsSupported are names that discovery lists beside Dex's own.
	ClaimsSupported []string
	// Signer is the signer around which the hook lies, as Dex reads it: {type: local, config: ...}. Empty: the one that Dex has
	// without any configuration.
	Signer json.RawMessage
}

// TLS authenticates both ends of a connection over a network.
type TLS struct {
	// CAFile holds the certificates that the server's must chain to.
	CAFile string `json:"caFile"`
	// CertFile and KeyFile are shown to the server. They are read again for each connection.
	CertFile string `json:"certFile"`
	KeyFile  string `json:"keyFile"`
	// ServerName is the name in the server's certificate. Default: the host of the address.
	ServerName string `json:"serverName"`
}

// UnmarshalJSON reads and checks the configuration. Unlike the rest of Dex's configuration it takes no unknown key, because a
// hook that is configured in part is worse than none.
func (c *Config) UnmarshalJSON(data []byte) error {
	if err := c.decode(data); err != nil {
		return fmt.Errorf("claimsHook: %w", err)
	}
	return nil
}

func (c *Config) decode(data []byte) error {
	var in struct {
		Address         string          `json:"address"`
		TLS             json.RawMessage `json:"tls"`
		ServerUID       *uint32         `json:"serverUid"`
		Timeout         string          `json:"timeout"`
		Clients         []string        `json:"clients"`
		SignUnchanged   []string        `json:"signUnchanged"`
		ClaimsSupported []string        `json:"claimsSupported"`
		Signer          json.RawMessage `json:"signer"`
	}
	err := strict(data, &in, "address", "tls", "serverUid", "timeout", "clients", "signUnchanged", "claimsSupported", "signer")
	if err != nil {
		return err
	}
	*c = Config{
		Address: in.Address, ServerUID: in.ServerUID, Timeout: defaultTimeout,
		Clients: in.Clients, SignUnchanged: in.SignUnchanged, ClaimsSupported: in.ClaimsSupported, Signer: in.Signer,
	}
	if in.Timeout != "" {
		if c.Timeout, err = time.ParseDuration(in.Timeout); err != nil {
			return fmt.Errorf("timeout: %q is no duration like 3s", in.Timeout)
		}
	}
	if in.TLS != nil {
		c.TLS = new(TLS)
		if err := strict(in.TLS, c.TLS, "caFile", "certFile", "keyFile", "serverName"); err != nil {
			return fmt.Errorf("tls: %w", err)
		}
	}
	return c.validate()
}

// strict decodes an object whose keys are spelled exactly like the known ones and have values.
func strict(data []byte, into any, known ...string) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil || members == nil {
		return errors.New("has to be a map of keys and values")
	}
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !slices.Contains(known, name) {
			return fmt.Errorf("unknown key %q; known are %s", name, strings.Join(known, ", "))
		}
		if bytes.Equal(members[name], []byte("null")) {
			return fmt.Errorf("%s has no value", name)
		}
	}
	var wrong *json.UnmarshalTypeError
	if err := json.Unmarshal(data, into); errors.As(err, &wrong) {
		return fmt.Errorf("%s: a %s is not what is wanted here", wrong.Field, wrong.Value)
	} else if err != nil {
		return err
	}
	return nil
}

func (c *Config) validate() error {
	if c.Timeout <= 0 || c.Timeout > maxTimeout {
		return fmt.Errorf("timeout: %s is not between 0 and %s", c.Timeout, maxTimeout)
	}
	lists := map[string][]string{"clients": c.Clients, "signUnchanged": c.SignUnchanged, "claimsSupported": c.ClaimsSupported}
	for _, key := range []string{"clients", "signUnchanged", "claimsSupported"} {
		if slices.Contains(lists[key], "") {
			return fmt.Errorf("%s: has an empty entry", key)
		}
	}
	if path, ok := c.socket(); ok {
		return c.validateSocket(path)
	}
	if _, ok := strings.CutPrefix(c.Address, "dns:///"); ok {
		return c.validateNetwork()
	}
	if c.Address == "" {
		return errors.New("address is missing")
	}
	return fmt.Errorf("address: %q is neither unix:///path nor dns:///host:port", c.Address)
}

func (c *Config) validateSocket(path string) error {
	switch {
	case !filepath.IsAbs(path):
		return fmt.Errorf("address: %q needs an absolute path: unix:///path", c.Address)
	case c.TLS != nil:
		return errors.New("tls: is for dns addresses; a socket is guarded by its mode and by serverUid")
	case c.ServerUID != nil && !peerKnown:
		return errors.New("serverUid: this system does not tell who is at the other end of a socket")
	}
	return nil
}

func (c *Config) validateNetwork() error {
	host, port, err := net.SplitHostPort(strings.TrimPrefix(c.Address, "dns:///"))
	switch {
	case err != nil || host == "" || port == "":
		return fmt.Errorf("address: %q has to be dns:///host:port", c.Address)
	case c.ServerUID != nil:
		return errors.New("serverUid: is for unix addresses")
	case c.TLS == nil:
		return errors.New("tls: is missing; claims do not travel over a network in the clear")
	case c.TLS.CAFile == "" || c.TLS.CertFile == "" || c.TLS.KeyFile == "":
		return errors.New("tls: needs caFile, certFile and keyFile")
	}
	return nil
}

// socket returns the path of a unix address.
func (c *Config) socket() (string, bool) { return strings.CutPrefix(c.Address, "unix://") }

// concerns reports whether tokens of this client and audience are extended.
func (c *Config) concerns(t Token) bool {
	if len(c.Clients) == 0 || slices.Contains(c.Clients, t.ClientID) {
		return true
	}
	return slices.ContainsFunc(t.Audience, func(id string) bool { return slices.Contains(c.Clients, id) })
}

// mayStay reports whether the token may be signed without the service: all whom it concerns agreed to that.
func (c *Config) mayStay(t Token) bool {
	for _, id := range append([]string{t.ClientID}, t.Audience...) {
		if !slices.Contains(c.SignUnchanged, id) {
			return false
		}
	}
	return true
}
