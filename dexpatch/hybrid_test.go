package dexpatch_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/dexpatch/dextest"
)

// TestHybrid compares the claims of the tokens of both ends of the hybrid flow.
func TestHybrid(t *testing.T) {
	sidecar := serve(t)
	dex := dextest.Start(t, dextest.Options{Config: hooked(sidecar)})
	for _, responseType := range []string{"code id_token", "code token", "code id_token token"} {
		t.Run(responseType, func(t *testing.T) {
			sidecar.set(dsmName)
			p := newBrowser(t).signIn(authURL(dex, "upstream", responseType), "", "")
			if p.location == nil {
				t.Fatalf("status %d: %s", p.status, p.text())
			}
			front, err := url.ParseQuery(p.location.Fragment)
			if err != nil {
				t.Fatal(err)
			}
			back := token(t, dex, url.Values{"grant_type": {"authorization_code"}, "code": {front.Get("code")}, "redirect_uri": {callback}})
			if back.status != http.StatusOK {
				t.Fatalf("the code: %s", back.said())
			}
			where := map[string]map[string]any{
				"ID token": decode(t, back.body["id_token"]), "access token": decode(t, back.body["access_token"]),
				"userinfo": get(t, dex.Issuer+"/userinfo", fmt.Sprint(back.body["access_token"])).body,
			}
			for name, parameter := range map[string]string{"ID token in front": "id_token", "access token in front": "access_token"} {
				if signed := front.Get(parameter); signed != "" {
					where[name] = decode(t, signed)
				}
			}
			if want := len(strings.Fields(responseType)) + 2; len(where) != want {
				t.Errorf("%d places with claims, want %d", len(where), want)
			}
			for _, claims := range where {
				for _, varies := range []string{"iat", "exp", "jti", "at_hash", "c_hash", "auth_time"} {
					delete(claims, varies)
				}
			}
			for name, claims := range where {
				if got, want := fmt.Sprint(claims), fmt.Sprint(where["ID token"]); got != want {
					t.Errorf("%s:\n%s, the ID token\n%s", name, got, want)
				}
			}
			if got := where["ID token"]["username"]; got != "dsm-0-385-28089-0" {
				t.Errorf("username %v", got)
			}
			const login = "STAGE_LOGIN  [TOKEN_KIND_ACCESS TOKEN_KIND_ID]"
			const both = " [TOKEN_KIND_ACCESS TOKEN_KIND_ID]"
			if got, want := sidecar.questions(), []string{login, login, "STAGE_TOKEN implicit" + both, "STAGE_TOKEN authorization_code" + both}; !slices.Equal(got, want) {
				t.Errorf("asked\n%q, want\n%q", got, want)
			}
		})
	}
}
