package http

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	nethttp "net/http"
	"net/url"
	"strings"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// Pages say how a reply that is only a part goes on.
type Pages struct {
	Next      string `json:"next" doc:"JSON pointer to the address of the next page, or to its cursor; nothing, null or an empty text there: that was the last one"`
	Parameter string `json:"parameter,omitempty" doc:"parameter of the query that takes a cursor; default: there is an address at next, which must have the scheme, host and port of url"`
	Most      int    `json:"most,omitempty" doc:"how many pages are read, from 1 to 100; a person with more is a failure; default: 20"`
}

// paging is Pages, understood.
type paging struct {
	next      pointer
	parameter string
	most      int
}

// parse understands p; what is wrong goes to check.
func (p *Pages) parse(check *checker, s *settings) *paging {
	if p == nil {
		return nil
	}
	next, err := parsePointer(p.Next)
	check.bad("pages.next", err, "")
	out := &paging{next: next, parameter: p.Parameter, most: p.Most}
	switch {
	case p.Most == 0:
		out.most = 20
	case p.Most < 1 || p.Most > 100:
		check.bad("pages.most", errors.New("must be between 1 and 100"), "")
	}
	if s.answers.groups == nil {
		check.bad("pages", errors.New("only groups go on over pages"), "give answers.groups")
	}
	if p.Parameter == "" && s.method != nethttp.MethodGet {
		check.bad("pages", errors.New("an address of a next page is asked for with GET"), "give parameter, or leave out body and method")
	}
	return out
}

// more gives the groups of all pages after the first.
func (l *lookup) more(ctx context.Context, r *nethttp.Request, reply any) (groups []string, err error) {
	p := l.settings.pages
	for page := 1; ; page++ {
		r, err = p.following(r, reply)
		switch {
		case r == nil || err != nil:
			return groups, sdk.Unanswerable(err)
		case page == p.most:
			return nil, sdk.Unanswerable(fmt.Errorf("there are more than %d pages: raise pages.most, or ask for longer ones", p.most))
		}
		status, content, err := l.ask(ctx, r)
		switch {
		case err != nil:
			return nil, err
		case status < 200 || status > 299:
			return nil, statusError(status)
		}
		if reply, err = readReply(content); err != nil {
			return nil, err
		}
		more, err := asTexts(l.settings.answers.groups.in(reply))
		if err != nil {
			return nil, sdk.Unanswerable(fmt.Errorf("answers.groups, page %d: %w", page+1, err))
		}
		groups = append(groups, more...)
	}
}

// following makes the request for the page after a reply to r. It is nil when there is none.
func (p *paging) following(r *nethttp.Request, reply any) (*nethttp.Request, error) {
	var cursor string
	switch v := p.next.in(reply).(type) {
	case nil:
		return nil, nil
	case string:
		cursor = v
	case json.Number:
		cursor = string(v)
	default:
		return nil, errors.New("pages.next: the reply has there neither a text nor a number")
	}
	if cursor == "" {
		return nil, nil
	}
	next := r.Clone(r.Context())
	if p.parameter != "" {
		query := url.Values{p.parameter: {cursor}}.Encode()
		if rest := without(r.URL.RawQuery, p.parameter); rest != "" {
			query = rest + "&" + query
		}
		next.URL.RawQuery = query
	} else {
		to, err := r.URL.Parse(cursor)
		if err != nil || to.Scheme != r.URL.Scheme || to.Host != r.URL.Host || to.User != nil {
			return nil, errors.New("pages.next: the next page is not at the scheme, host and port of url")
		}
		next.URL = to
	}
	if r.GetBody != nil {
		var err error
		if next.Body, err = r.GetBody(); err != nil {
			return nil, errors.New("the request cannot be made")
		}
	}
	return next, nil
}

// without is a query without one of its parameters.
func without(query, parameter string) string {
	var rest []string
	for member := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(member, "=")
		if plain, err := url.QueryUnescape(name); member != "" && (err != nil || plain != parameter) {
			rest = append(rest, member)
		}
	}
	return strings.Join(rest, "&")
}
