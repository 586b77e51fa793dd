package dsm

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// newTransport gives a way to the NAS that verifies certificates as config says, or as trust says then if that is not nil, and uses no
// proxy. Deadlines come from contexts.
func newTransport(config *tls.Config, trust func() *tls.Config) *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	t := &http.Transport{
		DialContext:         dialer.DialContext,
		TLSClientConfig:     config.Clone(), // of nil it is nil
		TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConnsPerHost: 2,
		IdleConnTimeout:     30 * time.Second, // a NAS that wants to sleep is not kept awake
	}
	if trust != nil {
		t.DialTLSContext = func(ctx context.Context, network, at string) (net.Conn, error) {
			return (&tls.Dialer{NetDialer: dialer, Config: trust()}).DialContext(ctx, network, at)
		}
	}
	return t
}

// redirected refuses a redirect, with the sentence that mends it. Nothing but the host of the target is repeated.
func (c *Client) redirected(res *http.Response) error {
	location := res.Header.Get("Location")
	if res.StatusCode < 300 || res.StatusCode > 399 || location == "" {
		return nil
	}
	target, err := c.base.Parse(location)
	if err != nil || target.Host == "" {
		return fmt.Errorf("%w to an address that cannot be read: check url", ErrRedirect)
	}
	host := (&url.URL{Scheme: target.Scheme, Host: target.Host}).String()
	if c.base.Scheme == "http" && target.Scheme == "https" {
		return fmt.Errorf("%w: the NAS sends http:// on to https://, and a password sent there would be lost or read: set url to %s", ErrRedirect, host)
	}
	return fmt.Errorf("%w to %s: that is a login page or another service, not DSM's Web API; set url to DSM's own address", ErrRedirect, host)
}

// unreachable says why no answer came. ctx is the caller's, without the limit of a single call.
func (c *Client) unreachable(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("wait for the NAS: %w", ctx.Err())
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the NAS did not answer within %s; it may be asleep or switched off: %w", c.options.Timeout, context.DeadlineExceeded)
	}
	if errors.Is(err, io.EOF) {
		return ErrEmpty
	}
	if hint := hint(err); hint != "" {
		return fmt.Errorf("%w: %s", err, hint)
	}
	return fmt.Errorf("ask the NAS: %w", err)
}

// hint gives the sentence that goes with a connection that did not come about; empty when there is none.
func hint(err error) string {
	var (
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		name      *net.DNSError
	)
	switch {
	case errors.As(err, &authority):
		return "the NAS shows a certificate that no known authority signed: set caFile, or certSha256 for DSM's own certificate"
	case errors.As(err, &hostname):
		return "the certificate is made out for another name: write that name in url, or set certSha256"
	case errors.As(err, &invalid):
		return "the certificate is not valid (any more): renew it in Control Panel, Security, Certificate, and check the clock here"
	case errors.As(err, &record):
		return "this port does not speak https: DSM's https port is usually 5001"
	case errors.As(err, &name):
		return "the name in url cannot be resolved here"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens at this port: check url (DSM is usually at 5001 for https) and that DSM is running"
	case errors.Is(err, syscall.ECONNRESET):
		return "the connection was cut: DSM may be restarting"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no way to this address: is the NAS switched on, and in this network?"
	}
	return ""
}
