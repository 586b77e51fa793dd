package sidecar_test

import (
	"errors"
	"path/filepath"
	"testing"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/operator"
)

func TestTheOperatorsSocketIsFoundInABrokenFile(t *testing.T) {
	tests := []struct {
		name, text string
		socket     string // empty: it is not found
	}{
		{"what is not finished stands at the end", "listen: unix:///run/a/hook.sock\npipeline: []\nfoo: [\n", "/run/a/admin.sock"},
		{"it stands before", "foo: [\nlisten: unix:///run/a/hook.sock\n", "/run/a/admin.sock"},
		{"the long forms", "foo: ]\nlisten:\n  socket: /run/a/hook.sock\n\n  mode: \"0660\"\nadmin: {socket: /run/b/op.sock}\n", "/run/b/op.sock"},
		{"a tab", "listen: unix:///run/a/hook.sock\nlog:\n\tlevel: debug\n", "/run/a/admin.sock"},
		{"what is broken is the line itself", "listen: [unix:///run/a/hook.sock\nadmin: unix:///run/b/op.sock\n", "/run/b/op.sock"},
		{"a socket of something else", "plugins:\n  listen: unix:///run/a/hook.sock\nfoo: [\n", ""},
		{"nothing is left", "foo: [\n", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := operator.AdminSocket(written(t, t.TempDir(), test.text))
			if problems := new(*sidecar.Problems); got != test.socket || test.socket == "" != errors.As(err, problems) {
				t.Errorf("%q, %v; want %q", got, err, test.socket)
			}
		})
	}
}

func TestASocketIsNamedAsPeopleDo(t *testing.T) {
	r := serve(t, plain)
	t.Chdir(r.dir)
	for _, name := range []string{"run/admin.sock", "./run/admin.sock", "unix://" + r.dir + "/run/admin.sock", r.dir + "/run/admin.sock"} {
		conn, err := operator.DialAdmin(name)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := adminv1.NewAdminServiceClient(conn).Status(t.Context(), &adminv1.StatusRequest{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	conn, err := operator.DialAdmin("run/nobody.sock")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = adminv1.NewAdminServiceClient(conn).Status(t.Context(), &adminv1.StatusRequest{})
	want := "no sidecar answers at " + filepath.Join(r.dir, "run/nobody.sock") + ": is it running, and is it yours? no such file or directory"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
