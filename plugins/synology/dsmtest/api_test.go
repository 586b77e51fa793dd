package dsmtest

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCodesOfCalls(t *testing.T) {
	tests := []struct {
		name, path, request string
		want                int
	}{
		{"a call without method is incomplete", "entry.cgi", "api=SYNO.Core.User&version=1", 101},
		{"a call without version is incomplete", "entry.cgi", "api=SYNO.Core.User&method=list", 101},
		{"a call without API is incomplete", "entry.cgi", "version=1&method=list", 101},
		{"an unknown API", "entry.cgi", "api=SYNO.Core.Nothing&version=1&method=list", 102},
		{"the account API is not at auth.cgi", "auth.cgi", "api=SYNO.Core.User&version=1&method=list", 102},
		{"Info is at entry.cgi too", "entry.cgi", "api=SYNO.API.Info&version=1&method=query&query=all", 0},
		{"Info without a query", "entry.cgi", "api=SYNO.API.Info&version=1&method=query", 0},
		{"a version that is too new, and a method that does not exist", "entry.cgi", "api=SYNO.Core.User&version=2&method=none", 104},
		{"a login with version 8", "entry.cgi", "api=SYNO.API.Auth&version=8&method=login", 104},
		{"a login with version 2 is of DSM 6", "entry.cgi", "api=SYNO.API.Auth&version=2&method=login", 103},
		{"an unknown method", "entry.cgi", "api=SYNO.Core.User&version=1&method=none", 103},
		{"a method of another version", "entry.cgi", "api=SYNO.Core.NormalUser&version=2&method=get", 103},
		{"a method that is not emulated", "entry.cgi", "api=SYNO.Core.User&version=1&method=delete", 100},
		{"a login method in capitals", "entry.cgi", "api=SYNO.API.Auth&version=6&method=Login&account=mum&passwd=blue bird", 0},
		{"a type that does not exist", "entry.cgi", "api=SYNO.Core.User&version=1&method=list&type=all", 3103},
		{"an offset that is no number", "entry.cgi", "api=SYNO.Core.User&version=1&method=list&offset=x", 3103},
		{"numbers in quotes", "entry.cgi", `api=SYNO.Core.User&version=1&method=list&offset="1"&limit="2"`, 0},
		{"additional that is no array", "entry.cgi", "api=SYNO.Core.User&version=1&method=list&additional=email", 3101},
		{"a name of digits without quotes", "entry.cgi", "api=SYNO.Core.User.Group&version=1&method=get&name=1234", 3103},
		{"a name of digits in quotes", "entry.cgi", `api=SYNO.Core.User.Group&version=1&method=get&name="1234"`, 3106},
		{"a truth value in capitals", "entry.cgi", "api=SYNO.Core.Group&version=1&method=list&name_only=True", 3103},
		{"members of an unknown group", "entry.cgi", "api=SYNO.Core.Group.Member&version=1&method=list&group=none", 3205},
		{"a compound that is no array", "entry.cgi", "api=SYNO.Entry.Request&version=1&method=request&compound={}", 113},
		{"a compound in a compound", "entry.cgi", "api=SYNO.Entry.Request&version=1&method=request&compound=" +
			`[{"api":"SYNO.Entry.Request","method":"request","version":1}]`, 113},
	}
	n := start(t, household())
	l := logIn(t, n, "claimsmith", servicePassword)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, body := send(t, n, test.path, form(test.request), l.header())
			if got := code(t, body); got != test.want {
				t.Errorf("code %d, want %d", got, test.want)
			}
		})
	}
}

