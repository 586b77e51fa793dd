package synology

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
	"github.com/claimsmith/claimsmith/sidecar/files"
)

// write makes a file in a folder of the test and returns its path.
func write(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil { // whatever the mask
		t.Fatal(err)
	}
	return file
}

func TestConfigurationsAreChecked(t *testing.T) {
	password := write(t, "secret\n", 0o600)
	missing := filepath.Join(t.TempDir(), "none")
	open := write(t, "secret", 0o604)
	loose := write(t, "", 0o660)
	if err := os.Chmod(filepath.Dir(loose), 0o755); err != nil {
		t.Fatal(err)
	}
	pin := strings.Repeat("0", 64)
	good := `"url": "https://nas.example.org:5001", "account": "claimsmith", "passwordFile": "` + password + `"`
	with := func(file string) string {
		return `{"url": "https://nas", "account": "a", "passwordFile": "` + file + `"}`
	}
	tests := []struct {
		name, config string
		want         sdk.Problems
	}{
		{"the least", `{` + good + `}`, nil},
		{"everything", `{` + good + `, "certSha256": "` + pin + `", "refresh": "1h", "timeZone": "Europe/Berlin", "timeout": "3s"}`, nil},
		{"nothing", `{}`, sdk.Problems{
			{Path: "url", Message: "the address is empty"}, {Path: "account", Message: "the name is empty"},
			{Path: "passwordFile", Message: "the name of the file is empty"},
		}},
		{"all problems come at once", `{"url": "http://nas", "account": "", "passwordFile": "` + missing + `", "caFile": "` + password + `",
			"certSha256": "00", "refresh": "-1s", "timeZone": "Mars/Olympus", "timeout": "1h"}`, sdk.Problems{
			{Path: "url", Message: "http:// would send the password readable; use https://, or write allowPlainHTTP: true"},
			{Path: "account", Message: "the name is empty"},
			{Path: "passwordFile", Message: "no such file or directory", Hint: "write the password of the account into " + missing},
			{Path: "caFile", Message: "no certificate in PEM form in it", Hint: "export the certificate in DSM: Control Panel, Security, Certificate"},
			{Path: "certSha256", Message: "not a SHA-256 fingerprint of 64 hex digits", Hint: "browsers show it among the details of the certificate"},
			{Path: "certSha256", Message: "given as well as caFile", Hint: "keep one of them"},
			{Path: "refresh", Message: "must be between 1s and 24h0m0s"},
			{Path: "timeout", Message: "must be between 100ms and 5m0s"},
			{Path: "timeZone", Message: "an unknown time zone", Hint: "write it like Europe/Paris, or UTC"},
		}},
		{"every kind of account, and links", `{` + good + `, "source": "dsm", "accountTypes": ["local", "ldap", "domain"],
			"links": [{"email": "dad@example.org", "name": "Dad"}, {"email": "mum@example.org", "name": "EXAMPLE\\\\mum"}]}`, nil},
		{"types and links that are wrong", `{` + good + `, "accountTypes": ["local", "ldap", "local", "nis"], "links": [
			{"email": "dad", "name": "Dad"}, {"email": "Mum@example.org", "name": ""}, {"email": "mum@EXAMPLE.org", "name": "mum"}]}`, sdk.Problems{
			{Path: "accountTypes[2]", Message: "there is this type before"},
			{Path: "accountTypes[3]", Message: "neither local nor ldap nor domain"},
			{Path: "links[0].email", Message: "not an e-mail address"},
			{Path: "links[1].name", Message: "the name is empty"},
			{Path: "links[2].email", Message: "there is a link of this address before"},
		}},
		{"another source", `{"source": "nfs"}`, sdk.Problems{{Path: "source", Message: "neither dsm nor snapshot"}}},
		{"a snapshot without its file, with what a NAS needs", `{"source": "snapshot", "url": "https://nas", "account": "a", "accountTypes": ["ldap"]}`, sdk.Problems{
			{Path: "snapshotFile", Message: "the name of the file is empty"},
			{Path: "account", Message: "means nothing with source: snapshot, which makes no calls"},
			{Path: "url", Message: "means nothing with source: snapshot, which makes no calls"},
			{Path: "accountTypes", Message: "a snapshot holds local accounts only"},
		}},
		{"a snapshot that the group can write", `{"source": "snapshot", "snapshotFile": "` + loose + `"}`, sdk.Problems{
			{Path: "snapshotFile", Message: loose + " can be written by its group: mend it with chmod go-w " + loose, Hint: "whoever can write it decides who everybody is"}}},
		{"a snapshot with a NAS", `{` + good + `, "snapshotFile": "/nas.jsonl", "snapshotMaxAge": "2h"}`, sdk.Problems{
			{Path: "snapshotFile", Message: "means nothing without source: snapshot"},
			{Path: "snapshotMaxAge", Message: "means nothing without source: snapshot"}}},
		{"a trusted device", `{` + good + `, "deviceFile": "` + write(t, "0123456789abcdef\n", 0o600) + `"}`, nil},
		{"a trusted device that is not enrolled yet", `{` + good + `, "deviceFile": "` + missing + `"}`, sdk.Problems{
			{Path: "deviceFile", Message: "no such file or directory", Hint: "claimsmith synology enroll writes it, after asking for a one-time code"}}},
		{"a trusted device whose file depends on the folder", `{` + good + `, "deviceFile": "device"}`, sdk.Problems{
			{Path: "deviceFile", Message: "not an absolute path, and a plugin works in a folder of its own"}}},
		{"a file that holds no device", `{` + good + `, "deviceFile": "` + write(t, "two words\n", 0o600) + `"}`, sdk.Problems{
			{Path: "deviceFile", Message: "no id of a trusted device in it", Hint: "claimsmith synology enroll writes it, after asking for a one-time code"}}},
		{"plain HTTP when it is written", `{"url": "http://nas:5000", "account": "a", "passwordFile": "` + password + `", "allowPlainHTTP": true}`, nil},
		{"a fingerprint without TLS", `{"url": "http://nas:5000", "account": "a", "passwordFile": "` + password + `", "allowPlainHTTP": true, "certSha256": "` + pin + `"}`,
			sdk.Problems{{Path: "certSha256", Message: "there is no certificate with http://", Hint: "write https:// in url"}}},
		{"an authority without TLS", `{"url": "http://nas:5000", "account": "a", "passwordFile": "` + password + `", "allowPlainHTTP": true, "caFile": "` + missing + `"}`,
			sdk.Problems{
				{Path: "caFile", Message: "no such file or directory", Hint: "export the certificate in DSM: Control Panel, Security, Certificate"},
				{Path: "caFile", Message: "there is no certificate with http://", Hint: "write https:// in url"},
			}},
		{"a password that everybody can read", with(open), sdk.Problems{
			{Path: "passwordFile", Message: "every user of this machine can read or change the file", Hint: "chmod 0640 " + open}}},
		{"a password that the group can read", with(write(t, "secret", 0o640)), nil},
		{"an empty password", with(write(t, "\n", 0o600)), sdk.Problems{{Path: "passwordFile", Message: "the file is empty"}}},
		{"two lines", with(write(t, "secret\nmore\n", 0o600)), sdk.Problems{{Path: "passwordFile", Message: "the file holds more than one line"}}},
		{"a folder", with(t.TempDir()), sdk.Problems{{Path: "passwordFile", Message: "not a file"}}},
		{"a file of something else", with(write(t, strings.Repeat("x", 64<<10+1), 0o600)), sdk.Problems{
			{Path: "passwordFile", Message: "longer than 65536 bytes"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := sdktest.Check(t, Plugin(), json.RawMessage(tt.config)); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("problems\n got %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestPasswordsAreReadWithoutTheLineBreakAndNoMore(t *testing.T) {
	for content, want := range map[string]string{
		"secret": "secret", "secret\n": "secret", "secret\r\n": "secret", " with blanks \n": " with blanks ", "ünïcode": "ünïcode",
	} {
		if got, err := files.ReadSecret(write(t, content, 0o400)); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", content, got, err, want)
		}
	}
}

func TestDefaults(t *testing.T) {
	c := Config{URL: "https://nas", Account: "a", PasswordFile: write(t, "secret", 0o600)}
	s, err := c.settle(true)
	if err != nil {
		t.Fatal(err)
	}
	if s.refresh != 10*time.Minute || s.timeout != 10*time.Second || s.place != time.Local || s.client.TLS != nil {
		t.Errorf("settings %+v", s)
	}
}

func TestProblemsDoNotRepeatThePassword(t *testing.T) {
	file := write(t, "a made-up\nsecret\n", 0o600)
	_, err := Config{URL: "https://me:hidden@nas", Account: "a", PasswordFile: file}.settle(true)
	if got := text(err); strings.Contains(got, "made-up") || strings.Contains(got, "hidden") || got == "" {
		t.Errorf("problems: %s", got)
	}
}
