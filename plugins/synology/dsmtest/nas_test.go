package dsmtest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const servicePassword = "correct horse"

// household is the NAS of most tests.
func household() Options {
	return Options{
		Service: Account{Name: "claimsmith", Password: servicePassword},
		Accounts: []Account{
			{Name: "mum", Email: "mum@example.org", Description: "Mia Müller", Password: "blue bird", Groups: []string{"family"}},
			{Name: "otto", Email: "otto@example.org", Password: "red fox", TwoFactor: true, OTP: "246810"},
		},
	}
}

func start(t *testing.T, o Options) *NAS {
	t.Helper()
	n, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

// send posts a form below /webapi/ and returns the body.
func send(t *testing.T, n *NAS, path string, form url.Values, header http.Header) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.URL()+"/webapi/"+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, values := range header {
		r.Header[name] = values
	}
	response, err := n.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// form reads "a=b&c=d"; values are as they stand, so JSON needs no escapes.
func form(text string) url.Values {
	values := url.Values{}
	for pair := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(pair, "=")
		values.Set(name, value)
	}
	return values
}

// code is the code of a reply, 0 for success.
func code(t *testing.T, body string) int {
	t.Helper()
	var rep reply
	if err := json.Unmarshal([]byte(body), &rep); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if rep.Error == nil {
		return 0
	}
	return rep.Error.Code
}

// session is a login, as a client keeps it.
type login struct{ sid, token string }

func (l login) header() http.Header {
	return http.Header{"Cookie": {"id=" + l.sid}, "X-Syno-Token": {l.token}}
}

// logIn logs in with version 7 and a syno token.
func logIn(t *testing.T, n *NAS, account, password string) login {
	t.Helper()
	_, body := send(t, n, "entry.cgi", url.Values{
		"api": {"SYNO.API.Auth"}, "version": {"7"}, "method": {"login"}, "format": {"sid"},
		"account": {account}, "passwd": {password}, "enable_syno_token": {"yes"},
	}, nil)
	var rep struct {
		Data struct{ Sid, Synotoken string }
	}
	if err := json.Unmarshal([]byte(body), &rep); err != nil || rep.Data.Sid == "" {
		t.Fatalf("login: %v, %s", err, body)
	}
	return login{rep.Data.Sid, rep.Data.Synotoken}
}
