package claimshook_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	claimshook "github.com/claimsmith/claimsmith/dexpatch/hook"
)

func TestConfig(t *testing.T) {
	uid := uint32(65532)
	tests := []struct {
		name, json string
		want       claimshook.Config
		wantErr    string
	}{
		{
			name: "an address is enough", json: `{"address": "unix:///run/hook.sock"}`,
			want: claimshook.Config{Address: "unix:///run/hook.sock", Timeout: 3 * time.Second},
		},
		{
			name: "all that a socket takes", json: `{"address": "unix:///run/hook.sock", "serverUid": 65532, "timeout": "500ms", "clients": ["a"], "signUnchanged": ["b"], "claimsSupported": ["username"]}`,
			want: claimshook.Config{Address: "unix:///run/hook.sock", ServerUID: &uid, Timeout: time.Second / 2, Clients: []string{"a"}, SignUnchanged: []string{"b"}, ClaimsSupported: []string{"username"}},
		},
		{
			name: "a network needs certificates", json: `{"address": "dns:///hook:7443", "tls": {"caFile": "ca", "certFile": "c", "keyFile": "k", "serverName": "n"}}`,
			want: claimshook.Config{Address: "dns:///hook:7443", Timeout: 3 * time.Second, TLS: &claimshook.TLS{CAFile: "ca", CertFile: "c", KeyFile: "k", ServerName: "n"}},
		},
		{
			name: "the signer around which it lies", json: `{"address": "unix:///s", "signer": {"type": "local"}}`,
			want: claimshook.Config{Address: "unix:///s", Timeout: 3 * time.Second, Signer: json.RawMessage(`{"type": "local"}`)},
		},
		{name: "an empty block", json: `null`, wantErr: "claimsHook: has to be a map of keys and values"},
		{name: "a list", json: `[]`, wantErr: "claimsHook: has to be a map of keys and values"},
		{name: "no address", json: `{}`, wantErr: "claimsHook: address is missing"},
		{name: "an unknown key", json: `{"address": "unix:///s", "client": []}`, wantErr: `claimsHook: unknown key "client"; known are address, tls, serverUid, timeout, clients, signUnchanged, claimsSupported, signer`},
		{name: "a key in other letters", json: `{"Address": "unix:///s"}`, wantErr: `claimsHook: unknown key "Address"; known are address, tls, serverUid, timeout, clients, signUnchanged, claimsSupported, signer`},
		{name: "a key without a value", json: `{"address": "unix:///s", "clients": null}`, wantErr: "claimsHook: clients has no value"},
		{name: "a value of another type", json: `{"address": "unix:///s", "clients": "nas"}`, wantErr: "claimsHook: clients: a string is not what is wanted here"},
		{name: "a duration without a unit", json: `{"address": "unix:///s", "timeout": "3"}`, wantErr: `claimsHook: timeout: "3" is no duration like 3s`},
		{name: "no time at all", json: `{"address": "unix:///s", "timeout": "0s"}`, wantErr: "claimsHook: timeout: 0s is not between 0 and 1m0s"},
		{name: "a long time", json: `{"address": "unix:///s", "timeout": "1h"}`, wantErr: "claimsHook: timeout: 1h0m0s is not between 0 and 1m0s"},
		{name: "an empty client", json: `{"address": "unix:///s", "clients": [""]}`, wantErr: "claimsHook: clients: has an empty entry"},
		{name: "a relative socket", json: `{"address": "unix://run/hook.sock"}`, wantErr: `claimsHook: address: "unix://run/hook.sock" needs an absolute path: unix:///path`},
		{name: "a socket with certificates", json: `{"address": "unix:///s", "tls": {"caFile": "ca"}}`, wantErr: "claimsHook: tls: is for dns addresses; a socket is guarded by its mode and by serverUid"},
		{name: "plain TCP", json: `{"address": "dns:///hook:7443"}`, wantErr: "claimsHook: tls: is missing; claims do not travel over a network in the clear"},
		{name: "half of the certificates", json: `{"address": "dns:///hook:7443", "tls": {"caFile": "ca"}}`, wantErr: "claimsHook: tls: needs caFile, certFile and keyFile"},
		{name: "an unknown key of tls", json: `{"address": "dns:///hook:7443", "tls": {"insecure": true}}`, wantErr: `claimsHook: tls: unknown key "insecure"; known are caFile, certFile, keyFile, serverName`},
		{name: "a network with a user id", json: `{"address": "dns:///hook:7443", "serverUid": 1}`, wantErr: "claimsHook: serverUid: is for unix addresses"},
		{name: "a name without a port", json: `{"address": "dns:///hook"}`, wantErr: `claimsHook: address: "dns:///hook" has to be dns:///host:port`},
		{name: "another scheme", json: `{"address": "http://hook"}`, wantErr: `claimsHook: address: "http://hook" is neither unix:///path nor dns:///host:port`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got claimshook.Config
			err := got.UnmarshalJSON([]byte(tt.json))
			if message(err) != tt.wantErr {
				t.Fatalf("error:\ngot  %v\nwant %s", err, tt.wantErr)
			}
			if err == nil && !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestTheBlockIsCheckedInsideDexsConfiguration(t *testing.T) {
	var dex struct {
		ClaimsHook claimshook.Config `json:"claimsHook"`
	}
	if err := json.Unmarshal([]byte(`{"claimsHook": null}`), &dex); message(err) != "claimsHook: has to be a map of keys and values" {
		t.Errorf("an empty block would have been taken for none: %v", err)
	}
}

func TestNew(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	if h, err := claimshook.New(claimshook.Config{}, claimshook.Options{Logger: logger}); h != nil || message(err) != "claimsHook: address is missing" || log.Len() != 0 {
		t.Errorf("no configuration: got %v, %v, %s", h, err, log.String())
	}
	openLogging(t, "/run/hook.sock", `, "clients": ["nas"], "signUnchanged": ["wiki"]`, &log)
	want := `level=INFO msg="config claims hook" address=unix:///run/hook.sock timeout=3s every_client=false clients=[nas] sign_unchanged=[wiki]`
	if !strings.Contains(log.String(), want) {
		t.Errorf("log:\ngot  %swant %s", log.String(), want)
	}
	if got := openLogging(t, "/run/hook.sock", `, "claimsSupported": ["username"]`, io.Discard).SupportedClaims(); !reflect.DeepEqual(got, []string{"username"}) {
		t.Errorf("supported: %v", got)
	}
}

// TestTheREADMEKnowsEveryKey, and no other.
func TestTheREADMEKnowsEveryKey(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## Configuration\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var keys []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(section, -1) {
		keys = append(keys, m[1])
	}
	err = new(claimshook.Config).UnmarshalJSON([]byte(`{"": 1}`))
	_, known, _ := strings.Cut(message(err), "known are ")
	got := strings.Split(known, ", ")
	slices.Sort(keys)
	slices.Sort(got)
	if !slices.Equal(got, keys) {
		t.Errorf("the README has\n%q, the code\n%q", keys, got)
	}
}
