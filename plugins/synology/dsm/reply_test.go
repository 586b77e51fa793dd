package dsm

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAnswersThatAreNotDSMs(t *testing.T) {
	page, err := os.ReadFile("testdata/bad-gateway.html")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile("testdata/info.json")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		status int
		body   string
		want   error
		text   string
	}{
		{"a page of a proxy", 502, string(page), ErrWebPage, "SYNO.API.Info query: the answer is a web page, not DSM's Web API: check host and port of url (DSM is usually at 5001), " +
			"and any proxy before the NAS (HTTP status 502)"},
		{"a page that says 200", 200, "\n <!DOCTYPE html>", ErrWebPage, "SYNO.API.Info query: the answer is a web page, not DSM's Web API: check host and port of url (DSM is usually at 5001), and any proxy before the NAS"},
		{"nothing", 200, "", ErrEmpty, "SYNO.API.Info query: the answer is empty: DSM may be starting, or something else listens at this address"},
		{"only blanks", 503, " \r\n", ErrEmpty, "SYNO.API.Info query: the answer is empty: DSM may be starting, or something else listens at this address (HTTP status 503)"},
		{"half an answer", 200, string(whole[:len(whole)/2]), ErrTruncated, "SYNO.API.Info query: the answer ends in the middle: the connection was cut"},
		{"too much", 200, strings.Repeat(" ", maxReply) + string(whole), ErrTooLong, "SYNO.API.Info query: the answer is longer than 16 MiB"},
		{"text", 404, "page not found", ErrUnexpected, "SYNO.API.Info query: the answer is not what DSM answers here: it is not JSON (HTTP status 404)"},
		{"two answers", 200, `{"success":true}{"success":true}`, ErrUnexpected, "SYNO.API.Info query: the answer is not what DSM answers here: it is not JSON"},
		{"JSON of another service", 200, `{"message":"hello"}`, ErrUnexpected, "SYNO.API.Info query: the answer is not what DSM answers here"},
		{"a list", 200, `[1]`, ErrUnexpected, "SYNO.API.Info query: the answer is not what DSM answers here: another kind of value was wanted"},
		{"success without data", 200, `{"success":true}`, ErrUnexpected, "SYNO.API.Info query: the answer is not what DSM answers here: no data in it"},
		{"data of another kind", 200, `{"success":true,"data":["secret"]}`, ErrUnexpected, "SYNO.API.Info query: the answer is not what DSM answers here: another kind of value was wanted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, r, _ := start(t, nil)
			r.handler = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			}
			_, err := c.Users(t.Context())
			if !errors.Is(err, tt.want) || text(err) != tt.text {
				t.Errorf("error\n got %q\nwant %q", text(err), tt.text)
			}
		})
	}
}

func TestAConnectionThatIsCut(t *testing.T) {
	tests := []struct {
		name string
		cut  func(http.ResponseWriter)
		want error
	}{
		{"before the answer", func(http.ResponseWriter) {}, ErrEmpty},
		{"in the middle of it", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"success":`))
			w.(http.Flusher).Flush()
		}, ErrTruncated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, r, _ := start(t, nil)
			r.handler = func(w http.ResponseWriter, _ *http.Request) {
				tt.cut(w)
				panic(http.ErrAbortHandler)
			}
			if _, err := c.Users(t.Context()); !errors.Is(err, tt.want) {
				t.Errorf("error %q, want %q", text(err), tt.want)
			}
		})
	}
}

func TestRefusalsAreDecodedInEveryForm(t *testing.T) {
	tests := map[string]int{
		"error-105.json": 105, "error-119.json": 119, "error-120.json": 120, "error-3205.json": 3205,
		"login-400.json": 400, "login-403.json": 403, "usergroup-get-3103.json": 3103, "usergroup-get-3106.json": 3106,
	}
	for file, want := range tests {
		body, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		var refusal *Error
		if err := decode(reply{200, body}, nil); !errors.As(err, &refusal) || refusal.Code != want {
			t.Errorf("%s: %v, want code %d", file, err, want)
		}
	}
	for body, want := range map[string]int{
		`{"success":false}`: 0, `{"success":false,"error":{}}`: 0, `{"success":false,"error":{"code":"407"}}`: 407,
		`{"success":false,"error":{"code":null,"errors":[]}}`: 0, `{"success":false,"error":{"code":1e99}}`: 0,
	} {
		var refusal *Error
		if err := decode(reply{500, []byte(body)}, nil); !errors.As(err, &refusal) || refusal.Code != want {
			t.Errorf("%s: %v, want code %d", body, err, want)
		}
	}
}

// FuzzParse: no answer makes the decoder panic, and no error repeats what the answer held.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(200, body)
		f.Add(502, body[:len(body)/2])
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		var places map[string]apiPlace
		var data struct {
			Users []struct {
				Name  string `json:"name"`
				UID   number `json:"uid"`
				Admin flag   `json:"2fa_status"`
			} `json:"users"`
		}
		for _, out := range []any{nil, &places, &data} {
			err := decode(reply{status, body}, out)
			secret := []byte("a-made-up-")
			if err != nil && bytes.Contains(body, secret) && strings.Contains(err.Error(), string(secret)) {
				t.Errorf("the error repeats a secret: %v", err)
			}
			var refusal *Error
			if errors.As(err, &refusal) && refusal.Error() == "" {
				t.Error("a refusal without a sentence")
			}
		}
	})
}

// FuzzUsers holds that what one account of a recorded list says costs the others nothing.
func FuzzUsers(f *testing.F) {
	for _, odd := range []string{`{"name":"lodger","expired":false}`, `{"name":"lodger","email":["a@example.org"],"uid":1.5}`, `{"name":["lodger"]}`, `{}`, `7`, `null`, `[[]]`, `{"name":"lodger","2fa_status":"on","additional":{}}`} {
		f.Add(odd)
	}
	f.Fuzz(func(t *testing.T, odd string) {
		if !json.Valid([]byte(odd)) {
			return
		}
		c, _ := pages(t, func(offset, _ int) string {
			if offset > 0 {
				return `{"users":[]}`
			}
			return `{"users":[{"name":"ada","email":"ada@example.org","expired":"normal"},` + odd + `,{"name":"zoe","expired":"now"}]}`
		})
		users, err := c.Users(t.Context())
		if err != nil || len(users) < 2 || users[0].Name != "ada" || users[0].Email != "ada@example.org" || !slices.ContainsFunc(users, func(u User) bool { return u.Name == "zoe" }) {
			t.Errorf("%+v, %v", users, err)
		}
	})
}
