package dsmtest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestThePageOfTheEmulatorShowsCallsAndNoNames(t *testing.T) {
	o := household()
	o.Now = func() time.Time { return time.Date(2026, 11, 21, 12, 34, 56, 0, time.UTC) }
	n := start(t, o)
	l := logIn(t, n, "claimsmith", servicePassword)
	send(t, n, "entry.cgi", form("api=SYNO.Core.User.Group&version=1&method=get&name=somebody"), l.header())
	n.Block("192.0.2.7")
	client := browser(t, n)
	look := func() (s status) {
		t.Helper()
		code, body := fetch(t, client, http.MethodGet, n.URL()+"/emulator", "", true)
		if err := json.Unmarshal([]byte(body), &s); err != nil || code != http.StatusOK {
			t.Fatalf("status %d, %v in %s", code, err, body)
		}
		return s
	}
	want := status{NAS: "nas", Profile: "7.2", Accounts: 5, Sessions: 1, Blocked: []string{"192.0.2.7"}, Calls: []shown{
		{"12:34:56", "SYNO.Core.User.Group", "get", "1", false, 3106},
		{"12:34:56", "SYNO.API.Auth", "login", "7", false, 0},
	}}
	if diff := cmp.Diff(want, look()); diff != "" {
		t.Error(diff)
	}
	code, page := fetch(t, client, http.MethodGet, n.URL()+"/emulator", "", false)
	if code != http.StatusOK || !strings.Contains(page, "<td>SYNO.Core.User.Group</td><td>get</td><td>1</td><td>3106</td>") || strings.Contains(page, "somebody") {
		t.Errorf("status %d, page\n%s", code, page)
	}
	for _, button := range []struct {
		do   string
		want status
	}{
		{"reboot", status{NAS: "nas", Profile: "7.2", Accounts: 5, Blocked: want.Blocked, Calls: want.Calls}},
		{"unblock", status{NAS: "nas", Profile: "7.2", Accounts: 5, Blocked: []string{}, Calls: want.Calls}},
		{"timeout", status{NAS: "nas", Profile: "7.2", Accounts: 5, Blocked: []string{}, Calls: want.Calls}},
		{"forget", status{NAS: "nas", Profile: "7.2", Accounts: 5, Blocked: []string{}, Calls: []shown{}}},
	} {
		if code, _ := fetch(t, client, http.MethodPost, n.URL()+"/emulator", "do="+button.do, false); code != http.StatusOK {
			t.Errorf("%s: status %d", button.do, code)
		}
		if diff := cmp.Diff(button.want, look()); diff != "" {
			t.Errorf("after %s: %s", button.do, diff)
		}
	}
	if code, _ := fetch(t, client, http.MethodPost, n.URL()+"/emulator", "do=explode", false); code != http.StatusBadRequest {
		t.Errorf("an unknown button: status %d", code)
	}
}

func TestButtonsOfThatPageWorkFromItOnly(t *testing.T) {
	n := start(t, household())
	logIn(t, n, "claimsmith", servicePassword)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.URL()+"/emulator", strings.NewReader("do=reboot"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	response, err := n.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusForbidden || n.Sessions() != 1 {
		t.Errorf("status %d, %d sessions", response.StatusCode, n.Sessions())
	}
}
