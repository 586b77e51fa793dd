package synology

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
)

const secret = "a made-up password"

// startNAS gives an emulated NAS with a household, and the configuration that fits.
func startNAS(t *testing.T, change func(*dsmtest.Options)) (*dsmtest.NAS, Config) {
	t.Helper()
	o := dsmtest.Options{
		Service: dsmtest.Account{Name: "claimsmith", Password: secret},
		Accounts: []dsmtest.Account{
			{Name: "mum", Email: "mum@example.org", Description: "Mum Example", UID: 1030, Groups: []string{"family"}},
			{Name: "Dad", Email: "Dad@example.org", UID: 1031, Groups: []string{"administrators"}},
			{Name: "gone", Email: "gone@example.org", UID: 1032, Expired: "now"},
		},
	}
	if change != nil {
		change(&o)
	}
	nas, err := dsmtest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nas.Close)
	c := Config{URL: nas.URL(), Account: "claimsmith", PasswordFile: write(t, secret+"\n", 0o600), Timeout: sdk.Duration(5 * time.Second)}
	if o.Plain {
		c.AllowPlainHTTP = true
		return nas, c
	}
	c.CertSHA256 = nas.Fingerprint()
	return nas, c
}

// calls are what the NAS was asked since the last time, with codes where there were any, one a line.
func calls(nas *dsmtest.NAS) string {
	var all []string
	for _, c := range nas.Calls() {
		one := strings.TrimPrefix(c.API, "SYNO.") + " " + c.Method
		if c.Code != 0 {
			one += fmt.Sprint(" ", c.Code)
		}
		all = append(all, one)
	}
	nas.ForgetCalls()
	return strings.Join(all, "\n")
}

func lines(s ...string) string { return strings.Join(s, "\n") }

const (
	query  = "API.Info query"
	login  = "API.Auth login"
	list   = "Core.User list"
	groups = "Core.User.Group get"
	logout = "API.Auth logout"

	compound = "Entry.Request request" // what stands below it is part of it
	members  = "Core.Group.Member list"
)

