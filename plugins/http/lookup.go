package http

import (
	"context"
	"errors"
	"fmt"
	nethttp "net/http"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// lookup asks the service.
type lookup struct {
	settings *settings
	client   *nethttp.Client
}

// Lookup asks one question. See Params and Facts.
func (l *lookup) Lookup(ctx context.Context, p Params) (sdk.Answer[Facts], error) {
	v := valuesOf(p)
	own, cancel := context.WithTimeout(ctx, l.settings.timeout)
	defer cancel()
	r, err := l.settings.request(own, v)
	if err == nil {
		err = sdk.Unanswerable(l.settings.answers.ready(v))
	}
	switch {
	case errors.Is(err, errEmpty):
		return sdk.Answer[Facts]{Problem: empty}, nil
	case err != nil:
		return sdk.Answer[Facts]{}, err
	}
	status, content, err := l.ask(ctx, r)
	switch {
	case err != nil:
		return sdk.Answer[Facts]{}, err
	case status == nethttp.StatusNotFound:
		return sdk.Answer[Facts]{Problem: none}, nil
	case status < 200 || status > 299:
		return sdk.Answer[Facts]{}, statusError(status)
	case !l.settings.answers.needed():
		return sdk.Answer[Facts]{Found: true}, nil
	}
	reply, err := readJSON(content)
	if err != nil {
		return sdk.Answer[Facts]{}, sdk.Unanswerable(fmt.Errorf("read the reply: %w", err))
	}
	answer, err := l.settings.answers.answer(reply, v)
	return answer, sdk.Unanswerable(err)
}

// statusError is what a status other than 2xx and 404 says. A service may refuse what it is asked about one person, so that most of 4xx are
// about this question only.
func statusError(status int) error {
	switch {
	case status == nethttp.StatusUnauthorized:
		return fmt.Errorf("the service does not let us in (status %d): check bearerFile, headers or clientCertFile", status)
	case status == nethttp.StatusForbidden:
		return sdk.Unanswerable(fmt.Errorf("the service does not let us in (status %d): check bearerFile, headers or clientCertFile", status))
	case status == nethttp.StatusTooManyRequests:
		return fmt.Errorf("the service is asked too often (status %d)", status)
	case status >= 400 && status <= 499 && status != nethttp.StatusRequestTimeout && status != nethttp.StatusProxyAuthRequired:
		return sdk.Unanswerable(fmt.Errorf("the service answered with status %d", status))
	}
	return fmt.Errorf("the service answered with status %d", status)
}

// Close ends connections that nobody uses.
func (l *lookup) Close() error {
	l.client.CloseIdleConnections()
	return nil
}
