package claimshook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
)

// files are those of TLS. They are read for each connection; while they cannot be used, as in the middle of a change, those count that
// could be used last.
type files struct {
	names *TLS
	log   *slog.Logger

	mu     sync.Mutex
	good   *tls.Config
	failed error // why newer ones are not used
}

func newFiles(t *TLS, log *slog.Logger) (*files, error) {
	good, err := t.load()
	if err != nil {
		return nil, err
	}
	return &files{names: t, log: log, good: good}, nil
}

// config is what a connection that begins now is made with. A failure is logged once.
func (f *files) config() *tls.Config {
	now, err := f.names.load()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		if end := now.Certificates[0].Leaf.NotAfter; end.Before(time.Now()) {
			err = fmt.Errorf("certFile: the certificate ended on %s", end.UTC().Format(time.RFC3339))
		}
	}
	if err != nil {
		if f.failed == nil || f.failed.Error() != err.Error() {
			f.log.Warn("claims hook: the certificate files cannot be used, the ones before go on", "err", err)
		}
		f.failed = err
		return f.good
	}
	f.good, f.failed = now, nil
	return f.good
}

// state says until when the certificate in use counts, and whether newer files are not used.
func (f *files) state() (end time.Time, stale bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.good.Certificates[0].Leaf.NotAfter, f.failed != nil
}

func (t *TLS) load() (*tls.Config, error) {
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, fmt.Errorf("caFile: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("caFile: %s holds no certificate", t.CAFile)
	}
	cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("certFile, keyFile: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, ServerName: t.ServerName, Certificates: []tls.Certificate{cert}}, nil
}

// handshaker secures each connection with what the files hold, and makes the dialer remember a handshake that failed.
type handshaker struct {
	credentials.TransportCredentials
	files  *files
	dialed *dialer
}

func (h handshaker) ClientHandshake(ctx context.Context, name string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secured, info, err := credentials.NewTLS(h.files.config()).ClientHandshake(ctx, name, conn)
	if err != nil {
		h.dialed.last.Store(&err)
		return nil, nil, err
	}
	return &listening{Conn: secured, dialed: h.dialed}, info, nil
}

func (h handshaker) Clone() credentials.TransportCredentials {
	return handshaker{h.TransportCredentials.Clone(), h.files, h.dialed}
}

// listening is a connection that hears whether the other end takes our certificate: in TLS 1.3 it says so after the handshake.
type listening struct {
	net.Conn
	dialed *dialer
	heard  sync.Once
}

func (l *listening) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	l.heard.Do(func() {
		if op := new(net.OpError); err == nil || errors.As(err, &op) && op.Op == "remote error" {
			l.dialed.last.Store(&err)
		}
	})
	return n, err
}
