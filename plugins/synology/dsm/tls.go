package dsm

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// TrustCA gives a configuration that verifies certificates, names included, by the authorities in pem and no others.
func TrustCA(pem []byte) (*tls.Config, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in PEM form in it")
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}, nil
}

// TrustFingerprint gives a configuration that accepts exactly the certificate with this SHA-256, whatever its name,
// issuer and dates. The fingerprint is 64 hex digits; colons between the bytes and upper case are fine.
func TrustFingerprint(fingerprint string) (*tls.Config, error) {
	want, err := hex.DecodeString(strings.ReplaceAll(fingerprint, ":", ""))
	if err != nil || len(want) != sha256.Size {
		return nil, errors.New("not a SHA-256 fingerprint of 64 hex digits")
	}
	verify := func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errors.New("the NAS shows no certificate")
		}
		got := sha256.Sum256(state.PeerCertificates[0].Raw)
		if subtle.ConstantTimeCompare(got[:], want) != 1 {
			return fmt.Errorf("the NAS shows another certificate than certSha256 names: its fingerprint is %x; "+
				"if DSM's certificate was renewed, compare it there and change certSha256", got)
		}
		return nil
	}
	// Verification is done by VerifyConnection, which is also called when a session is resumed.
	return &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, VerifyConnection: verify}, nil
}
