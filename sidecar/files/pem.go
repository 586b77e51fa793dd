package files

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"sync"
)

// maxPEM is the longest file of certificates or keys.
const maxPEM = 1 << 20

// Authorities reads the certificates, in PEM, of those who sign the certificates of others.
func Authorities(file string) (*x509.CertPool, error) {
	pem, _, err := Read(file, maxPEM)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in PEM form in it")
	}
	return pool, nil
}

// KeyPair is a certificate and its key, which not everybody can read. They are read again when a file has changed. It is safe for concurrent use.
type KeyPair struct {
	files [2]string

	mu     sync.Mutex
	stamps [2]Stamp
	pair   *tls.Certificate
}

// PairError is that of a pair which cannot be shown.
type PairError struct {
	Key bool // whether the file of the key is at fault
	Err error
}

func (e PairError) Error() string { return e.Field() + ": " + e.Err.Error() }

// Field is the key of a plugin's configuration that names the file.
func (e PairError) Field() string {
	if e.Key {
		return "clientKeyFile"
	}
	return "clientCertFile"
}

func (e PairError) Unwrap() error { return e.Err }

// OpenKeyPair reads a pair for the first time. Its errors are those of Current.
func OpenKeyPair(cert, key string) (*KeyPair, error) {
	k := &KeyPair{files: [2]string{cert, key}}
	_, err := k.Current(nil)
	return k, err
}

// Current gives the pair as the files have it now, for tls.Config. Errors: PairError.
func (k *KeyPair) Current(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	same := k.pair != nil
	for i, file := range k.files {
		info, err := lookAt(file, i == 1)
		if err != nil {
			return nil, PairError{i == 1, err}
		}
		same = same && k.stamps[i].Same(info)
	}
	if same {
		return k.pair, nil
	}
	var content [2][]byte
	for i, file := range k.files {
		var err error
		if content[i], k.stamps[i], err = Read(file, maxPEM); err != nil {
			return nil, PairError{i == 1, err}
		}
	}
	pair, err := tls.X509KeyPair(content[0], content[1])
	if err != nil {
		return nil, PairError{true, errors.New("not a certificate in PEM form and its key")}
	}
	k.pair = &pair
	return k.pair, nil
}

func lookAt(file string, private bool) (os.FileInfo, error) {
	if err := Absolute(file); err != nil {
		return nil, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, Reason(err)
	}
	if private {
		err = Private(info.Mode())
	}
	return info, err
}
