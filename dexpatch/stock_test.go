package dexpatch_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/dexpatch"
	"github.com/claimsmith/claimsmith/dexpatch/dextest"
)

func TestDexDoesNotStartWithAHookThatIsWrong(t *testing.T) {
	tests := []struct {
		name, config string
		args         []string
		want         string
	}{
		{"an unknown key", stock + "signer: {type: claimsHook, config: {address: unix:///s, client: [nas]}}\n", nil,
			`claimsHook: unknown key "client"; known are address, tls, serverUid, timeout, clients, signUnchanged, claimsSupported, signer`},
		{"an unknown signer in it", stock + "signer: {type: claimsHook, config: {address: unix:///s, signer: {type: paper}}}\n", nil, `invalid config: signer: claimsHook: unknown signer type "paper"`},
		{"a hook around a hook", stock + "signer: {type: claimsHook, config: {address: unix:///s, signer: {type: claimsHook}}}\n", nil, `invalid config: signer: claimsHook: unknown signer type "claimsHook"`},
		{"no configuration", stock + "signer: {type: claimsHook}\n", nil, "invalid config: signer: claimsHook: address is missing"},
		{"an empty block", stock + "signer: {type: claimsHook, config: }\n", nil, "claimsHook: has to be a map of keys and values"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if out := dextest.Fail(t, dextest.Options{Config: tt.config, Args: tt.args}); !strings.HasSuffix(strings.TrimSpace(out), tt.want) {
				t.Errorf("got  %s\nwant %s", out, tt.want)
			}
		})
	}
}

// TestAStockDexDoesNotStartWithAHook: nobody signs without the hook by a slip in the name of an image.
func TestAStockDexDoesNotStartWithAHook(t *testing.T) {
	binary, err := dexpatch.Cached(t.Context(), dexpatch.Options{Stock: true, Progress: func(m string) { t.Logf("dex: %s", m) }})
	if err != nil {
		t.Fatal(err)
	}
	out := dextest.Fail(t, dextest.Options{Binary: binary, Config: stock + "signer: {type: claimsHook, config: {address: unix:///s}}\n"})
	if want := `unknown signer type "claimsHook"`; !strings.HasSuffix(strings.TrimSpace(out), want) {
		t.Errorf("got  %s\nwant %s", out, want)
	}
}

// TestWithoutClaimsHookDexIsStock compares with a Dex that was built from the same sources without the edits.
func TestWithoutClaimsHookDexIsStock(t *testing.T) {
	binary, err := dexpatch.Cached(t.Context(), dexpatch.Options{Stock: true, Progress: func(m string) { t.Logf("dex: %s", m) }})
	if err != nil {
		t.Fatal(err)
	}
	edited := observe(t, dextest.Start(t, dextest.Options{Config: stock}))
	pristine := observe(t, dextest.Start(t, dextest.Options{Config: stock, Binary: binary}))
	for name := range pristine {
		if edited[name] != pristine[name] {
			t.Errorf("%s:\ngot   %s\nstock %s", name, edited[name], pristine[name])
		}
	}
}

// observe looks at a Dex from outside. What differs from run to run is left out.
func observe(t *testing.T, dex *dextest.Dex) map[string]string {
	t.Helper()
	seen := map[string]string{}
	see := func(name string, value any) {
		seen[name] = strings.ReplaceAll(fmt.Sprint(value), dex.Issuer, "ISSUER")
	}
	see("discovery", get(t, dex.Issuer+"/.well-known/openid-configuration", "").body)
	for _, connector := range []string{"local", "upstream"} {
		got := code(t, dex, newBrowser(t).signIn(authURL(dex, connector, "code"), "mum@gmail.com", "password"))
		see(connector+" answer", names(got.body))
		for kind, claims := range map[string]map[string]any{
			"id token": decode(t, got.body["id_token"]), "access token": decode(t, got.body["access_token"]),
			"userinfo": get(t, dex.Issuer+"/userinfo", fmt.Sprint(got.body["access_token"])).body,
		} {
			see(connector+" "+kind+" members", names(claims))
			for _, varies := range []string{"iat", "exp", "auth_time", "jti", "at_hash", "c_hash"} {
				delete(claims, varies)
			}
			see(connector+" "+kind, claims)
		}
	}
	wrong := newBrowser(t).signIn(authURL(dex, "local", "code"), "mum@gmail.com", "wrong")
	see("wrong password", fmt.Sprint(wrong.status, len(regexp.MustCompile(`(state=)\w+`).ReplaceAllString(wrong.body, "$1"))))
	for name, form := range map[string]url.Values{
		"bad code": {"grant_type": {"authorization_code"}, "code": {"x"}, "redirect_uri": {callback}}, "bad grant": {"grant_type": {"x"}},
	} {
		got := token(t, dex, form)
		got.header.Del("Date")
		see(name, got)
	}
	return seen
}
