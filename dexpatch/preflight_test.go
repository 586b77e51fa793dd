package dexpatch_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/dexpatch/dextest"
)

const tryLater = "503 temporarily_unavailable: Please try again later (decision LOCAL)."

// testConsumesNothing: what a request that failed would have consumed is there for the next one.
func testConsumesNothing(t *testing.T, dex *dextest.Dex, sidecar *decider) {
	sidecar.set(dsmName)
	signedIn := func(t *testing.T) page { return newBrowser(t).signIn(authURL(dex, "upstream", "code"), "", "") }
	t.Run("a code", func(t *testing.T) {
		p := signedIn(t)
		sidecar.down()
		if got := code(t, dex, p); got.said() != tryLater || got.header.Get("Retry-After") != "5" {
			t.Errorf("got %s, Retry-After %q", got.said(), got.header.Get("Retry-After"))
		}
		sidecar.up()
		if got := code(t, dex, p); got.status != http.StatusOK {
			t.Errorf("the same code: got %s", got.said())
		}
		if got := code(t, dex, p); got.said() != "400 invalid_grant: Invalid or expired code parameter." {
			t.Errorf("a code that was redeemed: got %s", got.said())
		}
	})
	t.Run("a refresh token", func(t *testing.T) {
		refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {fmt.Sprint(code(t, dex, signedIn(t)).body["refresh_token"])}}
		sidecar.down()
		if got := token(t, dex, refresh); got.said() != tryLater {
			t.Errorf("got %s", got.said())
		}
		sidecar.up()
		got := token(t, dex, refresh)
		if got.status != http.StatusOK || got.body["refresh_token"] == refresh.Get("refresh_token") {
			t.Fatalf("the same token: got %s", got.said())
		}
	})
	t.Run("a device", func(t *testing.T) {
		sidecar.set(atToken(fail))
		b := newBrowser(t)
		deviceCode, p := device(t, dex, b)
		if p.status != http.StatusServiceUnavailable {
			t.Fatalf("got %d %s", p.status, p.text())
		}
		poll := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {deviceCode}}
		if got := token(t, dex, poll); got.said() != "400 authorization_pending: <nil>" {
			t.Errorf("got %s", got.said())
		}
		sidecar.set(dsmName)
		resp, err := b.client.Get(p.address) // the person loads the page again
		if p := b.page(resp, err); p.status != http.StatusOK {
			t.Fatalf("loaded again: %d %s", p.status, p.text())
		}
		if got := token(t, dex, poll); got.status != http.StatusOK {
			t.Errorf("got %s", got.said())
		}
	})
}

func testRefusedDevice(t *testing.T, dex *dextest.Dex, sidecar *decider) {
	t.Run("who is refused at the login may use another account", func(t *testing.T) {
		sidecar.set(refuse)
		b := newBrowser(t)
		deviceCode, p := device(t, dex, b)
		links := p.links()
		if p.status != http.StatusForbidden || p.text() != sentence+" (decision d2)" || len(links) != 1 {
			t.Fatalf("got %d %q with the links %q", p.status, p.text(), links)
		}
		poll := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {deviceCode}}
		if got := token(t, dex, poll); got.said() != "400 authorization_pending: <nil>" {
			t.Errorf("meanwhile: %s", got.said())
		}
		sidecar.set(dsmName)
		link := strings.Replace(links[0], "/auth?", "/auth/upstream?", 1) // which is what the page behind it links to
		if p := b.signIn(strings.TrimSuffix(dex.Issuer, "/dex")+link, "", ""); p.status != http.StatusOK {
			t.Fatalf("with another account: %d %s", p.status, p.text())
		}
		if got := token(t, dex, poll); got.status != http.StatusOK {
			t.Errorf("then: %s", got.said())
		}
	})
	sidecar.set(atToken(refuse))
	deviceCode, p := device(t, dex, newBrowser(t))
	if p.status != http.StatusForbidden || p.text() != sentence+" (decision d2)" {
		t.Errorf("got %d %q", p.status, p.text())
	}
	poll := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {deviceCode}}
	if got := token(t, dex, poll); got.said() != "400 access_denied: <nil>" {
		t.Errorf("got %s", got.said())
	}
}

// testRefresh: an account that is switched off ends at the next refresh, and nothing is consumed before.
func testRefresh(t *testing.T, dex *dextest.Dex, sidecar *decider) {
	sidecar.set(dsmName)
	got := code(t, dex, newBrowser(t).signIn(authURL(dex, "upstream", "code"), "", ""))
	refresh := func() answer {
		return token(t, dex, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {fmt.Sprint(got.body["refresh_token"])}})
	}
	for n := range 5 {
		sidecar.set(dsmName)
		next := refresh()
		if next.status != http.StatusOK || decode(t, next.body["id_token"])["username"] != "dsm-0-385-28089-0" {
			t.Fatalf("refresh %d: %s", n+1, next.said())
		}
		if asked := sidecar.questions(); len(asked) != 1 {
			t.Errorf("refresh %d: asked %q", n+1, asked)
		}
		got = next
	}
	sidecar.set(refuse)
	if next := refresh(); next.said() != "400 invalid_grant: The request was refused (decision d2)." {
		t.Errorf("switched off: %s", next.said())
	}
	sidecar.set(dsmName)
	if next := refresh(); next.status != http.StatusOK {
		t.Errorf("switched on again: %s", next.said())
	}
}
