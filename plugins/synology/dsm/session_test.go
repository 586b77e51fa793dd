package dsm

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

const (
	info  = "SYNO.API.Info query"
	login = "SYNO.API.Auth login"
	users = "SYNO.Core.User list"
)

func TestALostSessionIsRenewedOnce(t *testing.T) {
	tests := []struct {
		name      string
		answers   []string // to the call made in a session that has served before
		wantErr   string
		wantCalls string
	}{
		{"an unknown session", []string{"error-119.json", "users-empty.json"}, "", lines(users, info, login, users)},
		{"105 in a session that worked may be a restarted NAS", []string{"error-105.json", "users-empty.json"}, "", lines(users, info, login, users)},
		{"105 again means the account", []string{"error-105.json"},
			"SYNO.Core.User list: the account may not list users: make it a member of the group administrators (code 105)", lines(users, info, login, users)},
		{"a session that is lost at once is not renewed for ever", []string{"error-119.json"},
			"SYNO.Core.User list: DSM does not know the session (code 119)", lines(users, info, login, users)},
		{"another refusal is no reason to sign in", []string{"error-120.json"},
			"SYNO.Core.User list: DSM misses a parameter or does not accept it (code 120)", users},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, r, _ := start(t, with(users, "users-empty.json"))
			if _, err := c.Users(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.took()
			r.then(users, tt.answers...)
			_, err := c.Users(t.Context())
			if got := text(err); got != tt.wantErr {
				t.Errorf("error\n got %q\nwant %q", got, tt.wantErr)
			}
			if got := r.took(); got != tt.wantCalls {
				t.Errorf("calls\n%s\nwant\n%s", got, tt.wantCalls)
			}
		})
	}
}

func TestEveryCodeOfALostSessionIsRenewed(t *testing.T) {
	for code, want := range map[int]bool{100: false, 103: false, 105: true, 106: true, 107: true, 119: true, 120: false, 150: true, 3106: false} {
		c, _, _ := start(t, nil)
		s := &session{born: c.options.Now()}
		s.proved.Store(true)
		if got := c.lost(fmt.Errorf("call: %w", &Error{API: apiUser, Code: code}), s); got != want {
			t.Errorf("code %d means a lost session: %v, want %v", code, got, want)
		}
	}
}

func TestAnAccountThatIsNoAdministratorIsNotSignedInAgainAndAgain(t *testing.T) {
	c, r, clock := start(t, with(users, "error-105.json"))
	want := "SYNO.Core.User list: the account may not list users: make it a member of the group administrators (code 105)"
	ask := func(wantCalls string) {
		t.Helper()
		_, err := c.Users(t.Context())
		if got := text(err); got != want {
			t.Errorf("error %q, want %q", got, want)
		}
		if got := r.took(); got != wantCalls {
			t.Errorf("calls\n%s\nwant\n%s", got, wantCalls)
		}
	}
	ask(lines(info, login, users))
	ask(users)
	clock.Add(unproved + time.Second) // then the group may have changed
	ask(lines(users, info, login, users))
}

func TestARefusedLoginIsNotRepeated(t *testing.T) {
	c, r, clock := start(t, with(login, "login-400.json"))
	want := "SYNO.API.Auth login: no such account, or a wrong password: check account and passwordFile; no login is tried again " +
		"until a pause is over or the configuration changes, because DSM blocks those who guess (code 400)"
	for _, step := range []struct {
		after            time.Duration
		wantCalls, until string
	}{
		{0, lines(info, login), ""}, {0, "", "2026-11-21T12:15:00Z"}, {15*time.Minute - 1, "", "2026-11-21T12:15:00Z"},
		{1, lines(info, login), ""}, {time.Minute, "", "2026-11-21T12:30:00Z"},
	} {
		clock.Add(step.after)
		_, err := c.Users(t.Context())
		want := want
		if step.wantCalls == "" {
			want = "logins are paused until " + step.until + ": " + want
		}
		var refusal *Error
		if !errors.As(err, &refusal) || *refusal != (Error{API: "SYNO.API.Auth", Method: "login", Code: 400}) || err.Error() != want {
			t.Errorf("error %q, want %q", text(err), want)
		}
		if got := r.took(); got != step.wantCalls {
			t.Errorf("after %s: calls %q, want %q", step.after, got, step.wantCalls)
		}
	}
	clock.Add(15 * time.Minute)
	r.then(login, "login.json")
	if _, err := c.Users(t.Context()); err != nil {
		t.Errorf("after the pause, with an account that is good again: %v", err)
	}
}

