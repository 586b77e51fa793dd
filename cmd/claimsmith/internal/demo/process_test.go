package demo

import (
	"context"
	"errors"
	"os/exec"
	"testing"
)

func TestAProgramThatEndsAtOnceIsNamed(t *testing.T) {
	silent, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		argv []string
		want string
	}{
		{"it said nothing", []string{silent, "serve", "google.yaml"}, "start google: " + silent + " ended at once and said nothing: is it a Dex?"},
		{"it said why", []string{shell, "-c", "echo no such file; exit 1"}, "google ended at once: no such file"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n := newNursery(t.TempDir())
			defer n.stop()
			p, err := n.start("google", test.argv...)
			if err != nil {
				t.Fatal(err)
			}
			err = p.ready(t.Context(), func(context.Context) error { return errors.New("nobody answers") })
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}
