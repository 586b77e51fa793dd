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
		sdk  debug.Module // among the dependencies
		want string
	}{
		{"a build in a working copy without its history", debug.Module{Version: "(devel)"}, debug.Module{}, ""},
		{"a build of a commit in a working copy", debug.Module{Version: "v0.3.1-0.20260801120000-0123456789ab"}, debug.Module{}, ""},
		{"a build of the first commits", debug.Module{Version: "v0.0.0-20260801120000-0123456789ab"}, debug.Module{}, ""},
		{"a build of a tag with changes on top", debug.Module{Version: "v0.3.0+dirty"}, debug.Module{}, ""},
		{"a build of a tag", debug.Module{Version: "v0.3.0"}, debug.Module{}, "v0.3.0"},
		{"go install of a tag", debug.Module{Version: "v0.3.0", Sum: "h1:x="}, debug.Module{Version: "v0.3.0", Sum: "h1:y="}, "v0.3.0"},
		{"go install of a commit", debug.Module{Version: "v0.0.0-20260801120000-0123456789ab", Sum: "h1:x="}, debug.Module{Version: "v0.2.0", Sum: "h1:y="}, "v0.2.0"},
		{"a workspace", debug.Module{Version: "(devel)"}, debug.Module{Version: "(devel)"}, ""},
		{"a module that replaces the SDK", debug.Module{Version: "(devel)"}, debug.Module{Version: "v0.2.0", Sum: "h1:y=", Replace: &debug.Module{Path: "/sdk"}}, ""},
		{"a test", debug.Module{}, debug.Module{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.sdk.Path = sdk
			if got := Released(&debug.BuildInfo{Main: tt.main, Deps: []*debug.Module{&tt.sdk}}); got != tt.want {
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

func TestAWorkspaceIsFoundAboveAFolder(t *testing.T) {
	whole, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(whole, "go.work")
	tests := []struct{ name, gowork, dir, want string }{
		{"in a checkout", "", "../phonebook", work},
		{"itself", "", whole, work},
		{"elsewhere", "", t.TempDir(), ""},
		{"named", work, t.TempDir(), work},
		{"off", "off", whole, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("GOWORK", tt.gowork)
			if got := Workspace(tt.dir); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
