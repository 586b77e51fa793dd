package starter

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
)

func TestAModuleThatNobodyCanFetchIsNotReleased(t *testing.T) {
	tests := []struct {
		name string
		main debug.Module
		want string
	}{
		{"a build in a working copy without its history", debug.Module{Version: "(devel)"}, ""},
		{"a build of a commit in a working copy", debug.Module{Version: "v0.3.1-0.20260801120000-0123456789ab"}, ""},
		{"a build of the first commits", debug.Module{Version: "v0.0.0-20260801120000-0123456789ab"}, ""},
		{"a build of a tag with changes on top", debug.Module{Version: "v0.3.0+dirty"}, ""},
		{"a build of a tag", debug.Module{Version: "v0.3.0"}, "v0.3.0"},
		{"go install of a tag", debug.Module{Version: "v0.3.0", Sum: "h1:x="}, "v0.3.0"},
		{"go install of a commit", debug.Module{Version: "v0.0.0-20260801120000-0123456789ab", Sum: "h1:x="}, "v0.0.0-20260801120000-0123456789ab"},
		{"a test", debug.Module{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Released(&debug.BuildInfo{Main: tt.main}); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestACheckoutIsFoundAboveAFolder(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "go.mod"), []byte("module example.org/claimsmith\n\nrequire github.com/claimsmith/claimsmith v0.1.0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		folders []string
		want    string
	}{
		{"inside it", []string{here}, whole},
		{"itself", []string{whole}, whole},
		{"the second of two", []string{other, here}, whole},
		{"a module that only uses it", []string{other}, ""},
		{"a folder that is gone", []string{filepath.Join(other, "gone", "cmd")}, ""},
		{"a name without the folder, as of a build that trims paths", []string{"github.com/claimsmith/claimsmith/cmd/claimsmith"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Checkout(tt.folders...); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if err, want := CheckedOut(other), filepath.Join(other, "go.mod")+" is not the go.mod of github.com/claimsmith/claimsmith"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
