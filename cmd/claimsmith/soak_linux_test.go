package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
)

// soakConfig asks three plugins at each request and keeps what it can: DIR, NAS, CRM, METRICS and ROUND are filled in.
const soakConfig = `listen: unix://DIR/run/hook.sock
admin: unix://DIR/run/admin.sock
budget: 5s
metrics: {address: METRICS}
state: {file: state/state.db, keyFile: key}
record: {}
connectors: {google: {emailDomains: [gmail.com]}}
plugins:
  nas:
    builtin: synology
    config: {url: 'NAS', account: claimsmith, passwordFile: DIR/password, caFile: DIR/ca.pem, refresh: 1s}
  people: {builtin: directory, config: {file: DIR/people.yaml, keepOld: 1s}}
  crm:
    builtin: http
    config: {url: 'CRM?mail={email}', allowPlainHTTP: true, allowNetworks: [127.0.0.1], answers: {name: /plan}}
pipeline:
  - {lookup: nas, with: {email: identity.email}, cache: {ttl: 1ms, maxStale: 1h}}
  - {lookup: people, with: {email: identity.email}, cache: {ttl: 1ms, maxStale: 1h}}
  - {lookup: crm, with: {email: identity.email}, cache: {ttl: 1ms, maxStale: 1h}}
  - set: {username: nas.name, phone: people.phone, plan: crm.name, office: '"Mum of the office"', round: ROUND}
`

// TestSoak has people sign in all the time while configurations are taken over, processes of plugins are killed, and what they ask is
// away. None is turned away, and in the end the sidecar has as much memory, as many open files and goroutines as after the first tenth of
// the time, which is 20 seconds, or what CLAIMSMITH_SOAK says, such as 20m.
func TestSoak(t *testing.T) {
	length := 20 * time.Second
	if text := os.Getenv("CLAIMSMITH_SOAK"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	nas := newNAS(t)
	var away atomic.Bool
	crm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if away.Load() {
			http.Error(w, "", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, `{"plan": "gold"}`)
	}))
	t.Cleanup(crm.Close)
	dir := shortDir(t)
	file, people := filepath.Join(dir, "claimsmith.yaml"), filepath.Join(dir, "people.yaml")
	const good = "people: [{name: mum, email: mum@gmail.com, phone: \"12\"}]\n"
	write(t, filepath.Join(dir, "password"), []byte("a long password"))
	write(t, filepath.Join(dir, "key"), []byte(strings.Repeat("5c", 32)))
	write(t, filepath.Join(dir, "ca.pem"), nas.CA())
	write(t, people, []byte(good))
	metrics := freeAddress(t)
	config := func(round int) {
		text := strings.NewReplacer("NAS", nas.URL(), "CRM", crm.URL, "DIR", dir, "METRICS", metrics, "ROUND", strconv.Itoa(round)).Replace(soakConfig)
		write(t, file+".new", []byte(text))
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	config(0)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	serving := startLogged(t, log, "serve", "-c", file).Process.Pid
	s := &stream{t: t, client: dial(t, filepath.Join(dir, "run", "hook.sock"))}
	s.ignore = []string{"round"}
	s.begin(8)
	s.more(20)

	rounds := 0
	trouble := []func(on bool){
		func(on bool) {
			if away.Store(on); !on {
				config(rounds)
			}
		},
		func(on bool) {
			if nas.SetFault("", nil); on {
				nas.SetFault("", dsmtest.Hang())
			}
		},
		func(on bool) {
			if write(t, people, []byte(good)); on {
				write(t, people, []byte("people: [nobody can read this"))
			}
		},
		func(on bool) {
			for pid := range below(serving) {
				if on {
					_ = syscall.Kill(pid, syscall.SIGKILL) // it may be gone
				}
			}
		},
	}
	bother := func(until time.Time) {
		for ; time.Now().Before(until); rounds++ {
			one := trouble[rounds%len(trouble)]
			one(true)
			s.more(20)
			one(false)
			s.more(40)
		}
	}
	began := time.Now()
	bother(began.Add(length / 10))
	for range 2 * len(trouble) { // each has been there
		bother(time.Now().Add(time.Nanosecond))
	}
	first := used(t, serving, metrics, s)
	bother(began.Add(length))
	last := used(t, serving, metrics, s)
	for retry := time.Now(); !last.within(first) && time.Since(retry) < 20*time.Second; last = used(t, serving, metrics, s) {
		s.more(100)
	}
	t.Logf("%s, %d sign-ins, %d rounds of trouble: at first %+v, at the end %+v", time.Since(began).Round(time.Second), s.served.Load(), rounds, first, last)
	if !last.within(first) {
		t.Errorf("at first %+v, at the end %+v", first, last)
	}
	s.end()
}

// usage is what a sidecar and its plugins hold.
type usage struct {
	MiB        int // anonymous memory of the sidecar, and of its plugins
	PluginsMiB int
	Files      int
	Goroutines int
	Plugins    int // processes; one that was killed often is left down for a while
}

// within allows for what is no leak: connections that come and go, and the garbage of a moment, of which a process that began lately has less.
func (u usage) within(first usage) bool {
	return u.MiB <= first.MiB*5/4+32 && u.PluginsMiB <= first.PluginsMiB*5/4+3*32 && u.Files <= first.Files+16 && u.Goroutines <= first.Goroutines*3/2+50 && u.Plugins <= 3
}

func used(t *testing.T, pid int, metrics string, s *stream) (u usage) {
	t.Helper()
	s.more(20)
	u.Goroutines = int(metric(t, metrics, "go_goroutines"))
	files, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	u.Files, u.MiB = len(files), resident(pid, "RssAnon")
	for plugin := range below(pid) {
		u.PluginsMiB += resident(plugin, "RssAnon")
		u.Plugins++
	}
	return u
}
