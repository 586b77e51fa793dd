package dsmtest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRepliesHaveTheRecordedShapes(t *testing.T) {
	const compound = `[{"api":"SYNO.Core.User.Group","method":"get","version":1,"name":"mum"},` +
		`{"api":"SYNO.Core.User.Group","method":"get","version":1,"name":"nobody"}]`
	tests := []struct {
		golden  string
		as      string // who is logged in; empty: nobody
		path    string
		request string
	}{
		{"info", "", "query.cgi", "api=SYNO.API.Info&version=1&method=query&query=SYNO.API.Auth,SYNO.Core.User,SYNO.No.Such"},
		{"login-v7", "", "entry.cgi", "api=SYNO.API.Auth&version=7&method=login&account=claimsmith&passwd=correct horse&enable_syno_token=yes"},
		{"login-v6-device", "", "auth.cgi", "api=SYNO.API.Auth&version=6&method=login&account=otto&passwd=red fox&otp_code=246810" +
			"&enable_syno_token=yes&enable_device_token=yes&device_name=laptop"},
		{"login-bad-password", "", "entry.cgi", "api=SYNO.API.Auth&version=7&method=login&account=mum&passwd=wrong"},
		{"login-otp", "", "entry.cgi", "api=SYNO.API.Auth&version=7&method=login&account=otto&passwd=red fox"},
		{"logout", "claimsmith", "entry.cgi", "api=SYNO.API.Auth&version=7&method=logout"},
		{"users-names", "claimsmith", "entry.cgi", "api=SYNO.Core.User&version=1&method=list&type=local"},
		{"users", "claimsmith", "entry.cgi", `api=SYNO.Core.User&version=1&method=list&type="local"&offset=2&limit=2` +
			`&additional=["email","description","expired","uid","2fa_status"]`},
		{"users-ldap", "claimsmith", "entry.cgi", "api=SYNO.Core.User&version=1&method=list&type=ldap"},
		{"user", "claimsmith", "entry.cgi", `api=SYNO.Core.User&version=1&method=get&name=["mum"]&additional=["email"]`},
		{"user-unknown", "claimsmith", "entry.cgi", "api=SYNO.Core.User.Group&version=1&method=get&name=nobody"},
		{"user-groups", "claimsmith", "entry.cgi", `api=SYNO.Core.User.Group&version=1&method=get&name="mum"`},
		{"user-groups-nameless", "claimsmith", "entry.cgi", "api=SYNO.Core.User.Group&version=1&method=get"},
		{"groups", "claimsmith", "entry.cgi", "api=SYNO.Core.Group&version=1&method=list"},
		{"members", "claimsmith", "entry.cgi/SYNO.Core.Group.Member", "version=1&method=list&group=family&ingroup=true"},
		{"members-groupless", "claimsmith", "entry.cgi", "api=SYNO.Core.Group.Member&version=1&method=list"},
		{"admins", "claimsmith", "entry.cgi", "api=SYNO.Core.Group.ValidLocalAdmin&version=1&method=list"},
		{"self", "mum", "entry.cgi", "api=SYNO.Core.NormalUser&version=1&method=get"},
		{"compound", "claimsmith", "entry.cgi", "api=SYNO.Entry.Request&version=1&method=request&mode=sequential&compound=" + compound},
		{"not-admin", "mum", "entry.cgi", "api=SYNO.Core.User&version=1&method=list"},
	}
	passwords := map[string]string{"claimsmith": servicePassword, "mum": "blue bird"}
	for _, test := range tests {
		t.Run(test.golden, func(t *testing.T) {
			n := start(t, household())
			var l login
			if test.as != "" {
				l = logIn(t, n, test.as, passwords[test.as])
			}
			response, body := send(t, n, test.path, form(test.request), l.header())
			if response.StatusCode != 200 || response.Header.Get("Content-Type") != `application/json; charset="UTF-8"` {
				t.Errorf("status %d, content type %s", response.StatusCode, response.Header.Get("Content-Type"))
			}
			want, err := os.ReadFile("testdata/" + test.golden + ".json")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(decode(t, string(want)), decode(t, body), cmp.Comparer(fresh)); diff != "" {
				t.Errorf("reply (-recorded +got):\n%s", diff)
			}
		})
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) != len(tests) {
		t.Errorf("%d files for %d tests, %v", len(files), len(tests), err)
	}
}

func TestEveryRecordedReplyHasASource(t *testing.T) {
	readme, err := os.ReadFile("testdata/README.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.Contains(string(readme), "| "+filepath.Base(file)+" |") {
			t.Errorf("%s is not in testdata/README.md", file)
		}
	}
}

// fresh takes "*" for any string that is not empty.
func fresh(a, b string) bool {
	return a == b || a == "*" && b != "" || b == "*" && a != ""
}

func decode(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}