func TestEveryRefusalOfTheAccountStopsLogins(t *testing.T) {
	for code, want := range map[int]bool{0: false, 100: false, 105: true, 109: false, 119: false, 160: true, 400: true, 401: true,
		402: true, 403: true, 404: true, 405: true, 406: true, 407: true, 408: true, 409: true, 410: true, 411: true, 412: true} {
		if got := (&Error{API: apiAuth, Method: "login", Code: code}).stopsLogins(); got != want {
			t.Errorf("code %d stops logins: %v, want %v", code, got, want)
		}
	}
}

func TestARefusalWhileASessionIsRenewedIsRememberedToo(t *testing.T) {
	c, r, _ := start(t, with(users, "users-empty.json", "error-119.json"))
	if _, err := c.Users(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.then(login, "login-403.json")
	for _, want := range []string{lines(info, login, users, users, info, login), ""} {
		if _, err := c.Users(t.Context()); err == nil {
			t.Error("no error")
		}
		if got := r.took(); got != want {
			t.Errorf("calls\n%s\nwant\n%s", got, want)
		}
	}
}

func TestManyCallersShareOneLogin(t *testing.T) {
	c, r, _ := start(t, with(users, "users-empty.json"))
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() {
			if _, err := c.Users(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	logins := 0
	for _, req := range r.seen {
		if req.Form.Get("method") == "login" {
			logins++
		}
	}
	if logins != 1 {
		t.Errorf("%d logins, want 1", logins)
	}
}

func TestALoginReplyThatCannotBeUsed(t *testing.T) {
	tests := []struct{ name, info, login, want string }{
		{"without a session", ``, `{"success":true,"data":{"synotoken":"x"}}`,
			"SYNO.API.Auth login: the answer is not what DSM answers here: no usable session in it"},
		{"a session that would break the header", ``, `{"success":true,"data":{"sid":"a\r\nb"}}`,
			"SYNO.API.Auth login: the answer is not what DSM answers here: no usable session in it"},
		{"a path that leads elsewhere", `{"success":true,"data":{"SYNO.API.Auth":{"path":"../../evil","minVersion":1,"maxVersion":7}}}`, ``,
			"SYNO.API.Info query: the answer is not what DSM answers here: no usable path or version in it"},
		{"a path that is an address", `{"success":true,"data":{"SYNO.API.Auth":{"path":"http://evil.example/x","minVersion":1,"maxVersion":7}}}`, ``,
			"SYNO.API.Info query: the answer is not what DSM answers here: no usable path or version in it"},
		{"an API that this DSM does not have", `{"success":true,"data":{"SYNO.API.Auth":{"path":"entry.cgi","minVersion":1,"maxVersion":7}}}`, `{"success":true,"data":{"sid":"x"}}`,
			"SYNO.Core.User list: this DSM does not offer the call (code 102)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, r, _ := start(t, nil)
			r.handler = func(w http.ResponseWriter, req *http.Request) {
				body := tt.login
				if req.Form.Get("method") == "query" {
					body = tt.info
					if body == "" {
						body = `{"success":true,"data":{"SYNO.API.Auth":{"path":"entry.cgi","minVersion":1,"maxVersion":7}}}`
					}
				}
				_, _ = w.Write([]byte(body))
			}
			_, err := c.Users(t.Context())
			if got := text(err); got != tt.want {
				t.Errorf("error\n got %q\nwant %q", got, tt.want)
			}
		})
	}
}
