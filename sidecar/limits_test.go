package sidecar_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// TestLimitsOnTheWayFromDex holds each field of a request to its limit, at the edge and one beyond.
func TestLimitsOnTheWayFromDex(t *testing.T) {
	r := serve(t, plain)
	client := r.client()
	fill := map[string]func(r *hookv1.ExtendPayloadRequest, one string, many []string){
		"payload": func(r *hookv1.ExtendPayloadRequest, one string, _ []string) {
			r.Payload = []byte(`{"s":"` + one + `"}`)
		},
		"user id":            func(r *hookv1.ExtendPayloadRequest, one string, _ []string) { r.Identity.UserId = one },
		"username":           func(r *hookv1.ExtendPayloadRequest, one string, _ []string) { r.Identity.Username = one },
		"preferred username": func(r *hookv1.ExtendPayloadRequest, one string, _ []string) { r.Identity.PreferredUsername = one },
		"e-mail address":     func(r *hookv1.ExtendPayloadRequest, one string, _ []string) { r.Identity.Email = one },
		"groups":             func(r *hookv1.ExtendPayloadRequest, _ string, many []string) { r.Identity.Groups = many },
		"connector id":       func(r *hookv1.ExtendPayloadRequest, one string, _ []string) { r.ConnectorId = one },
		"client id":          func(r *hookv1.ExtendPayloadRequest, one string, _ []string) { r.ClientId = one },
		"audience":           func(r *hookv1.ExtendPayloadRequest, _ string, many []string) { r.Audience = many },
		"scopes":             func(r *hookv1.ExtendPayloadRequest, _ string, many []string) { r.Scopes = many },
		"grant type":         func(r *hookv1.ExtendPayloadRequest, one string, _ []string) { r.GrantType = one },
		"request id":         func(r *hookv1.ExtendPayloadRequest, one string, _ []string) { r.RequestId = one },
		"features":           func(r *hookv1.ExtendPayloadRequest, _ string, many []string) { r.Features = many },
	}
	ask := func(what string, bytes, count int) error {
		one := strings.Repeat("y", bytes)
		if what == "payload" {
			one = strings.Repeat("y", max(0, bytes-len(`{"s":""}`)))
		}
		req := with(signIn("mum@gmail.com"), func(r *hookv1.ExtendPayloadRequest) { fill[what](r, one, slices.Repeat([]string{one}, count)) })
		_, err := client.ExtendPayload(t.Context(), req)
		return err
	}
	for _, l := range claims.Limits() {
		count := min(l.Count, 900) // the message as a whole has a limit too
		if err := ask(l.What, l.Bytes, count); err != nil {
			t.Errorf("%s at the edge: %v", l.What, err)
		}
		if err := ask(l.What, l.Bytes+1, count); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), l.What) {
			t.Errorf("%s that is too long: %v", l.What, err)
		}
		if err := ask(l.What, 1, l.Count+1); l.Count > 0 && (status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), l.What)) {
			t.Errorf("too many %s: %v", l.What, err)
		}
	}
	if err := ask("request id", claims.MaxMessage*3/4, 0); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a request id of three quarters of a megabyte: %v", err)
	}
	for line := range strings.Lines(r.log.String()) {
		if strings.Contains(line, strings.Repeat("y", 257)) {
			t.Errorf("%d bytes are logged: %s ...", len(line), line[:200])
		}
	}
}

