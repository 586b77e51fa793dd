package socket

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/files"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
)

// Certificates are the files of listen.tls. Each connection gets what they hold when it begins; while they cannot be used, as in the
// middle of a change, it gets what they held before, which the log says once, and status and metrics as long as it lasts.
type Certificates struct {
	names *config.TLS
	log   *slog.Logger

	mu     sync.Mutex
	seen   []os.FileInfo // of the files when they were read; nil for one that was not there
	good   *tls.Config
	failed error // why what they hold now is not used
}

// NewCertificates reads the files. Nil where the sidecar has none.
func NewCertificates(names *config.TLS, log *slog.Logger) (*Certificates, error) {
	if names == nil {
		return nil, nil
	}
	c := &Certificates{names: names, log: log, seen: stat(names)}
	var err error
	c.good, err = ServerTLS(names)
	return c, err
}

// Config is that of every connection: it asks for the one of each.
func (c *Certificates) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAndVerifyClientCert, SessionTicketsDisabled: true,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.Current(false), nil },
	}
}

// Current returns what a connection that begins now is made with. The files are read when they changed, and when that is wanted.
func (c *Certificates) Current(always bool) *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := stat(c.names) // before they are read: what changes meanwhile is seen the next time
	if !always && slices.EqualFunc(seen, c.seen, sameFile) {
		return c.good
	}
	c.seen = seen
	now, err := ServerTLS(c.names)
	if err == nil {
		if end := now.Certificates[0].Leaf.NotAfter; end.Before(time.Now()) {
			err = fmt.Errorf("the certificate of the sidecar ended on %s", end.UTC().Format(time.RFC3339))
		}
	}
	switch {
	case err == nil:
		c.good = now
		c.log.Info("certificates read again", "not_after", now.Certificates[0].Leaf.NotAfter.UTC().Format(time.RFC3339))
	case c.failed == nil || c.failed.Error() != err.Error():
		c.log.Warn("the certificate files cannot be used: the ones before go on serving", "err", err)
	}
	c.failed = err
	return c.good
}

// State says until when the certificate in use counts, and why what the files hold now is not used.
func (c *Certificates) State() (end time.Time, failed error) {
	good := c.Current(false)
	c.mu.Lock()
	defer c.mu.Unlock()
	return good.Certificates[0].Leaf.NotAfter, c.failed
}

func stat(names *config.TLS) []os.FileInfo {
	var all []os.FileInfo
	for _, name := range []string{names.CertFile, names.KeyFile, names.ClientCAFile} {
		info, err := os.Stat(name)
		if err != nil {
			info = nil
		}
		all = append(all, info)
	}
	return all
}

func sameFile(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// ServerTLS is mutual TLS 1.3: the client's certificate must come from the authority, and carry one of the names if there are any.
func ServerTLS(c *config.TLS) (*tls.Config, error) {
	cert, err := keyPair(c)
	if err != nil {
		return nil, fmt.Errorf("load the certificate of the sidecar: %w", err)
	}
	pool, err := files.Authorities(c.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("load the authority of clients: %s: %w", c.ClientCAFile, err)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}, SessionTicketsDisabled: true,
		ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		VerifyConnection: func(state tls.ConnectionState) error { return named(state.PeerCertificates[0], c.ClientNames) },
	}, nil
}

func keyPair(c *config.TLS) (tls.Certificate, error) {
	cert, err := files.Text(c.CertFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := files.Text(c.KeyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

func named(cert *x509.Certificate, names []string) error {
	if len(names) == 0 {
		return nil
	}
	for _, name := range names {
		if cert.VerifyHostname(name) == nil {
			return nil
		}
	}
	return errors.New("the certificate of the client carries none of listen.tls.clientNames")
}