func TestInfoNamesWhatIsServed(t *testing.T) {
	n := start(t, Options{Plain: true})
	_, body := send(t, n, "query.cgi", form("api=SYNO.API.Info&version=1&method=query&query=all"), nil)
	var rep struct{ Data map[string]infoEntry }
	if err := json.Unmarshal([]byte(body), &rep); err != nil {
		t.Fatal(err)
	}
	if len(rep.Data) != len(n.apis) {
		t.Errorf("%d entries, want %d", len(rep.Data), len(n.apis))
	}
	want := infoEntry{MinVersion: 1, MaxVersion: 2, Path: "entry.cgi", RequestFormat: "JSON"}
	if got := rep.Data["SYNO.Entry.Request"]; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAListCanBeReadInPages(t *testing.T) {
	o := household()
	o.PageCap, o.ExtraTotal = 2, 1
	n := start(t, o)
	l := logIn(t, n, "claimsmith", servicePassword)
	var pages [][]string
	for offset := 0; ; {
		_, body := send(t, n, "entry.cgi", form(fmt.Sprintf("api=SYNO.Core.User&version=1&method=list&limit=100&offset=%d", offset)), l.header())
		var rep struct {
			Data struct {
				Offset, Total int
				Users         []struct{ Name string }
			}
		}
		if err := json.Unmarshal([]byte(body), &rep); err != nil {
			t.Fatal(err)
		}
		if rep.Data.Offset != offset || rep.Data.Total != 6 {
			t.Errorf("offset %d, total %d", rep.Data.Offset, rep.Data.Total)
		}
		if len(rep.Data.Users) == 0 {
			break
		}
		var names []string
		for _, u := range rep.Data.Users {
			names = append(names, u.Name)
		}
		pages = append(pages, names)
		offset += len(names)
	}
	want := [][]string{{"admin", "claimsmith"}, {"guest", "mum"}, {"otto"}}
	if diff := cmp.Diff(want, pages); diff != "" {
		t.Error(diff)
	}
}

func TestAListCanBeSortedTheOtherWay(t *testing.T) {
	n := start(t, household())
	l := logIn(t, n, "claimsmith", servicePassword)
	_, body := send(t, n, "entry.cgi", form("api=SYNO.Core.User&version=1&method=list&sort_by=name&sort_direction=DESC&limit=1"), l.header())
	if !strings.Contains(body, `"users":[{"name":"otto"}]`) {
		t.Error(body)
	}
}

func TestDomainAccountsAreListedByTheirType(t *testing.T) {
	n := start(t, Options{
		Service: Account{Name: "claimsmith", Password: servicePassword}, GroupIDs: true,
		Accounts: []Account{{Name: `EXAMPLE\ada`, Type: "domain"}, {Name: "ada@example.org", Type: "ldap", Groups: []string{"staff@example.org"}}},
	})
	l := logIn(t, n, "claimsmith", servicePassword)
	for kind, want := range map[string]string{"domain": `"users":[{"name":"EXAMPLE\\ada"}]`, "ldap": `"users":[{"name":"ada@example.org"}]`} {
		_, body := send(t, n, "entry.cgi", form("api=SYNO.Core.User&version=1&method=list&type="+kind), l.header())
		if !strings.Contains(body, want) {
			t.Errorf("%s: %s", kind, body)
		}
	}
	_, body := send(t, n, "entry.cgi", form("api=SYNO.Core.Group&version=1&method=list&name_only=true"), l.header())
	want := `{"data":{"groups":[{"gid":101,"name":"administrators"},{"gid":1023,"name":"http"},{"gid":100,"name":"users"}],"offset":0,"total":3},"success":true}`
	if got := strings.TrimSpace(body); got != want {
		t.Error(got)
	}
	_, body = send(t, n, "entry.cgi", form(`api=SYNO.Core.Group&version=1&method=get&name=["http","none"]`), l.header())
	want = `{"data":{"errors":[{"code":3205,"name":"none"}],"groups":[{"description":"System default group for Web services","gid":1023,"name":"http"}]},"success":true}`
	if got := strings.TrimSpace(body); got != want {
		t.Error(got)
	}
}

func TestACompoundStopsWhereItIsTold(t *testing.T) {
	const parts = `[{"api":"SYNO.Core.User.Group","method":"get","version":1,"name":"nobody"},{"api":"SYNO.Core.Group","method":"list","version":1}]`
	n := start(t, household())
	l := logIn(t, n, "claimsmith", servicePassword)
	n.ForgetCalls()
	for _, stop := range []string{"true", "false"} {
		send(t, n, "entry.cgi", form("api=SYNO.Entry.Request&version=2&method=request&mode=parallel&stop_when_error="+stop+"&compound="+parts), l.header())
	}
	whole := Call{API: "SYNO.Entry.Request", Method: "request", Version: "2"}
	first := Call{API: "SYNO.Core.User.Group", Method: "get", Version: "1", Part: true, Code: 3106}
	want := []Call{whole, first, whole, first, {API: "SYNO.Core.Group", Method: "list", Version: "1", Part: true}}
	if diff := cmp.Diff(want, n.Calls()); diff != "" {
		t.Error(diff)
	}
}

func TestALoginInACompoundTakesItsStrings(t *testing.T) {
	n := start(t, household())
	_, body := send(t, n, "entry.cgi", form("api=SYNO.Entry.Request&version=1&method=request&compound="+
		`[{"api":"SYNO.API.Auth","method":"login","version":6,"account":"mum","passwd":"blue bird"}]`), nil)
	if !strings.Contains(body, `"has_fail":false`) {
		t.Error(body)
	}
}

func TestNoPasswordAndNoNameIsInTheLogOrInTheCalls(t *testing.T) {
	var logged strings.Builder
	o := household()
	o.Log = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	n := start(t, o)
	l := logIn(t, n, "claimsmith", servicePassword)
	send(t, n, "entry.cgi", form("api=SYNO.Core.User.Group&version=1&method=get&name=mum&_sid="+l.sid+"&SynoToken="+l.token), nil)
	n.Close()
	want := []Call{
		{API: "SYNO.API.Auth", Method: "login", Version: "7"},
		{API: "SYNO.Core.User.Group", Method: "get", Version: "1"},
	}
	if diff := cmp.Diff(want, n.Calls()); diff != "" {
		t.Error(diff)
	}
	for _, secret := range []string{servicePassword, l.sid, l.token, "mum"} {
		if strings.Contains(logged.String(), secret) {
			t.Errorf("%q is in the log:\n%s", secret, logged.String())
		}
	}
}

func TestAccountsChangeWhileTheNASRuns(t *testing.T) {
	n := start(t, household())
	l := logIn(t, n, "claimsmith", servicePassword)
	groups := func(name string) string {
		_, body := send(t, n, "entry.cgi", form("api=SYNO.Core.User.Group&version=1&method=get&name="+name), l.header())
		return strings.TrimSpace(body)
	}
	if err := n.Add(Account{Name: "kid"}); err != nil {
		t.Fatal(err)
	}
	if !n.Update("mum", func(a *Account) { a.Name, a.Groups = "mother", append(a.Groups, "cooks") }) || !n.Remove("otto") {
		t.Fatal("mum or otto is not there")
	}
	got := []string{groups("kid"), groups("mum"), groups("mother"), groups("otto")}
	want := []string{`{"data":{"groups":["users"]},"success":true}`, `{"error":{"code":3106},"success":false}`,
		`{"data":{"groups":["cooks","family","users"]},"success":true}`, `{"error":{"code":3106},"success":false}`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if n.Update("otto", func(*Account) {}) || n.Remove("otto") {
		t.Error("otto is still there")
	}
	if got := n.account("kid").UID; got != 1029 {
		t.Errorf("uid %d", got)
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	tests := []struct {
		name string
		o    Options
		want string
	}{
		{"an account twice", Options{Accounts: []Account{{Name: "a"}, {Name: "a"}}}, `account "a" is there already`},
		{"an account without a name", Options{Accounts: []Account{{}}}, "an account needs a name"},
		{"an unknown type", Options{Accounts: []Account{{Name: "a", Type: "x"}}}, `account "a": type "x" is not local, domain or ldap`},
		{"an address that is none", Options{Addr: "nowhere"}, "listen on nowhere: listen tcp: address nowhere: missing port in address"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Start(test.o); err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestABodyThatIsNoFormIsABadRequest(t *testing.T) {
	n := start(t, Options{Plain: true})
	response, err := http.Post(n.URL()+"/webapi/entry.cgi", "application/x-www-form-urlencoded", strings.NewReader("a=%zz"))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusBadRequest {
		t.Error(response.Status)
	}
}

func TestSixteenThousandAccountsAreListed(t *testing.T) {
	o := Options{Service: Account{Name: "claimsmith", Password: servicePassword}}
	for i := range 16000 {
		o.Accounts = append(o.Accounts, Account{Name: fmt.Sprintf("person%05d", i), Email: fmt.Sprintf("p%d@example.org", i)})
	}
	n := start(t, o)
	l := logIn(t, n, "claimsmith", servicePassword)
	_, body := send(t, n, "entry.cgi", form(`api=SYNO.Core.User&version=1&method=list&additional=["email"]`), l.header())
	if got := strings.Count(body, `"name"`); got != 16003 {
		t.Errorf("%d accounts", got)
	}
}
