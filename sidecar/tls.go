package sidecar

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/textfile"
)

// serverTLS is mutual TLS 1.3: the client's certificate must come from the authority, and carry one of the names if there are any.
func serverTLS(c *config.TLS) (*tls.Config, error) {
	cert, err := keyPair(c)
	if err != nil {
		return nil, fmt.Errorf("load the certificate of the sidecar: %w", err)
	}
	pem, err := textfile.Read(c.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("load the authority of clients: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("load the authority of clients: %s has no certificate in PEM form", c.ClientCAFile)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert},
		ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		VerifyConnection: func(state tls.ConnectionState) error { return named(state.PeerCertificates[0], c.ClientNames) },
	}, nil
}

func keyPair(c *config.TLS) (tls.Certificate, error) {
	cert, err := textfile.Read(c.CertFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := textfile.Read(c.KeyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// tlsProblems reports certificates that cannot be used, so that check finds them and serve starts no plugin for them.
func tlsProblems(cfg *config.Config, src *config.Source) (found []config.Problem) {
	// What is missing is the loader's to report.
	if t := cfg.Listen.TLS; t != nil && t.CertFile != "" && t.KeyFile != "" && t.ClientCAFile != "" {
		if _, err := serverTLS(t); err != nil {
			found = append(found, src.Problem(t.Path, err.Error(), ""))
		}
	}
	if t := cfg.Tracing; t != nil {
		if _, err := collectorTLS(t); err != nil {
			found = append(found, src.Problem(config.Join(t.Path, "caFile"), err.Error(), ""))
		}
	}
	return found
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
