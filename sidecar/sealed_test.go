package sidecar_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// Who is linked is not known where the key is another, and that has to show at the login, where Dex has a page for it.
func TestLinksOfAnotherKeyFailAtTheLoginAlready(t *testing.T) {
	r := serve(t, pinned)
	if got := r.says(comes("1", "mum@gmail.com", atToken)); got != "in" {
		t.Fatal(got)
	}
	if st, err := r.admin().Status(t.Context(), &adminv1.StatusRequest{}); err != nil || st.GetLinksSealed() != 0 {
		t.Errorf("%v %v", st, err)
	}
	r.ends()
	key := filepath.Join(r.dir, "key")
	must(t, os.WriteFile(key, []byte(strings.Repeat("e1", 32)), 0o600))

	const sealed = "pipeline[0].steps[0].pin: links are sealed with another key: bring back the key that state had, " +
		"or take all apart with claimsmith links reset --all"
	r = serveFile(t, r.dir, filepath.Join(r.dir, "c.yaml"))
	r.log.wait(t, `"level":"ERROR","msg":"links between people and accounts are sealed with another key than that of state: nobody can sign in by them","rows":3`)
	for _, user := range []string{"1", "2"} {
		for _, stage := range []hookv1.Stage{atLogin, atToken} {
			if got := r.failure(comes(user, "mum@gmail.com", stage)); got != sealed {
				t.Errorf("user %s, %v: %q", user, stage, got)
			}
		}
	}
	if st, err := r.admin().Status(t.Context(), &adminv1.StatusRequest{}); err != nil || st.GetLinksSealed() != 3 {
		t.Errorf("%v %v", st, err)
	}
	nothingPersonal(t, r.log.String())
	r.ends()

	must(t, os.WriteFile(key, []byte(strings.Repeat("0f", 32)), 0o600))
	r = serveFile(t, r.dir, filepath.Join(r.dir, "c.yaml"))
	for user, want := range map[string]string{"1": "in", "2": takenSays} {
		if got := r.failure(comes(user, "mum@gmail.com", atLogin)); got != want {
			t.Errorf("user %s, with the key of before: %q", user, got)
		}
	}
}