// TestLimitsOnOtherWays: what Dex's hook would refuse passes no preview either.
func TestLimitsOnOtherWays(t *testing.T) {
	dir := shortDir(t)
	self := program(t, newLogBuffer())
	const groups = `given: {client: wiki, connector: google, identity: {userId: "1", groups: ["%s"]}}`
	text := func(n int) string {
		return plain(dir) + "connectors: {google: {emailDomains: [gmail.com]}}\npipeline:\n  - set: {x: '1'}\ntests:\n  - name: long\n    " +
			fmt.Sprintf(groups, strings.Join(slices.Repeat([]string{strings.Repeat("g", 1000)}, n), `","`)) + "\n    want: {claims: {x: 1}}\n"
	}
	request := func(n int) replay.Request {
		return replay.Request{Client: "wiki", Connector: "google", Identity: replay.RequestIdentity{UserID: "1", Groups: slices.Repeat([]string{strings.Repeat("g", 1000)}, n)}}
	}
	for _, tt := range []struct {
		groups int
		good   bool
	}{{60, true}, {99, false}} {
		file := written(t, dir, text(tt.groups))
		e, err := replay.Explain(t.Context(), file, self, request(tt.groups))
		if err != nil || (e.Outcome == "patched") != tt.good || !tt.good && !strings.Contains(e.Err, "more than 65536") {
			t.Errorf("explain with %d groups: %v, %+v", tt.groups, err, e)
		}
		report, err := replay.Test(t.Context(), file, self)
		if err != nil || (report.Failed() == 0) != tt.good {
			t.Errorf("test with %d groups: %v, %+v", tt.groups, err, report)
		}
		other := filepath.Join(dir, "other.yaml")
		if err := os.WriteFile(other, []byte(strings.Replace(text(tt.groups), "x: '1'", "x: '2'", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := replay.Diff(t.Context(), file, other, self, replay.DiffOptions{})
		if err != nil {
			t.Fatal(err)
		}
		said, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(said), `"x"`) != tt.good { // the claim changes in no token that there is
			t.Errorf("diff with %d groups: %.900s", tt.groups, said)
		}
	}
	for _, one := range []struct {
		what   string
		change func(*replay.Request, string)
		most   int
	}{
		{"user id", func(r *replay.Request, s string) { r.Identity.UserID = s }, 1024},
		{"client id", func(r *replay.Request, s string) { r.Client = s }, 256},
		{"grant type", func(r *replay.Request, s string) { r.Grant = s }, 256},
	} {
		for extra, want := range map[int]bool{0: false, 1: true} {
			req := request(1)
			one.change(&req, strings.Repeat("z", one.most+extra))
			e, err := replay.Explain(t.Context(), written(t, dir, text(1)), self, req)
			if err != nil || strings.Contains(e.Err, one.what) != want {
				t.Errorf("%s of %d: %v, %+v", one.what, one.most+extra, err, e)
			}
		}
	}
}

// TestTheBudgetHoldsOnOtherWays: what takes longer than a request may is a failure in a preview, as it is for Dex.
func TestTheBudgetHoldsOnOtherWays(t *testing.T) {
	dir := shortDir(t)
	self := program(t, newLogBuffer())
	text := func(budget string) string {
		return plain(dir) + "budget: " + budget + `
pipeline:
  - set: {x: 'let l = 1..1500; count(l, any(l, # == 0))'}
tests:
  - {name: slow, given: {client: wiki}, want: {claims: {x: 0}}}
`
	}
	for budget, good := range map[string]bool{"5m": true, "10ms": false} {
		file := written(t, dir, text(budget))
		e, err := replay.Explain(t.Context(), file, self, replay.Request{Client: "wiki"})
		if err != nil || (e.Outcome == "patched") != good || !good && !strings.Contains(e.Err, "stopped before it was finished") {
			t.Errorf("explain with %s: %v, %+v", budget, err, e)
		}
		report, err := replay.Test(t.Context(), file, self)
		if err != nil || (report.Failed() == 0) != good {
			t.Errorf("test with %s: %v, %+v", budget, err, report)
		}
		other := filepath.Join(dir, "other.yaml")
		if err := os.WriteFile(other, []byte(strings.Replace(text("5m"), "# == 0", "# == -1", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := replay.Diff(t.Context(), other, file, self, replay.DiffOptions{})
		if err != nil {
			t.Fatal(err)
		}
		said, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(said), "stopped before it was finished") == good {
			t.Errorf("diff with %s: %.900s", budget, said)
		}
	}
}

// TestMemoryComesBackAfterAStorm: strangers, large requests and idle connections leave no more than the table of limits says.
func TestMemoryComesBackAfterAStorm(t *testing.T) {
	r := serve(t, household)
	client := r.client()
	ask := func(who string, size int) {
		_, _ = client.ExtendPayload(t.Context(), with(signIn(who), func(req *hookv1.ExtendPayloadRequest) { // what it answers is judged elsewhere
			req.RequestId = who + fmt.Sprint(size)
			req.Payload = []byte(`{"sub":"a","s":"` + strings.Repeat("s", size) + `"}`)
		}))
	}
	held := func() int64 {
		r.log.mu.Lock()
		r.log.text.Reset() // the test's own
		r.log.mu.Unlock()
		var m runtime.MemStats
		for range 3 { // pools let go of what they hold in the second
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	ask("mum@gmail.com", 1)
	before := held()
	for i := range 3000 {
		ask(fmt.Sprintf("stranger%d@gmail.com", i), 60_000)
	}
	var idle []net.Conn
	for range 300 {
		conn, err := net.Dial("unix", r.socket())
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, conn)
	}
	r.log.wait(t, "too many connections")
	for _, conn := range idle {
		conn.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for { // places are free again
		_, err := r.client().ExtendPayload(ctx, signIn("mum@gmail.com"))
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	if more := held() - before; more > 24<<20 {
		t.Errorf("%d bytes stay", more)
	} else {
		t.Logf("%d bytes stay", more)
	}
}
