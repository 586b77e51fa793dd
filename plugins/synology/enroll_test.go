package synology

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
)

// secondFactor gives a NAS whose service account has a second factor, and the block of a configuration, without deviceFile.
func secondFactor(t *testing.T) (*dsmtest.NAS, Config) {
	t.Helper()
	return startNAS(t, func(o *dsmtest.Options) { o.Service.TwoFactor, o.Service.OTP = true, "246810" })
}

func enroll(t *testing.T, c Config, code string) (string, error) {
	t.Helper()
	block, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return Enroll(t.Context(), block, slog.New(slog.DiscardHandler), func() (string, error) { return code, nil })
}

func TestATrustedDeviceIsEnrolledAndUsed(t *testing.T) {
	nas, c := secondFactor(t)
	c.DeviceFile = filepath.Join(t.TempDir(), "device")
	file, err := enroll(t, c, "246810")
	if err != nil || file != c.DeviceFile {
		t.Fatalf("%q, %v", file, err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}
	if names, err := os.ReadDir(filepath.Dir(file)); err != nil || len(names) != 1 {
		t.Errorf("beside it: %v, %v", names, err)
	}
	if got, want := calls(nas), lines(query, login, logout); got != want || nas.Sessions() != 0 {
		t.Errorf("calls\n%s\nwant\n%s", got, want)
	}
	l, _ := opened(t, c)
	if got, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil || !got.Found {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestARunningPluginTakesUpTheDevice(t *testing.T) {
	nas, c := secondFactor(t)
	c.DeviceFile = write(t, "of-another-NAS\n", 0o600)
	l, _ := opened(t, c)
	for range 2 {
		if _, err := l.Lookup(t.Context(), Params{Name: "mum"}); !strings.Contains(text(err), "DSM asks for a second factor: make this machine a trusted device") {
			t.Errorf("error %v", err)
		}
	}
	if _, err := enroll(t, c, "246810"); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil || !got.Found {
		t.Errorf("%+v, %v", got, err)
	}
	want := lines(query, login+" 403", query, login, logout, query, login, list, list, compound, members, groups)
	if got := calls(nas); got != want {
		t.Errorf("calls\n%s\nwant\n%s", got, want)
	}
}

func TestWhatCanGoWrongWithEnrolling(t *testing.T) {
	nas, good := secondFactor(t)
	dir := t.TempDir()
	good.DeviceFile = filepath.Join(dir, "device")
	tests := []struct {
		name      string
		change    func(*Config)
		code      string
		want      string // the begin of the error
		wantCalls string
	}{
		{"no file to write", func(c *Config) { c.DeviceFile = "" }, "246810", "deviceFile: the name of the file is empty", ""},
		{"something else wrong", func(c *Config) { c.Account = "" }, "246810", "account: the name is empty", ""},
		{"a snapshot", func(c *Config) { *c = Config{Source: "snapshot", SnapshotFile: ownFile(t, "")} }, "246810",
			"source: a snapshot is read without any account, so there is nothing to enroll", ""},
		{"no code", func(*Config) {}, "", "no code was given", ""},
		{"a wrong code", func(*Config) {}, "111111", "SYNO.API.Auth login: DSM did not accept the code of the second factor: codes count once", lines(query, login+" 404")},
		{"a folder that is not there", func(c *Config) { c.DeviceFile = filepath.Join(dir, "none", "device") }, "246810",
			"DSM trusts this machine now, but the device cannot be kept in ", lines(query, login, logout)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := good
			tt.change(&c)
			_, err := enroll(t, c, tt.code)
			if !strings.HasPrefix(text(err), tt.want) {
				t.Errorf("error %q\nwant one that begins %q", text(err), tt.want)
			}
			if got := calls(nas); got != tt.wantCalls {
				t.Errorf("calls\n%s\nwant\n%s", got, tt.wantCalls)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
	t.Run("the code is asked for last", func(t *testing.T) {
		_, err := Enroll(t.Context(), []byte(`{"url": "http://nas"}`), slog.New(slog.DiscardHandler), func() (string, error) {
			t.Error("it was asked for")
			return "", errors.New("unused")
		})
		var problems sdk.Problems
		if !errors.As(err, &problems) || !reflect.DeepEqual(len(problems), 3) {
			t.Errorf("%v", err)
		}
	})
}
