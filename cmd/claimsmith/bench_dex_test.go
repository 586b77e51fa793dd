package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/dexpatch"
	"github.com/claimsmith/claimsmith/dexpatch/dextest"
)

// tokenRules are ten that hold for a person without lookups.
const tokenRules = `listen: unix://%s/run/hook.sock
connectors: {google: {emailDomains: [gmail.com]}}
pipeline:
  - {deny: 'client.id == "nobody"', message: No.}
  - {deny: 'grant == "password"', message: No.}
  - {deny: '"root" in claims.groups', message: No.}
  - set: {username: client.id}
  - set: {plan: '"gold"'}
  - set: {groups: '["users"]'}
  - {when: '"users" in claims.groups', set: {tier: '"user"'}}
  - {when: client.id == "synology", set: {team: '"bench"'}}
  - {when: not identity.isUser, set: {robot: true}}
  - {when: identity.isUser, set: {robot: false}}
`

// BenchmarkTokens compares tokens from the hooked Dex, with the sidecar behind it, with those of a stock Dex. Refreshes, which are
// one access token and one ID token and no password to check, go to both in blocks that take turns; x-stock is the median of the blocks' ratios of time.
func BenchmarkTokens(b *testing.B) {
	plain, err := dexpatch.Cached(b.Context(), dexpatch.Options{Stock: true})
	if err != nil {
		b.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "cs-") // short: the path of a socket has a limit
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	const config = `
connectors: [{type: mockCallback, id: mock, name: Mock}]
oauth2: {skipApprovalScreen: true}
expiry: {refreshTokens: {disableRotation: true}}
staticClients: [{id: synology, name: NAS, secret: secret, redirectURIs: ["http://127.0.0.1:1/callback"]}]
`
	write(b, filepath.Join(dir, "key"), []byte(strings.Repeat("5c", 32)))
	stock := dextest.Start(b, dextest.Options{Config: config, Binary: plain})
	for _, v := range variants() {
		b.Run(v.name, func(b *testing.B) {
			dir, _ := v.start(b, dir, func(dir string) []byte { return fmt.Appendf(nil, tokenRules, dir) }, "key")
			socket := filepath.Join(dir, "run", "hook.sock")
			dial(b, socket)
			hooked := dextest.Start(b, dextest.Options{Config: fmt.Sprintf("%ssigner: {type: claimsHook, config: {address: %q}}\n", config, "unix://"+socket)})
			for _, callers := range []int{1, 16} {
				b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) { takeTurns(b, callers, refreshed(b, hooked), refreshed(b, stock)) })
			}
		})
	}
}

// asked is a Dex with a refresh token of it.
type asked struct{ issuer, token string }

func refreshed(b *testing.B, dex *dextest.Dex) asked {
	b.Helper()
	status, got := redeem(b, dex, url.Values{"grant_type": {"authorization_code"}, "code": {loginCode(b, dex)}, "redirect_uri": {"http://127.0.0.1:1/callback"}})
	if status != http.StatusOK {
		b.Fatalf("the code: %d %v", status, got)
	}
	return asked{dex.Issuer, fmt.Sprint(got["refresh_token"])}
}

func takeTurns(b *testing.B, callers int, hooked, stock asked) {
	const block = 64
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}}
	defer client.CloseIdleConnections()
	tokens(b, client, hooked, callers, block)
	tokens(b, client, stock, callers, block)
	var ratios []float64
	var withHook, without time.Duration
	for b.Loop() {
		first, second := hooked, stock
		if len(ratios)%2 == 1 {
			first, second = stock, hooked
		}
		x, y := tokens(b, client, first, callers, block), tokens(b, client, second, callers, block)
		if len(ratios)%2 == 1 {
			x, y = y, x
		}
		withHook, without = withHook+x, without+y
		ratios = append(ratios, float64(x)/float64(y))
	}
	done := float64(len(ratios) * block)
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-stock")
	b.ReportMetric(done/withHook.Seconds(), "exchanges/s")
	b.ReportMetric(done/without.Seconds(), "stock-exchanges/s")
	b.ReportMetric(0, "ns/op") // an operation is two blocks: it says nothing
}

// tokens asks for n pairs of tokens and returns how long that took.
func tokens(b *testing.B, client *http.Client, of asked, callers, n int) time.Duration {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {of.token}, "client_id": {"synology"}, "client_secret": {"secret"}}.Encode()
	began := time.Now()
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range n / callers {
				resp, err := client.Post(of.issuer+"/token", "application/x-www-form-urlencoded", strings.NewReader(form))
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					b.Errorf("status %d", resp.StatusCode)
					return
				}
			}
		})
	}
	all.Wait()
	return time.Since(began)
}
