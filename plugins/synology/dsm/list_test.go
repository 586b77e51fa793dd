package dsm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// pages answers user lists with f, and all else as recorded.
func pages(t *testing.T, f func(offset, limit int) string) (*Client, *replay) {
	t.Helper()
	c, r, _ := start(t, nil)
	r.handler = func(w http.ResponseWriter, req *http.Request) {
		switch req.Form.Get("method") {
		case "query":
			_, _ = w.Write([]byte(`{"success":true,"data":{"SYNO.API.Auth":{"path":"entry.cgi","minVersion":1,"maxVersion":7},"SYNO.Core.User":{"path":"entry.cgi","minVersion":1,"maxVersion":1}}}`))
		case "login":
			_, _ = w.Write([]byte(`{"success":true,"data":{"sid":"s","synotoken":"t"}}`))
		case "list":
			offset, _ := strconv.Atoi(req.Form.Get("offset"))
			limit, _ := strconv.Atoi(req.Form.Get("limit"))
			_, _ = w.Write([]byte(`{"success":true,"data":` + f(offset, limit) + `}`))
		}
	}
	return c, r
}

// page is a part of a list of users u0, u1, ...
func page(first, behind, total int) string {
	items := make([]string, 0, max(behind-first, 0))
	for i := first; i < behind; i++ {
		items = append(items, fmt.Sprintf(`{"name":"u%d","uid":%d,"email":"u%d@example.org","expired":"normal"}`, i, 1026+i, i))
	}
	return fmt.Sprintf(`{"total":%d,"users":[%s]}`, total, strings.Join(items, ","))
}

