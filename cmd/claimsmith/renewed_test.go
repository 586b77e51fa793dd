package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
)

// A password that was wrong is mended while the sidecar serves: the next login takes the new one. Nobody restarts anything, and the pause after
// the refusal is not waited for.
func TestAPasswordThatIsMendedWhileTheSidecarServes(t *testing.T) {
	o := family()
	o.Service = dsmtest.Account{Name: "claimsmith", Password: "another"}
	p := newPatient(t, o, nil)
	s := serve(t, p.rules)
	ask := func(n int) (in bool) {
		request := mum(`{"sub":"a","aud":"synology"}`)
		request.RequestId = fmt.Sprint(filepath.Base(t.Name()), n)
		reply, err := s.client.ExtendPayload(t.Context(), request)
		return err == nil && reply.GetDenial() == nil
	}
	for n := range 2 {
		if ask(n) {
			t.Fatal("a wrong password lets people in")
		}
	}
	if n := p.logins(); n != 1 {
		t.Errorf("%d logins before, want 1", n)
	}
	p.write(t, "dsm-password", "another\n")
	n := 2
	p.until(t, func() bool { n++; return ask(n) })
	if n := p.logins(); n != 2 {
		t.Errorf("%d logins in all, want 2", n)
	}
}
