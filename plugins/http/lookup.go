package http

import (
	"context"
	"errors"
	"fmt"
	nethttp "net/http"
	"slices"

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
	r, err := l.settings.request(ctx, v)
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
	case slices.Contains(l.settings.nobody, status):
		return sdk.Answer[Facts]{Problem: none}, nil
	case status < 200 || status > 299:
		return sdk.Answer[Facts]{}, statusError(status)
	case !l.settings.answers.needed():
		return sdk.Answer[Facts]{Found: true}, nil
	}
	reply, err := readReply(content)
	if err != nil {
		return sdk.Answer[Facts]{}, err
	}
	answer, err := l.settings.answers.answer(reply, v)
	if err == nil && answer.Found && l.settings.pages != nil {
		var more []string
		if more, err = l.more(ctx, r, reply); err != nil {
			return sdk.Answer[Facts]{}, err
		}
		answer.Facts.Groups = append(answer.Facts.Groups, more...)
	}
	return answer, sdk.Unanswerable(err)
}

func readReply(content []byte) (any, error) {
	reply, err := readJSON(content)
	if err != nil {
		return nil, sdk.Unanswerable(fmt.Errorf("read the reply: %w", err))
	}
	return reply, nil
}

// statusError is what a status says that is neither 2xx nor stands for nobody. A service may refuse what it is asked about one person, so that most of 4xx are
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
	if l.settings.tokens != nil {
		l.settings.tokens.client.CloseIdleConnections()
	}
	return nil
}