func TestListsArePagedUntilOneIsEmpty(t *testing.T) {
	tests := []struct {
		name  string
		serve func(offset, limit int) string
		want  string
	}{
		{"pages as asked for", func(o, l int) string { return page(o, min(o+l, 12), 12) }, "12 in 4 calls"},
		{"pages shorter than asked for", func(o, _ int) string { return page(o, min(o+3, 12), 12) }, "12 in 5 calls"},
		{"a total that is too small does not end the list", func(o, l int) string { return page(o, min(o+l, 12), 1) }, "12 in 4 calls"},
		{"a total that is too large does not prolong it", func(o, l int) string { return page(o, min(o+l, 12), 99) }, "12 in 4 calls"},
		{"no total", func(o, l int) string { return strings.Replace(page(o, min(o+l, 12), 0), `"total":0,`, "", 1) }, "12 in 4 calls"},
		{"everything at once, however often", func(int, int) string { return page(0, 12, 12) }, "12 in 2 calls"},
		{"entries that moved by one are taken once", func(o, l int) string { return page(max(o-1, 0), min(o+l, 12), 12) }, "12 in 4 calls"},
		{"one page again and again, and more is said to be there", func(int, int) string { return page(0, 5, 12) },
			"SYNO.Core.User list: the answer is not what DSM answers here: the same page came twice"},
		{"no list", func(int, int) string { return `{"total":0}` },
			"SYNO.Core.User list: the answer is not what DSM answers here: no list of users in it"},
		{"odd entries cost themselves and nobody else", func(o, _ int) string {
			if o > 0 {
				return `{"users":[]}`
			}
			return `{"users":[7,{"name":"u0"},{"email":"u1@example.org"},{"name":["u2"]},null,{"name":"u3"}]}`
		}, "2 in 2 calls"},
		{"nothing but odd entries, for ever", func(int, int) string { return `{"users":[` + strings.Repeat("7,", 9999) + `7]}` },
			"SYNO.Core.User list: the answer is not what DSM answers here: more than 200000 entries"},
		{"a list without an end", func(o, _ int) string { return page(o, o+50_000, 0) },
			"SYNO.Core.User list: the answer is not what DSM answers here: more than 200000 entries"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, r := pages(t, tt.serve)
			users, err := c.Users(t.Context())
			got := text(err)
			if err == nil {
				got = fmt.Sprintf("%d in %d calls", len(users), strings.Count(r.took(), "SYNO.Core.User list"))
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMembersOfAUserMayBeMissingOrOfAnotherKind(t *testing.T) {
	tests := []struct {
		name, item string
		want       User
	}{
		{"a bare name", `{"name":"ada"}`, User{Name: "ada", Expired: Unstated}},
		{"expired as null", `{"name":"ada","expired":null}`, User{Name: "ada", Expired: Unstated}},
		{"expired as a boolean", `{"name":"ada","expired":false}`, User{Name: "ada", Expired: Unstated}},
		{"an address of another kind", `{"name":"ada","email":["a@example.org"],"expired":"normal"}`, User{Name: "ada", Expired: "normal"}},
		{"a description of another kind", `{"name":"ada","description":{},"expired":"normal"}`, User{Name: "ada", Expired: "normal"}},
		{"uid as a fraction", `{"name":"ada","expired":"now","uid":1026.5}`, User{Name: "ada", Expired: "now"}},
		{"expired empty", `{"name":"ada","expired":""}`, User{Name: "ada"}},
		{"uid as a string", `{"name":"ada","expired":"now","uid":"1026"}`, User{Name: "ada", Expired: "now", UID: 1026}},
		{"uid that is no number", `{"name":"ada","expired":"now","uid":"?"}`, User{Name: "ada", Expired: "now"}},
		{"second factor in words", `{"name":"ada","expired":"now","2fa_status":"enabled"}`, User{Name: "ada", Expired: "now"}},
		{"email null", `{"name":"ada","expired":"now","email":null}`, User{Name: "ada", Expired: "now"}},
		{"a name in Unicode", `{"name":"Åda Ünïcode","expired":"normal"}`, User{Name: "Åda Ünïcode", Expired: "normal"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := pages(t, func(offset, _ int) string {
				if offset > 0 {
					return `{"users":[]}`
				}
				return `{"users":[` + tt.item + `]}`
			})
			tt.want.Kind = Local
			users, err := c.Users(t.Context())
			if err != nil || len(users) != 1 || users[0] != tt.want {
				t.Errorf("users %+v, %v, want %+v", users, err, tt.want)
			}
		})
	}
}

func TestParametersAreJSONWithoutTheEscapesOfWebPages(t *testing.T) {
	for in, want := range map[any]string{
		`a<b>&"c"\`: `"a<b>&\"c\"\\"`, "0042": `"0042"`, 5: `5`, true: `true`,
	} {
		got, err := encode(in)
		if err != nil || got != want || !json.Valid([]byte(got)) {
			t.Errorf("encode(%v) = %s, %v, want %s", in, got, err, want)
		}
	}
}

func TestADSMThatHidesTheAdministratorsIsNotBelieved(t *testing.T) {
	c, _, _ := start(t, with("SYNO.Core.Group list", "groups-empty.json"))
	_, err := c.Memberships(t.Context())
	want := "SYNO.Core.Group list: the answer is not what DSM answers here: no group administrators in it"
	if got := text(err); got != want {
		t.Errorf("error %q, want %q", got, want)
	}
}

func TestGroupsWithTheirNumbersAreReadToo(t *testing.T) {
	files := with("SYNO.Core.Group list", "groups-gid.json", "groups-empty.json")
	files["SYNO.Core.Group.Member list"] = []string{"members-administrators.json", "members-empty.json"}
	c, _, _ := start(t, files)
	of, err := c.Memberships(t.Context())
	if err != nil || fmt.Sprint(of) != "map[admin:[administrators]]" {
		t.Errorf("memberships %v, %v", of, err)
	}
}

// A group that cannot be read may be the one that matters.
func TestOddGroupsAreNotLeftOut(t *testing.T) {
	c, r, _ := start(t, nil)
	r.handler = func(w http.ResponseWriter, req *http.Request) {
		switch req.Form.Get("method") {
		case "query":
			_, _ = w.Write([]byte(`{"success":true,"data":{"SYNO.API.Auth":{"path":"entry.cgi","minVersion":1,"maxVersion":7},"SYNO.Core.Group":{"path":"entry.cgi","minVersion":1,"maxVersion":1}}}`))
		case "login":
			_, _ = w.Write([]byte(`{"success":true,"data":{"sid":"s","synotoken":"t"}}`))
		default:
			_, _ = w.Write([]byte(`{"success":true,"data":{"groups":[{"name":"administrators"},{"name":7}]}}`))
		}
	}
	_, err := c.Memberships(t.Context())
	if got, want := text(err), "SYNO.Core.Group list: the answer is not what DSM answers here: no list of groups in it"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
}
