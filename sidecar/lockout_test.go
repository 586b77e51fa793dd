package sidecar_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar"
)

// visits are decided, one for each address.
func (r *running) visits(who ...string) {
	r.t.Helper()
	for _, email := range who {
		req := with(signIn(email), func(q *hookv1.ExtendPayloadRequest) { q.Identity.UserId = email })
		if _, err := r.client().ExtendPayload(r.t.Context(), req); err != nil {
			r.t.Fatal(err)
		}
	}
}

func TestAReloadThatWouldLockEverybodyOutIsRefused(t *testing.T) {
	nobody := replace("not nas.found", "true")
	tests := []struct {
		name   string
		who    []string
		change func(string) string
		want   string // the error; empty where it is served
		warned string
	}{
		{
			name: "everybody is refused", who: []string{"mum@gmail.com", "dad@gmail.com"}, change: nobody,
			want: "it would keep out everybody who was let in recently (2 refused and 0 failed of 2: 2 by c.yaml:12)",
		},
		{
			name: "everybody fails", who: []string{"mum@gmail.com"},
			change: func(text string) string { return text + "clients: {synology: {require: {plan: string}}}\n" },
			want:   "it would keep out everybody who was let in recently (0 refused and 1 failed of 1: 1 by c.yaml:15)",
		},
		{
			name: "some are refused, which is said", who: []string{"mum@gmail.com", "dad@gmail.com"}, change: replace("not nas.found", `nas.name == "mum"`),
			warned: `"of":2,"refused":1,"failed":0,"unknown":0,"rules":["1 by c.yaml:12"]`,
		},
		{name: "nobody was let in yet", change: nobody},
		{name: "whoever was refused before counts for nothing", who: []string{"nobody@gmail.com"}, change: nobody},
		{
			name: "one person who came twice is one", who: []string{"mum@gmail.com", "mum@gmail.com"}, change: nobody,
			want: "it would keep out everybody who was let in recently (1 refused and 0 failed of 1: 1 by c.yaml:12)",
		},
		{
			name: "rules that ask what was not asked before cannot be tried", who: []string{"mum@gmail.com"},
			change: func(text string) string {
				return strings.NewReplacer("{email: identity.email}", `{email: '"nobody@gmail.com"'}`).Replace(text)
			},
		},
		{name: "everybody is let in", who: []string{"mum@gmail.com"}, change: replace("username: nas.name", `username: '"x"'`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := serve(t, household)
			r.visits(tt.who...)
			next := tt.change(household(r.dir))
			written(t, r.dir, next)
			err := r.server.Reload(t.Context(), false)
			if got := strings.ReplaceAll(fmt.Sprint(err), r.dir+"/", ""); tt.want != "" && got != tt.want || tt.want == "" && err != nil {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if refused := errors.As(err, new(*sidecar.LockedOut)); refused != (tt.want != "") {
				t.Errorf("it is a LockedOut: %v", refused)
			}
			const warning = "keeps out some who were let in recently"
			switch log := strings.ReplaceAll(r.log.String(), r.dir+"/", ""); {
			case tt.warned != "" && !strings.Contains(log, tt.warned):
				t.Errorf("it was not warned: %s", r.log.wait(t, warning))
			case tt.warned == "" && strings.Contains(log, warning):
				t.Error("it was warned")
			}
		})
	}
}

func TestAfterARefusedReloadTheOldConfigurationServes(t *testing.T) {
	r := serve(t, household)
	r.visits("mum@gmail.com")
	r.put(strings.Replace(household(r.dir), "not nas.found", "true", 1) + "# other plugin: it is stopped again\n")
	want := map[string]any{
		"level": "ERROR", "msg": "configuration not reloaded: the old one goes on serving",
		"err":  "it would keep out everybody who was let in recently (1 refused and 0 failed of 1: 1 by c.yaml:12)",
		"hint": "if that is meant: claimsmith reload --force, or two hang-ups within 30s",
	}
	if diff := cmp.Diff(want, r.told(r.log.wait(t, "configuration not reloaded"))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := r.username("mum@gmail.com"); got != `"mum"` {
		t.Errorf("after: %s", got)
	}
}

func TestALockOutCanBeForced(t *testing.T) {
	r := serve(t, household)
	r.visits("mum@gmail.com")
	written(t, r.dir, strings.Replace(household(r.dir), "not nas.found", "true", 1))
	must(t, r.server.ReloadForced(t.Context(), false))
	reply, err := r.client().ExtendPayload(t.Context(), signIn("mum@gmail.com"))
	if err != nil || reply.GetDenial() == nil {
		t.Errorf("got %v, %v", reply, err)
	}
}

func TestTwoHangupsForceALockOut(t *testing.T) {
	hangup := make(chan struct{})
	r := serve(t, household, func(o *sidecar.Options) { o.Reload = hangup })
	r.visits("mum@gmail.com")
	written(t, r.dir, strings.Replace(household(r.dir), "not nas.found", "true", 1))
	hangup <- struct{}{}
	hangup <- struct{}{} // taken when the first is done
	r.log.wait(t, `"msg":"configuration reloaded"`)
	line := r.log.wait(t, "keeps out some who were let in recently")
	if !strings.Contains(line, `"of":1,"refused":1`) {
		t.Errorf("the log does not say what was forced: %s", line)
	}
	if n := strings.Count(r.log.String(), "configuration not reloaded"); n == 0 {
		t.Error("the first hang-up was not refused")
	}
}
