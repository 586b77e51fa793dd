package sdk

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func decodeEverything(t *testing.T, data string, quote bool) (everything, error) {
	t.Helper()
	s, err := schemaOf[everything]("Config", read)
	if err != nil {
		t.Fatal(err)
	}
	var got everything
	return got, decode([]byte(data), s, quote, &got)
}

func TestAConfigurationIsDecoded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("\xef\xbb\xbfhunter 2\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := schemaOf[everything]("Config", read)
	if err != nil {
		t.Fatal(err)
	}
	var got everything
	err = decode([]byte(`{"url":"https://nas","passwordFile":"`+file+`","timeout":"1m30s","port":5001,"ratio":1,"strict":false,"peer":"::1",
		"accounts":[{"name":"mum"},{"name":"dad","groups":["a"]}]}`), s, true, &got)
	if err != nil {
		t.Fatal(err)
	}
	no := false
	want := everything{URL: "https://nas", Password: "hunter 2", Timeout: Duration(90 * time.Second), Port: 5001, Ratio: 1, Strict: &no, Peer: netip.IPv6Loopback()}
	want.Accounts = append(want.Accounts, got.Accounts...)
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(everything{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if len(got.Accounts) != 2 || got.Accounts[1].Name != "dad" || len(got.Accounts[1].Groups) != 1 {
		t.Errorf("accounts %+v", got.Accounts)
	}
}

func TestWhatIsWrongComesAllAtOnce(t *testing.T) {
	tests := []struct {
		name, data, want string
	}{
		{"nothing", ``, "url is missing\npasswordFile is missing"},
		{"no JSON", `{`, "not valid JSON"},
		{"two values", `{} {}`, "not valid JSON: something follows the object"},
		{"a list", `[]`, "must be an object, not a list"},
		{"null", `{"url":null,"password":"x"}`, "url: must be a string, not null"},
		{"names in other case", `{"URL":"x","url":"x","password":"x"}`,
			"URL: unknown name (known here: url, passwordFile, timeout, port, ratio, strict, peer, accounts)"},
		{"a name that cannot be one", `{"a\nb":1,"url":"x","password":"x"}`, "an unknown name"},
		{"a file that is not there", `{"url":"x","passwordFile":"/nonexistent/p"}`, "passwordFile: open /nonexistent/p: no such file or directory"},
		{"a file that is no string", `{"url":"x","passwordFile":1}`, "passwordFile: must be the path of a file, not a number"},
		{"a secret given twice", `{"url":"x","password":"x","passwordFile":"/dev/null"}`, "passwordFile: given as well as password (keep the file)"},
		{"wrong types", `{"url":1,"password":"x","timeout":"soon","port":70000,"ratio":"x","strict":1,"peer":true,"accounts":[{"groups":[1]},{"name":{}},3]}`, strings.Join([]string{
			`accounts[0].groups[0]: must be a string, not a number`,
			`accounts[0]: name is missing`,
			`accounts[1].name: must be a string, not an object`,
			`accounts[2]: must be an object, not a number`,
			`peer: must be a string, not true or false`,
			`port: the integer is out of range`,
			`ratio: must be a number, not a string`,
			`strict: must be true or false, not a number`,
			`timeout: time: invalid duration "soon"`,
			`url: must be a string, not a number`,
		}, "\n")},
		{"numbers that are no integers", `{"url":"x","password":"x","port":1.5}`, "port: must be an integer"},
		{"an integer that a number cannot hold", `{"url":"x","password":"x","ratio":9007199254740993}`, "ratio: the integer has more digits than a number can hold"},
		{"a number without end", `{"url":"x","password":"x","ratio":1e999}`, "ratio: the number is too large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := decodeEverything(t, tt.data, true)
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParametersAreNotQuoted(t *testing.T) {
	_, err := decodeEverything(t, `{"url":"x","password":"x","timeout":"mum@gmail.com","mum@gmail.com":1,"mum":1}`, false)
	want := "an unknown name\nan unknown name\ntimeout: does not have the right form"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestNullsAreLeftOut(t *testing.T) {
	got := string(withoutNulls([]byte(`{"a":null,"b":[{"c":null,"d":9007199254740993}],"e":"null"}`)))
	if want := `{"b":[{"d":9007199254740993}],"e":"null"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
