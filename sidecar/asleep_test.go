package sidecar_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimsmith/claimsmith/plugins/synology"
	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/statetest"
)

var postgres statetest.Postgres

// home is a household with a real plugin and an emulated NAS, whose sidecar is started more than once.
type home struct {
	t    *testing.T
	dir  string
	file string
	nas  *dsmtest.NAS
}

const homeBudget = 5 * time.Second

// newHome makes one that keeps state as the line of the configuration says, in which DIR is the folder.
func newHome(t *testing.T, state string) *home {
	t.Helper()
	nas, err := dsmtest.Start(dsmtest.Options{
		Accounts: []dsmtest.Account{{Name: "mum", Email: "mum@gmail.com", Groups: []string{"users"}}, {Name: "dad", Email: "dad@gmail.com"}},
		Service:  dsmtest.Account{Name: "claimsmith", Password: "a long password"},
	})
	must(t, err)
	t.Cleanup(nas.Close)
	dir := shortDir(t)
	must(t, os.WriteFile(filepath.Join(dir, "password"), []byte("a long password"), 0o600), os.WriteFile(filepath.Join(dir, "ca.pem"), nas.CA(), 0o600),
		os.WriteFile(filepath.Join(dir, "key"), []byte(strings.Repeat("0f", 32)), 0o600))
	text := plain(dir) + fmt.Sprintf(`budget: %s
connectors: {google: {emailDomains: [gmail.com]}}
state: %s
plugins:
  nas:
    builtin: synology
    config: {url: %q, account: claimsmith, passwordFile: DIR/password, caFile: DIR/ca.pem}
pipeline:
  - lookup: nas
    with: {email: identity.email}
    cache: {ttl: 1ms, negativeTtl: 1ms, maxStale: 24h}
  - {deny: not nas.found, message: There is no such account.}
  - set: {username: nas.name, stale: nas.stale}
`, homeBudget, state, nas.URL())
	return &home{t: t, dir: dir, file: written(t, dir, strings.ReplaceAll(text, "DIR", dir)), nas: nas}
}

func (h *home) starts() *running {
	h.t.Helper()
	return serveFile(h.t, h.dir, h.file, func(o *sidecar.Options) {
		o.Builtins["synology"] = sidecar.Builtin{Command: []string{o.Wrapper[0], asSynology}, Describe: func() (sidecar.Description, error) {
			d, err := synology.Plugin().Describe()
			return sidecar.Description{Name: d.Name, Version: d.Version, Config: d.ConfigSchema, Params: d.ParamsSchema, Facts: d.FactsSchema}, err
		}}
	})
}

// ends ends the sidecar as its program does.
func (r *running) ends() {
	r.t.Helper()
	r.end()
	<-r.done
	if err := r.server.Close(); err != nil {
		r.t.Error(err)
	}
}

// gets is what somebody gets who signs in in a request of their own: "mum of SOURCE", a refusal, or the code of a failure; and how old the facts are.
func (r *running) gets(email string) (what string, age time.Duration) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 30*time.Second) // Dex would not wait that long
	defer cancel()
	since := time.Now()
	reply, err := r.client().ExtendPayload(ctx, with(signIn(email), func(q *hookv1.ExtendPayloadRequest) { q.RequestId = rand.Text() }))
	if took := time.Since(since); took > homeBudget+time.Second {
		r.t.Errorf("it took %s", took)
	}
	switch {
	case err != nil:
		return status.Code(err).String(), 0
	case reply.GetDenial() != nil:
		return "refused", 0
	}
	list, err := r.admin().ListDecisions(r.t.Context(), &adminv1.ListDecisionsRequest{Limit: 1})
	must(r.t.(*testing.T), err)
	fact := list.GetDecisions()[0].GetFacts()[0]
	set := reply.GetPatches().GetIdToken().GetSet()
	if wrong := string(set["stale"]) != fmt.Sprint(fact.GetSource() == "stale"); wrong {
		r.t.Errorf("the rules see stale: %s, of %s", set["stale"], fact.GetSource())
	}
	return fmt.Sprintf("%s of %s", strings.Trim(string(set["username"]), `"`), fact.GetSource()), fact.GetAge().AsDuration()
}

// eventually waits until somebody gets what they should.
func (r *running) eventually(email, want string) {
	r.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(30 * time.Second); ; {
		got, _ := r.gets(email)
		if got == want {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			r.t.Fatalf("%s still gets %s, not %s", email, got, want)
		}
	}
}

func (r *running) counters() *adminv1.LookupCounters {
	r.t.Helper()
	list, err := r.plugins().ListPlugins(r.t.Context(), &adminv1.ListPluginsRequest{})
	must(r.t.(*testing.T), err)
	return list.GetPlugins()[0].GetCounters()
}

// databases runs a test with each kind of store. state is the line for newHome.
func databases(t *testing.T, test func(t *testing.T, state string)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, "{file: DIR/state/state.db, keyFile: DIR/key}")
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(shortDir(t), "dsn")
		must(t, os.WriteFile(file, []byte(postgres.Database(t)), 0o600))
		test(t, "{postgresFile: "+file+", keyFile: DIR/key}")
	})
}

