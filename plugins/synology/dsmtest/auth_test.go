package dsmtest

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const list = "api=SYNO.Core.User&version=1&method=list"

// clock stands still until it is moved.
type clock struct{ seconds atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1_800_000_000+c.seconds.Load(), 0).UTC() }
func (c *clock) advance(d time.Duration) { c.seconds.Add(int64(d.Seconds())) }
func (c *clock) day(after int) string    { return c.now().AddDate(0, 0, after).Format("2006/1/2") }
func loginAs(name, password string) string {
	return "api=SYNO.API.Auth&version=7&method=login&account=" + name + "&passwd=" + password
}

func TestCodesOfALogin(t *testing.T) {
	var c clock
	o := Options{Now: c.now, Accounts: []Account{
		{Name: "good", Password: "p"},
		{Name: "off", Password: "p", Expired: "now"},
		{Name: "past", Password: "p", Expired: c.day(0)},
		{Name: "future", Password: "p", Expired: c.day(1)},
		{Name: "odd", Password: "p", Expired: "sometime"},
		{Name: "mute", Password: ""},
		{Name: "denied", Password: "p", LoginCode: 402},
		{Name: "enforced", Password: "p", LoginCode: 406},
		{Name: "locked", Password: "p", LoginCode: 411},
		{Name: "otp", Password: "p", TwoFactor: true, OTP: "246810"},
	}}
	tests := []struct {
		name, request string
		want          int
	}{
		{"the right password", loginAs("good", "p"), 0},
		{"a wrong password", loginAs("good", "x"), 400},
		{"nobody", loginAs("nobody", "p"), 400},
		{"names are compared exactly", loginAs("Good", "p"), 400},
		{"an account without password", loginAs("mute", ""), 400},
		{"a disabled account", loginAs("off", "p"), 401},
		{"a disabled account with a wrong password", loginAs("off", "x"), 400},
		{"an account that expired today", loginAs("past", "p"), 401},
		{"an account that expires tomorrow", loginAs("future", "p"), 0},
		{"an expiry that cannot be read", loginAs("odd", "p"), 401},
		{"no application privilege", loginAs("denied", "p"), 402},
		{"a second factor that is enforced and not set up", loginAs("enforced", "p"), 406},
		{"a locked account", loginAs("locked", "p"), 411},
		{"a second factor that is missing", loginAs("otp", "p"), 403},
		{"a wrong one-time code", loginAs("otp", "p") + "&otp_code=1", 404},
		{"the right one-time code", loginAs("otp", "p") + "&otp_code=246810", 0},
		{"a device that is not known", loginAs("otp", "p") + "&device_id=x&device_name=y", 403},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n := start(t, o)
			_, body := send(t, n, "entry.cgi", form(test.request), nil)
			if got := code(t, body); got != test.want {
				t.Errorf("code %d, want %d", got, test.want)
			}
		})
	}
}

func TestATrustedDeviceTakesThePlaceOfTheCode(t *testing.T) {
	n := start(t, household())
	_, body := send(t, n, "entry.cgi", form(loginAs("otto", "red fox")+"&otp_code=246810&enable_device_token=yes&device_name=laptop"), nil)
	var rep struct {
		Data struct {
			DeviceID string `json:"device_id"`
		}
	}
	if err := json.Unmarshal([]byte(body), &rep); err != nil {
		t.Fatal(err)
	}
	_, body = send(t, n, "entry.cgi", form(loginAs("otto", "red fox")+"&device_name=laptop&device_id="+rep.Data.DeviceID), nil)
	if got := code(t, body); got != 0 {
		t.Errorf("code %d", got)
	}
	n.Update("mum", func(a *Account) { a.TwoFactor = true })
	_, body = send(t, n, "entry.cgi", form(loginAs("mum", "blue bird")+"&device_name=laptop&device_id="+rep.Data.DeviceID), nil)
	if got := code(t, body); got != 403 {
		t.Errorf("the device of another: code %d", got)
	}
}

