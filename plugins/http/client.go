package http

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"net/url"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/sidecar/files"
)

const (
	maxReply     = 1 << 20 // bytes of a reply
	maxHeaders   = 64 << 10
	maxRedirects = 3
	maxSockets   = 16 // connections at a time
)

// newClient gives a way to a service: no proxy, addresses checked, redirects only within the origin.
func newClient(s *settings, trust *tls.Config) *nethttp.Client {
	dialer := &net.Dialer{Timeout: s.timeout, ControlContext: s.guard.control}
	return &nethttp.Client{
		Transport: &nethttp.Transport{
			Proxy:                  nil, // none, whatever the environment says
			DialContext:            dialer.DialContext,
			TLSClientConfig:        trust,
			TLSHandshakeTimeout:    s.timeout,
			MaxConnsPerHost:        maxSockets,
			MaxIdleConnsPerHost:    maxSockets,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: maxHeaders,
			DisableCompression:     true,
		},
		CheckRedirect: func(next *nethttp.Request, via []*nethttp.Request) error {
			return redirect(via[0], next, len(via))
		},
	}
}

// errRedirect is the error for a redirect that is not followed.
var errRedirect = errors.New("the service redirects")

// redirect decides whether a redirect is followed. Of where it leads only scheme and host are repeated.
func redirect(first, next *nethttp.Request, count int) error {
	switch from, to := first.URL, next.URL; {
	case to.Scheme != from.Scheme || to.Host != from.Host:
		return fmt.Errorf("%w to %s: write in url what is meant", errRedirect, (&url.URL{Scheme: to.Scheme, Host: to.Host}).String())
	case next.Method != first.Method:
		return fmt.Errorf("%w from POST to GET, which loses the body: write in url what is meant", errRedirect)
	case count > maxRedirects:
		return fmt.Errorf("%w more than %d times", errRedirect, maxRedirects)
	}
	return nil
}

// request makes the request for values.
func (s *settings) request(ctx context.Context, v values) (*nethttp.Request, error) {
	to, err := s.target.fill(v)
	if err != nil {
		return nil, sdk.Unanswerable(err)
	}
	var content []byte
	if s.body != nil {
		if content, err = s.body.fill(v); err != nil {
			return nil, sdk.Unanswerable(err)
		}
	}
	r, err := nethttp.NewRequestWithContext(ctx, s.method, s.target.origin.String(), bytes.NewReader(content)) // which can be read again
	if err != nil {
		return nil, errors.New("the request cannot be made")
	}
	r.URL = to
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "claimsmith")
	r.Header["Idempotency-Key"] = nil // not sent: it says that a lookup may be sent again when an idle connection turns out dead
	if s.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range s.headers {
		value := h.value
		if h.secret != nil {
			if value, err = h.secret.Value(); err != nil {
				return nil, fmt.Errorf("read the secret of the header %s: %w", h.name, err)
			}
			if !httpguts.ValidHeaderFieldValue(value) {
				return nil, fmt.Errorf("the secret of the header %s holds what no header can", h.name)
			}
		}
		r.Header.Set(h.name, h.before+value)
	}
	return r, nil
}

// ask sends a request, with a token where one is wanted, and gives status and body of the reply. A token that the service refuses is
// replaced once: it may have been withdrawn before its end.
func (l *lookup) ask(ctx context.Context, r *nethttp.Request) (status int, content []byte, err error) {
	own, cancel := context.WithTimeout(ctx, l.settings.timeout)
	defer cancel()
	r = r.WithContext(own)
	if l.settings.tokens == nil {
		return l.send(ctx, r)
	}
	token := ""
	for range 2 {
		if token, err = l.settings.tokens.get(own, token); err != nil {
			return 0, nil, err
		}
		r.Header.Set("Authorization", "Bearer "+token)
		if status, content, err = l.send(ctx, r); err != nil || status != nethttp.StatusUnauthorized || r.GetBody == nil {
			break
		}
		if r.Body, err = r.GetBody(); err != nil {
			return 0, nil, errors.New("the request cannot be made")
		}
	}
	return status, content, err
}

func (l *lookup) send(ctx context.Context, r *nethttp.Request) (status int, content []byte, err error) {
	reply, err := l.client.Do(r)
	if err != nil {
		return 0, nil, unreachable(ctx, err, l.settings.timeout)
	}
	defer reply.Body.Close() // nothing was written
	content, err = io.ReadAll(io.LimitReader(reply.Body, maxReply+1))
	if err == nil {
		err = r.Context().Err() // a service that ends when nobody waits any more ends in the middle
	}
	switch {
	case err != nil:
		return 0, nil, unreachable(ctx, err, l.settings.timeout)
	case len(content) > maxReply:
		return 0, nil, sdk.Unanswerable(fmt.Errorf("the reply is longer than %d bytes", maxReply))
	}
	return reply.StatusCode, content, nil
}

// unreachable says why no answer came, without the URL, which holds values, and without words of the service.
func unreachable(ctx context.Context, err error, limit time.Duration) error {
	var (
		address   *AddressError
		name      *net.DNSError
		operation *net.OpError
		record    tls.RecordHeaderError
		trust     *tls.CertificateVerificationError
		timeout   interface{ Timeout() bool }
		pair      files.PairError
	)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("wait for the service: %w", ctx.Err())
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the service did not answer within %s: %w", limit, context.DeadlineExceeded)
	case errors.As(err, &address):
		return address
	case errors.As(err, &pair):
		return pair
	case errors.Is(err, errRedirect):
		return inner(err)
	case errors.As(err, &trust):
		return fmt.Errorf("the certificate of the service: %w", trust.Err)
	case errors.As(err, &record), errors.Is(err, nethttp.ErrSchemeMismatch):
		return errors.New("the port of the service does not speak https")
	case errors.As(err, &operation) && operation.Op == "remote error":
		return fmt.Errorf("the service refuses the connection: %w (clientCertFile is what it may want)", operation.Err)
	case errors.As(err, &name):
		return errors.New("the name of the service cannot be resolved")
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("the service did not answer within %s: %w", limit, context.DeadlineExceeded)
	case errors.As(err, &operation):
		return fmt.Errorf("reach the service: %w", operation)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the service ended the connection before its reply was complete")
	}
	return errors.New("the service did not answer as HTTP wants it")
}

// inner is err without the URL that net/http puts around it.
func inner(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		return outer.Err
	}
	return err
}