// A family must be let in by a sidecar that was restarted while the NAS sleeps, and by nothing but what is known of them.
func TestTheNASSleepsWhileTheSidecarIsRestarted(t *testing.T) {
	t.Parallel() // it waits for deadlines
	databases(t, func(t *testing.T, state string) {
		h := newHome(t, state)
		began := time.Now() // the plugin reads the NAS at its start, and its answers are as old as that
		r := h.starts()
		if got, _ := r.gets("mum@gmail.com"); got != "mum of plugin" {
			t.Fatal(got)
		}
		if got, _ := r.gets("uncle@gmail.com"); got != "refused" {
			t.Error(got)
		}
		r.ends()
		nothingPersonal(t, r.log.String())

		woken := make(chan struct{})
		h.nas.SetFault("", dsmtest.Slow(nil, woken))
		r = h.starts()
		got, age := r.gets("mum@gmail.com")
		if got != "mum of stale" || age <= 0 || age > time.Since(began) {
			t.Errorf("%s, %s old", got, age)
		}
		for _, who := range []string{"uncle@gmail.com", "dad@gmail.com"} { // nobody knows one of them
			if got, _ := r.gets(who); got != codes.DeadlineExceeded.String() && got != codes.Unavailable.String() {
				t.Errorf("%s: %s", who, got)
			}
		}
		if c := r.counters(); c.GetLoaded() != 1 || c.GetUnloaded() != 0 {
			t.Errorf("%v", c)
		}
		h.nas.SetFault("", nil)
		close(woken)
		r.eventually("mum@gmail.com", "mum of plugin")
		r.eventually("dad@gmail.com", "dad of plugin")
		r.eventually("uncle@gmail.com", "refused")
		nothingPersonal(t, r.log.String())
		r.ends()
	})
}

func TestWhoIsForgottenOrGoneDoesNotComeBackWithARestart(t *testing.T) {
	t.Parallel() // it waits for deadlines
	databases(t, func(t *testing.T, state string) {
		h := newHome(t, state)
		r := h.starts()
		for _, who := range []string{"mum", "dad"} {
			if got, _ := r.gets(who + "@gmail.com"); got != who+" of plugin" {
				t.Fatal(got)
			}
		}
		r.ends()

		h.nas.Remove("dad")
		r = h.starts()
		r.eventually("dad@gmail.com", "refused")
		r.ends()

		h.nas.SetFault("", dsmtest.Dropped())
		r = h.starts()
		for who, want := range map[string]string{"mum": "mum of stale", "dad": codes.Unavailable.String()} {
			if got, _ := r.gets(who + "@gmail.com"); got != want {
				t.Errorf("%s: %s", who, got)
			}
		}
		reply, err := r.admin().Forget(t.Context(), &adminv1.ForgetRequest{Person: "uncle@gmail.com", Facts: true}) // whoever it is
		if err != nil || !reply.GetErased() {
			t.Errorf("%v %v", reply, err)
		}
		for range 2 {
			if got, _ := r.gets("mum@gmail.com"); got != codes.Unavailable.String() {
				t.Errorf("after forgetting: %s", got)
			}
			r.ends()
			r = h.starts()
		}
	})
}

// Losing the store costs what was known, and no start.
func TestALostStoreCostsNoStart(t *testing.T) {
	t.Parallel() // it waits for deadlines
	tests := []struct {
		name string
		lose func(t *testing.T, file string)
	}{
		{"the file is gone", func(t *testing.T, file string) { must(t, os.RemoveAll(filepath.Dir(file))) }},
		{"the file holds something else", func(t *testing.T, file string) {
			must(t, os.WriteFile(file, []byte(strings.Repeat("no database\n", 1000)), 0o600))
		}},
		{"a folder has its place", func(t *testing.T, file string) { must(t, os.RemoveAll(filepath.Dir(file)), os.MkdirAll(file, 0o700)) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHome(t, "{file: DIR/state/state.db, keyFile: DIR/key}")
			r := h.starts()
			r.eventually("mum@gmail.com", "mum of plugin")
			r.ends()
			test.lose(t, filepath.Join(h.dir, "state", "state.db"))
			h.nas.SetFault("", dsmtest.Dropped())
			r = h.starts()
			if got, _ := r.gets("mum@gmail.com"); got != codes.Unavailable.String() {
				t.Error(got)
			}
			h.nas.SetFault("", nil)
			r.eventually("mum@gmail.com", "mum of plugin")
			nothingPersonal(t, r.log.String())
		})
	}
}

func TestWhatIsKnownBelongsToAConfigurationOfThePlugin(t *testing.T) {
	t.Parallel() // it waits for processes
	h := newHome(t, "{file: DIR/state/state.db, keyFile: DIR/key}")
	r := h.starts()
	r.eventually("mum@gmail.com", "mum of plugin")
	h.nas.SetFault("", dsmtest.Dropped())
	text, err := os.ReadFile(h.file)
	must(t, err)
	other := strings.Replace(string(text), "account: claimsmith,", "account: claimsmith, timeout: 9s,", 1)
	for _, step := range []struct{ name, text, want string }{
		{"a process of its own", string(text), "mum of stale"},
		{"another configuration", other, codes.Unavailable.String()},
		{"the first one again", string(text), "mum of stale"},
	} {
		r.put(step.text)
		if err := r.server.ReloadForced(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if got, _ := r.gets("mum@gmail.com"); got != step.want {
			t.Errorf("%s: %s", step.name, got)
		}
	}
	r.ends()
	r = h.starts()
	if got, _ := r.gets("mum@gmail.com"); got != "mum of stale" {
		t.Errorf("after a restart: %s", got)
	}
}