func TestCookiesOfALogin(t *testing.T) {
	n := start(t, household())
	request := loginAs("otto", "red fox") + "&otp_code=246810&enable_device_token=yes&device_name=laptop"
	cookies := func(format string) (set []string) {
		response, _ := send(t, n, "entry.cgi", form(request+format), nil)
		for _, c := range response.Cookies() {
			c.Value = ""
			set = append(set, c.String())
		}
		return set
	}
	did := "did=; Path=/; Max-Age=2592000; HttpOnly"
	if diff := cmp.Diff([]string{did, "id=; Path=/; Max-Age=604800; HttpOnly"}, cookies("")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{did}, cookies("&format=sid")); diff != "" {
		t.Error(diff)
	}
}

func TestHowASessionCanBeSent(t *testing.T) {
	n := start(t, household())
	l := logIn(t, n, "claimsmith", servicePassword)
	_, plain := send(t, n, "entry.cgi", form(loginAs("claimsmith", servicePassword)+"&format=sid"), nil)
	var rep struct{ Data struct{ Sid string } }
	if err := json.Unmarshal([]byte(plain), &rep); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, request string
		header        http.Header
		want          int
	}{
		{"cookie and header", list, l.header(), 0},
		{"parameters", list + "&_sid=" + l.sid + "&SynoToken=" + l.token, nil, 0},
		{"nothing", list, nil, 119},
		{"a session that never was", list + "&_sid=x", nil, 119},
		{"no syno token", list + "&_sid=" + l.sid, nil, 103},
		{"a wrong syno token", list + "&SynoToken=x&_sid=" + l.sid, nil, 103},
		{"a session that was opened without syno token", list + "&_sid=" + rep.Data.Sid, nil, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, body := send(t, n, "entry.cgi", form(test.request), test.header)
			if got := code(t, body); got != test.want {
				t.Errorf("code %d, want %d", got, test.want)
			}
		})
	}
}

func TestWhatEndsASession(t *testing.T) {
	var c clock
	tests := []struct {
		name   string
		o      Options
		happen func(t *testing.T, n *NAS, l login)
		want   int
	}{
		{"nothing", Options{}, func(*testing.T, *NAS, login) {}, 0},
		{"fourteen minutes", Options{}, func(*testing.T, *NAS, login) { c.advance(14 * time.Minute) }, 0},
		{"the logout timer", Options{}, func(*testing.T, *NAS, login) { c.advance(15 * time.Minute) }, 106},
		{"a logout", Options{}, func(t *testing.T, n *NAS, l login) {
			send(t, n, "entry.cgi", form("api=SYNO.API.Auth&version=7&method=logout"), l.header())
		}, 119},
		{"a second login", Options{SingleSession: true}, func(t *testing.T, n *NAS, _ login) {
			logIn(t, n, "claimsmith", servicePassword)
		}, 107},
		{"a second login where that is allowed", Options{}, func(t *testing.T, n *NAS, _ login) {
			logIn(t, n, "claimsmith", servicePassword)
		}, 0},
		{"a reboot", Options{}, func(_ *testing.T, n *NAS, _ login) { n.Reboot() }, 119},
		{"a reboot that answers 105", Options{}, func(_ *testing.T, n *NAS, _ login) { n.EndSessions(105) }, 105},
		{"the end of the account", Options{}, func(_ *testing.T, n *NAS, _ login) { n.Remove("claimsmith") }, 119},
		{"the account is switched off", Options{}, func(_ *testing.T, n *NAS, _ login) {
			n.Update("claimsmith", func(a *Account) { a.Expired = "now" })
		}, 119},
		{"the account is an administrator no more", Options{}, func(_ *testing.T, n *NAS, _ login) {
			n.Update("claimsmith", func(a *Account) { a.Groups = nil })
		}, 105},
		{"another code for a missing syno token", Options{TokenCode: 119}, func(_ *testing.T, n *NAS, l login) {
			n.sessions[l.sid].token = "other"
		}, 119},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.o.Now, test.o.Service = c.now, household().Service
			n := start(t, test.o)
			l := logIn(t, n, "claimsmith", servicePassword)
			test.happen(t, n, l)
			_, body := send(t, n, "entry.cgi", form(list), l.header())
			if got := code(t, body); got != test.want {
				t.Errorf("code %d, want %d", got, test.want)
			}
		})
	}
}

