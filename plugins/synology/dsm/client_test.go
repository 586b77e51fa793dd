package dsm

import (
	"context"
	"net/http"
	"reflect"
	"testing"
	"time"
)

func TestUsersAreReadAsRecorded(t *testing.T) {
	c, r, _ := start(t, recorded())
	got, err := c.Users(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []User{
		{"admin", Local, 1024, "", "System default user", "now", false},
		{"guest", Local, 1025, "", "Guest", "now", false},
		{"ada.example", Local, 1026, "Ada@Example.org", "Ada Example", "normal", false},
		{"Lodger", Local, 1027, "lodger@example.org", "", "2027/1/31", true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("users\n got %+v\nwant %+v", got, want)
	}
	calls := lines("SYNO.API.Info query", "SYNO.API.Auth login", "SYNO.Core.User list", "SYNO.Core.User list")
	if got := r.took(); got != calls {
		t.Errorf("calls\n got %s\nwant %s", got, calls)
	}
}

func TestCallsAreMadeAsDSMWantsThem(t *testing.T) {
	c, r, _ := start(t, recorded())
	if _, err := c.Users(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.GroupsOf(t.Context(), "0042"); err != nil {
		t.Fatal(err)
	}
	type made struct {
		method, path, query, body, cookie, token string
	}
	names := "SYNO.API.Auth%2CSYNO.Core.User%2CSYNO.Core.User.Group%2CSYNO.Core.Group%2CSYNO.Core.Group.Member%2CSYNO.Entry.Request"
	additional := "additional=%5B%22email%22%2C%22description%22%2C%22expired%22%2C%22uid%22%2C%222fa_status%22%5D"
	users := additional + "&api=SYNO.Core.User&limit=5&method=list&offset="
	local := "&sort_by=%22name%22&sort_direction=%22ASC%22&type=%22local%22&version=1"
	session, token := "id=a-made-up-sid-0001", "a-made-up-token-0001"
	want := []made{
		{"GET", "/webapi/query.cgi", "api=SYNO.API.Info&method=query&query=" + names + "&version=1", "", "", ""},
		{"POST", "/webapi/entry.cgi", "", "account=claimsmith&api=SYNO.API.Auth&enable_syno_token=yes&format=sid&method=login&passwd=a+made-up+password&version=7", "", ""},
		{"POST", "/webapi/entry.cgi", "", users + "0" + local, session, token},
		{"POST", "/webapi/entry.cgi", "", users + "4" + local, session, token},
		{"POST", "/webapi/entry.cgi", "", "api=SYNO.Core.User.Group&method=get&name=%220042%22&version=1", session, token},
	}
	var got []made
	for _, req := range r.seen {
		got = append(got, made{req.Method, req.URL.Path, req.URL.RawQuery, req.PostForm.Encode(), req.Header.Get("Cookie"), req.Header.Get("X-SYNO-TOKEN")})
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("calls\n got %+v\nwant %+v", got, want)
	}
}

func TestPathAndVersionFollowWhatTheNASOffers(t *testing.T) {
	files := with("SYNO.API.Info query", "info-dsm6.json")
	files["SYNO.API.Auth login"] = []string{"login-dsm5.json"}
	c, r, _ := start(t, files)
	if _, err := c.Users(t.Context()); err != nil {
		t.Fatal(err)
	}
	login, list := r.seen[1], r.seen[2]
	if login.URL.Path != "/webapi/auth.cgi" || login.Form.Get("version") != "6" {
		t.Errorf("login at %s version %s, want /webapi/auth.cgi version 6", login.URL.Path, login.Form.Get("version"))
	}
	if _, sent := list.Header["X-Syno-Token"]; sent {
		t.Error("a token was sent, though the NAS gave none")
	}
}

func TestAPathInTheAddressIsKept(t *testing.T) {
	c, r, _ := start(t, recorded())
	u, err := ParseURL(c.base.String()+"/nas/", true)
	if err != nil {
		t.Fatal(err)
	}
	c.base = u
	if _, err := c.Users(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := r.seen[0].URL.Path, "/nas/webapi/query.cgi"; got != want {
		t.Errorf("path %s, want %s", got, want)
	}
}

func TestMembershipsInvertTheGroups(t *testing.T) {
	c, r, _ := start(t, recorded())
	got, err := c.Memberships(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"admin": {"administrators", "users"}, "ada.example": {"users"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("memberships %v, want %v", got, want)
	}
	var groups []string
	for _, req := range r.seen {
		if g := req.Form.Get("group"); g != "" {
			groups = append(groups, g+" "+req.Form.Get("ingroup")+" "+req.Form.Get("offset"))
		}
	}
	wantGroups := []string{`"administrators" true 0`, `"administrators" true 1`, `"http" true 0`, `"users" true 0`, `"users" true 2`}
	if !reflect.DeepEqual(groups, wantGroups) {
		t.Errorf("asked for members of %q, want %q", groups, wantGroups)
	}
}

func TestGroupsOfAUserAreSorted(t *testing.T) {
	c, _, _ := start(t, recorded())
	got, err := c.GroupsOf(t.Context(), "ada.example")
	if want := []string{"administrators", "users"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("groups %v, %v, want %v", got, err, want)
	}
}

func TestCloseSignsOutOnceAndForGood(t *testing.T) {
	c, r, _ := start(t, recorded())
	if _, err := c.Users(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.took()
	for range 2 {
		if err := c.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := r.took(), "SYNO.API.Auth logout"; got != want {
		t.Errorf("calls %q, want %q", got, want)
	}
	if _, err := c.Users(t.Context()); err != ErrClosed {
		t.Errorf("a call after Close gets %v, want ErrClosed", err)
	}
}

func TestClosingAClientThatNeverCalledMakesNoCall(t *testing.T) {
	c, r, _ := start(t, recorded())
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.took(); got != "" {
		t.Errorf("calls %q, want none", got)
	}
}

func TestDeadlines(t *testing.T) {
	held := make(chan struct{})
	hang := func(w http.ResponseWriter, req *http.Request) {
		select {
		case <-req.Context().Done():
		case <-held:
		}
	}
	t.Run("a NAS that does not answer costs the limit of a call", func(t *testing.T) {
		c, r, _ := start(t, nil)
		r.handler, c.options.Timeout = hang, time.Millisecond
		_, err := c.Users(t.Context())
		if got, want := text(err), "SYNO.API.Info query: the NAS did not answer within 1ms; it may be asleep or switched off: context deadline exceeded"; got != want {
			t.Errorf("error %q, want %q", got, want)
		}
	})
	t.Run("a caller who leaves is let go", func(t *testing.T) {
		c, r, _ := start(t, nil)
		r.handler = hang
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := c.Users(ctx)
		if got, want := text(err), "SYNO.API.Info query: wait for the NAS: context deadline exceeded"; got != want {
			t.Errorf("error %q, want %q", got, want)
		}
	})
	close(held)
}
