package http

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/claimsmith/claimsmith/plugins/internal/files"
)

// maxPEM is the longest file of certificates or keys.
const maxPEM = 1 << 20

// keyPair is a certificate and its key, read again when a file has changed. It is safe for concurrent use.
type keyPair struct {
	cert, key string

	mu     sync.Mutex
	stamps [2]files.Stamp
	pair   *tls.Certificate
}

// pairError is that of a pair which cannot be shown.
type pairError struct{ error }

func (e pairError) Unwrap() error { return e.error }

// show is current for tls.Config. Its error is a pairError.
func (k *keyPair) show(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	pair, err := k.current()
	if err != nil {
		return nil, pairError{err}
	}
	return pair, nil
}

// current gives the pair as the files have it now.
func (k *keyPair) current() (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	same := k.pair != nil
	for i, file := range []string{k.cert, k.key} {
		if err := files.Absolute(file); err != nil {
			return nil, err
		}
		info, err := os.Stat(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what(i), files.Reason(err))
		}
		if i == 1 {
			if err := files.Private(info.Mode()); err != nil {
				return nil, fmt.Errorf("%s: %w", what(i), err)
			}
		}
		same = same && k.stamps[i].Same(info)
	}
	if same {
		return k.pair, nil
	}
	return k.read()
}

func what(i int) string { return [...]string{"the certificate", "the key"}[i] }

func (k *keyPair) read() (*tls.Certificate, error) {
	cert, certStamp, err := files.Read(k.cert, maxPEM)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what(0), err)
	}
	key, keyStamp, err := files.Read(k.key, maxPEM)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what(1), err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, errors.New("not a certificate and its key in PEM form")
	}
	k.pair, k.stamps = &pair, [2]files.Stamp{certStamp, keyStamp}
	return k.pair, nil
}