func TestASessionIsBoundToItsAddress(t *testing.T) {
	for skip, want := range map[bool]int{false: 150, true: 0} {
		n := start(t, Options{Service: household().Service, TrustProxy: true, SkipIPCheck: skip})
		l := logIn(t, n, "claimsmith", servicePassword)
		header := l.header()
		header.Set("X-Forwarded-For", "192.0.2.1, 192.0.2.7")
		_, body := send(t, n, "entry.cgi", form(list), header)
		if got := code(t, body); got != want {
			t.Errorf("skip %v: code %d, want %d", skip, got, want)
		}
	}
}

func TestSessionsAreCounted(t *testing.T) {
	n := start(t, household())
	l := logIn(t, n, "claimsmith", servicePassword)
	logIn(t, n, "mum", "blue bird")
	if got := n.Sessions(); got != 2 {
		t.Errorf("%d sessions", got)
	}
	send(t, n, "entry.cgi", form("api=SYNO.API.Auth&version=7&method=logout"), l.header())
	if got := n.Sessions(); got != 1 {
		t.Errorf("%d sessions after a logout", got)
	}
}

func TestAutoBlockCountsByAddress(t *testing.T) {
	var c clock
	o := household()
	o.Now, o.TrustProxy, o.AutoBlock = c.now, true, AutoBlock{Attempts: 3, Within: time.Minute, Expire: time.Hour}
	n := start(t, o)
	try := func(from, password string) int {
		_, body := send(t, n, "entry.cgi", form(loginAs("mum", password)), http.Header{"X-Forwarded-For": {from}})
		return code(t, body)
	}
	var got []int
	for _, password := range []string{"x", "x", "blue bird", "x", "blue bird"} {
		got = append(got, try("192.0.2.1", password))
	}
	got = append(got, try("192.0.2.2", "blue bird"))
	c.advance(time.Hour)
	got = append(got, try("192.0.2.1", "blue bird"))
	n.Block("192.0.2.2")
	got = append(got, try("192.0.2.2", "blue bird"))
	n.Unblock("192.0.2.2")
	got = append(got, try("192.0.2.2", "blue bird"))
	for range 3 { // too slow to be blocked
		got = append(got, try("192.0.2.3", "x"))
		c.advance(time.Minute)
	}
	got = append(got, try("192.0.2.3", "blue bird"))
	want := []int{400, 400, 0, 400, 407, 0, 0, 407, 0, 400, 400, 400, 0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAutoBlockCanBeOff(t *testing.T) {
	n := start(t, Options{AutoBlock: AutoBlock{Off: true, Attempts: 1}})
	for range 2 {
		if _, body := send(t, n, "entry.cgi", form(loginAs("mum", "x")), nil); code(t, body) != 400 {
			t.Error(body)
		}
	}
}

func TestTheCertificateIsForThisMachine(t *testing.T) {
	n := start(t, Options{})
	if len(n.Fingerprint()) != 64 || !strings.HasPrefix(string(n.CA()), "-----BEGIN CERTIFICATE-----") {
		t.Errorf("fingerprint %s, CA %s", n.Fingerprint(), n.CA())
	}
	for _, host := range []string{"127.0.0.1", "localhost"} {
		client := n.Client()
		client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(n.URL(), "https://"))
		}
		response, err := client.Get("https://" + host + "/")
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	if _, err := http.Get(n.URL()); err == nil {
		t.Error("a stranger's client trusts it")
	}
}