func TestThePluginAnswersOverTheWire(t *testing.T) {
	nas, c := startNAS(t, nil)
	c.CertSHA256, c.CAFile = "", filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(c.CAFile, nas.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	plugin := sdktest.Start(t, Plugin(), c)
	if got := calls(nas); got != "" {
		t.Errorf("calls before the first question: %s", got)
	}
	tests := []struct {
		name        string
		params      Params
		wantProblem string
		wantFacts   Facts
		wantCalls   string
	}{
		{"the first question signs in", Params{Email: "mum@EXAMPLE.org"}, "",
			local(Facts{Name: "mum", UID: 1030, Description: "Mum Example", Groups: []string{"family", "users"}}), lines(query, login, list, list, compound, members, groups)},
		{"the second knows the accounts", Params{Email: "dad@example.org"}, "",
			local(Facts{Name: "Dad", UID: 1031, Groups: []string{"administrators", "users"}, Admin: true}), groups},
		{"the third knows the groups", Params{Email: "mum@example.org"}, "",
			local(Facts{Name: "mum", UID: 1030, Description: "Mum Example", Groups: []string{"family", "users"}}), ""},
		{"an account that is switched off", Params{Email: "gone@example.org"}, "disabled", local(Facts{Name: "gone", UID: 1032, Groups: []string{"users"}}), groups},
		{"a stranger", Params{Email: "x@example.org"}, "none", Facts{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var facts Facts
			found, problem, err := plugin.Lookup(t.Context(), tt.params, &facts)
			if err != nil || found != (tt.wantProblem == "") || problem != tt.wantProblem || !reflect.DeepEqual(facts, tt.wantFacts) {
				t.Errorf("found %v, problem %q, facts %+v, %v, want %q, %+v", found, problem, facts, err, tt.wantProblem, tt.wantFacts)
			}
			if got := calls(nas); got != tt.wantCalls {
				t.Errorf("calls\n%s\nwant\n%s", got, tt.wantCalls)
			}
		})
	}
}

// opened gives the plugin without the wire, and what it logs.
func opened(t *testing.T, c Config) (sdk.Lookup[Params, Facts], *safeBuffer) {
	t.Helper()
	logged := &safeBuffer{}
	l, err := open(t.Context(), sdk.Host{Log: slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelDebug}))}, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.(*lookup).Close() })
	return l, logged
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestALostSessionIsRenewedWithoutAnybodyNoticing(t *testing.T) {
	lost := map[string]func(*dsmtest.NAS){"119": (*dsmtest.NAS).Reboot}
	for _, code := range []int{105, 106, 107, 119} {
		lost[fmt.Sprint(code, " said")] = func(n *dsmtest.NAS) { n.EndSessions(code) }
	}
	for name, lose := range lost {
		t.Run(name, func(t *testing.T) {
			nas, c := startNAS(t, nil)
			l, _ := opened(t, c)
			if _, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil {
				t.Fatal(err)
			}
			lose(nas)
			calls(nas)
			got, err := l.Lookup(t.Context(), Params{Name: "Dad"})
			if err != nil || !got.Found {
				t.Errorf("answer %+v, %v", got, err)
			}
			if got, want := calls(nas), lines(groups+" "+name[:3], query, login, groups); got != want {
				t.Errorf("calls\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestWhatIsNotDSMIsAnErrorAndNoCrash(t *testing.T) {
	tests := []struct {
		name  string
		fault dsmtest.Fault
		want  string
	}{
		{"a page", dsmtest.HTML(502), "the answer is a web page"},
		{"a page with 200", dsmtest.HTML(200), "the answer is a web page"},
		{"nothing", dsmtest.Empty(), "the answer is empty"},
		{"a closed connection", dsmtest.Dropped(), "the answer is empty"},
		{"half of it", dsmtest.Truncated(), "the answer ends in the middle"},
		{"too much of it", dsmtest.Oversize(17 << 20), "the answer is longer than 16 MiB"},
		{"a redirect to a login page", dsmtest.Redirect(302, "/#/signin"), "the answer is a redirect"},
		{"no answer", dsmtest.Hang(), "the NAS did not answer within 100ms"},
		{"a code that nobody knows", dsmtest.Code(4711), "a code that is not documented"},
	}
	for _, api := range []string{"SYNO.API.Info", "SYNO.API.Auth", "SYNO.Core.User", "SYNO.Core.User.Group"} {
		for _, tt := range tests {
			t.Run(api+" answers "+tt.name, func(t *testing.T) {
				nas, c := startNAS(t, nil)
				if tt.name == "no answer" {
					c.Timeout = sdk.Duration(100 * time.Millisecond)
				}
				nas.SetFault(api, tt.fault)
				l, _ := opened(t, c)
				got, err := l.Lookup(t.Context(), Params{Name: "mum"})
				if !strings.Contains(text(err), tt.want) || !reflect.DeepEqual(got, sdk.Answer[Facts]{}) {
					t.Errorf("answer %+v, error %q, want one with %q", got, text(err), tt.want)
				}
				nas.SetFault(api, nil)
				if tt.name == "a code that nobody knows" && api == "SYNO.API.Auth" {
					return // an unknown refusal of a login is not tried again
				}
				if got, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil || !got.Found {
					t.Errorf("when it is over: %+v, %v", got, err)
				}
			})
		}
	}
}

func TestAnOlderDSMTellsGroupsByTheirMembers(t *testing.T) {
	nas, c := startNAS(t, nil)
	nas.SetFault("SYNO.Core.User.Group", dsmtest.Code(103))
	l, _ := opened(t, c)
	for name, want := range map[string][]string{"mum": {"family", "users"}, "Dad": {"administrators", "users"}} {
		got, err := l.Lookup(t.Context(), Params{Name: name})
		if err != nil || !reflect.DeepEqual(got.Facts.Groups, want) || got.Facts.Admin != (name == "Dad") {
			t.Errorf("%s: %+v, %v, want groups %v", name, got, err, want)
		}
	}
}

func TestTheSessionEndsWithThePlugin(t *testing.T) {
	nas, c := startNAS(t, nil)
	l, _ := opened(t, c)
	if _, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil {
		t.Fatal(err)
	}
	calls(nas)
	if err := l.(*lookup).Close(); err != nil {
		t.Fatal(err)
	}
	if got := calls(nas); got != logout || nas.Sessions() != 0 {
		t.Errorf("calls %q, %d sessions left", got, nas.Sessions())
	}
}
