package dexpatch_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/dexpatch/dextest"
)

// with adds parameters to the address of a login.
func with(address string, more url.Values) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	q := u.Query()
	for name, values := range more {
		q[name] = values
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// testSessionLogin: a person with a session at Dex passes no connector, and is asked about all the same.
func testSessionLogin(t *testing.T, binary string) {
	sidecar := serve(t)
	dex := dextest.Start(t, dextest.Options{Config: hooked(sidecar), Env: []string{"DEX_SESSIONS_ENABLED=true"}, Binary: binary})
	sidecar.set(dsmName)
	b := newBrowser(t)
	if p := b.signIn(authURL(dex, "local", "code"), "mum@gmail.com", "password"); p.location == nil {
		t.Fatalf("first login: %d %s", p.status, p.text())
	}
	none := url.Values{"prompt": {"none"}}
	const denied = "error=access_denied&error_description=The+request+was+refused+%28decision+d2%29.&state=s1"
	const later = "error=temporarily_unavailable&error_description=Please+try+again+later+%28decision+d3%29.&state=s1"
	tests := []struct {
		name, address string
		answer        answerFunc
		wantStatus    int
		wantText      string
		want          string // what the client gets: query, or fragment after #
	}{
		{"a session is enough", authURL(dex, "local", "code"), dsmName, 303, "", "code="},
		{"a refused session has a page", authURL(dex, "local", "code"), refuse, 403, sentence + " (decision d2)", ""},
		{"so has one that cannot be checked", authURL(dex, "local", "code"), fail, 503, "The sign-in could not be checked just now. Please try again later. (decision d3)", ""},
		{"prompt=none has no page", with(authURL(dex, "local", "code"), none), dsmName, 303, "", "code="},
		{"when it is refused", with(authURL(dex, "local", "code"), none), refuse, 303, "", denied},
		{"when it cannot be checked", with(authURL(dex, "local", "code"), none), fail, 303, "", later},
		{"in the fragment for the implicit flow", with(authURL(dex, "local", "id_token token"), none), refuse, 303, "", "#" + denied},
		{"and for the hybrid flow", with(authURL(dex, "local", "code id_token"), none), refuse, 303, "", "#" + denied},
		{"a refused implicit login has a page", authURL(dex, "local", "id_token token"), refuse, 403, sentence + " (decision d2)", ""},
		{"implicit tokens that are refused after the login", authURL(dex, "local", "id_token token"), atToken(refuse), 303, "", "#" + denied},
		{"hybrid tokens that cannot be had", authURL(dex, "local", "code id_token"), atToken(fail), 303, "", "#" + later},
		{"the hybrid flow", authURL(dex, "local", "code id_token"), dsmName, 303, "", "#code="},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sidecar.set(tt.answer)
			p := b.signIn(tt.address, "", "")
			got := ""
			if p.location != nil {
				got = p.location.RawQuery
				if p.location.RawFragment != "" || p.location.Fragment != "" {
					got = "#" + p.location.EscapedFragment()
				}
			}
			if p.status != tt.wantStatus || p.text() != tt.wantText || !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("got %d %q %q\nwant %d %q %q", p.status, p.text(), got, tt.wantStatus, tt.wantText, tt.want)
			}
		})
	}
}

// testUseAnotherAccount follows the one link of the page past a session.
func testUseAnotherAccount(t *testing.T, binary string) {
	sidecar := serve(t)
	dex := dextest.Start(t, dextest.Options{Config: hooked(sidecar), Env: []string{"DEX_SESSIONS_ENABLED=true"}, Binary: binary})
	b := newBrowser(t)
	sidecar.set(dsmName)
	b.signIn(authURL(dex, "local", "code"), "mum@gmail.com", "password") // there is a session
	sidecar.set(refuse)
	start := with(authURL(dex, "local", "code"), url.Values{
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"}, "max_age": {"3600"},
	})
	p := b.signIn(start, "", "")
	links := p.links()
	if p.status != http.StatusForbidden || len(links) != 1 {
		t.Fatalf("got %d %q with the links %q", p.status, p.text(), links)
	}
	address, err := url.Parse(p.address)
	if err != nil {
		t.Fatal(err)
	}
	link, err := address.Parse(links[0])
	if err != nil {
		t.Fatal(err)
	}
	original, err := url.Parse(start)
	if err != nil {
		t.Fatal(err)
	}
	want := original.Query()
	want.Set("prompt", "select_account login")
	if got := link.Query().Encode(); got != want.Encode() {
		t.Errorf("got  %s\nwant %s", got, want.Encode())
	}
	resp, err := b.client.Get(link.String())
	if choice := b.page(resp, err); choice.status != http.StatusOK || len(choice.links()) != 2 || strings.Contains(choice.body, "decision") {
		t.Fatalf("the link leads to %d %q", choice.status, choice.links())
	}
	sidecar.set(dsmName)
	if p := b.signIn(strings.Replace(link.String(), "/auth?", "/auth/local?", 1), "mum@gmail.com", "password"); p.location == nil || p.location.Query().Get("state") != "s1" {
		t.Errorf("another account: %d %s", p.status, p.text())
	}
}
