package dsm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// maxReply is the longest answer that is read.
const maxReply = 16 << 20

// request is one call.
type request struct {
	api, method string
	version     int               // the newest that the caller knows
	plain       map[string]string // parameters sent as they are
	json        map[string]any    // parameters sent as JSON, as SYNO.Core wants them
	get         bool              // whether it goes into the address: only where there is nothing to hide
}

// ask makes one call in s and decodes the data of the answer into out, unless out is nil.
func (c *Client) ask(ctx context.Context, s *session, r request, out any) error {
	place, ok := s.apis[r.api]
	if !ok {
		return &Error{API: r.api, Method: r.method, Code: 102}
	}
	form := url.Values{"api": {r.api}, "method": {r.method}}
	form.Set("version", strconv.Itoa(min(max(r.version, place.Min), place.Max)))
	for name, value := range r.plain {
		form.Set(name, value)
	}
	for name, value := range r.json {
		encoded, err := encode(value)
		if err != nil {
			return fmt.Errorf("%s %s: encode %s: %w", r.api, r.method, name, err)
		}
		form.Set(name, encoded)
	}
	reply, err := c.send(ctx, s, place.Path, form, r)
	if err != nil {
		return fmt.Errorf("%s %s: %w", r.api, r.method, err)
	}
	err = decode(reply, out)
	if refusal, ok := err.(*Error); ok {
		refusal.API, refusal.Method = r.api, r.method
		return refusal
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", r.api, r.method, err)
	}
	return nil
}

// encode gives value as JSON without the escapes meant for web pages.
func encode(value any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(value)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// send posts the form and reads the answer, whatever it is, as long as it is not a redirect and not too long.
func (c *Client) send(ctx context.Context, s *session, path string, form url.Values, r request) (reply, error) {
	callCtx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	req, err := newRequest(callCtx, c.base.JoinPath("webapi", path), form, r.get)
	if err != nil {
		return reply{}, err
	}
	if s.id != "" {
		req.AddCookie(&http.Cookie{Name: "id", Value: s.id})
	}
	if s.token != "" {
		req.Header.Set("X-SYNO-TOKEN", s.token)
	}
	if r.api != apiAuth { // a read may be sent again when a kept connection turns out to be dead; a login may not
		req.Header["Idempotency-Key"] = nil
	}
	res, err := c.http.RoundTrip(req) // a http.Client would read redirects, and repeat them in errors
	if err != nil {
		return reply{}, c.unreachable(ctx, err)
	}
	defer res.Body.Close()
	if err := c.redirected(res); err != nil {
		return reply{}, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxReply+1))
	switch {
	case len(body) > maxReply:
		return reply{}, ErrTooLong
	case err != nil && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)):
		return reply{}, ErrTruncated
	case err != nil:
		return reply{}, c.unreachable(ctx, err)
	}
	return reply{status: res.StatusCode, body: body}, nil
}

func newRequest(ctx context.Context, u *url.URL, form url.Values, get bool) (*http.Request, error) {
	if get {
		u.RawQuery = form.Encode()
		return http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req, nil
}
