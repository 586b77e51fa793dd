package synology

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
)

// rewrite puts content into a file that stays the same file, as redirection in a shell does.
func rewrite(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestARunningPluginTakesUpAnotherPasswordAndNoPauseHoldsItBack(t *testing.T) {
	nas, c := startNAS(t, func(o *dsmtest.Options) { o.Service.Password = "another" })
	l, logged := opened(t, c)
	refused := func(why string) {
		t.Helper()
		for range 2 {
			if _, err := l.Lookup(t.Context(), Params{Name: "mum"}); !strings.Contains(text(err), "a wrong password") {
				t.Errorf("%s: %v", why, err)
			}
		}
	}
	refused("the password of before")
	rewrite(t, c.PasswordFile, "")
	refused("a file that is being written is no other password")
	rewrite(t, c.PasswordFile, "yet another\n")
	refused("another wrong one is tried once")
	rewrite(t, c.PasswordFile, "another\n")
	if got, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil || !got.Found {
		t.Errorf("%+v, %v", got, err)
	}
	want := lines(query, login+" 400", query, login+" 400", query, login, list, list, compound, members, groups)
	if got := calls(nas); got != want {
		t.Errorf("calls\n%s\nwant\n%s", got, want)
	}
	if said := logged.String(); !strings.Contains(said, "another password is in the file, so a login is tried before the pause is over") || strings.Contains(said, "yet another") {
		t.Errorf("log\n%s", said)
	}
}

func TestARunningPluginTakesUpAnotherAuthority(t *testing.T) {
	stranger, err := dsmtest.Start(dsmtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stranger.Close)
	nas, c := startNAS(t, nil)
	c.CertSHA256, c.CAFile = "", filepath.Join(t.TempDir(), "ca.pem")
	rewrite(t, c.CAFile, string(stranger.CA()))
	l, _ := opened(t, c)
	distrusted := func(why string) {
		t.Helper()
		if _, err := l.Lookup(t.Context(), Params{Name: "mum"}); !strings.Contains(text(err), "a certificate that no known authority signed") {
			t.Errorf("%s: %v", why, err)
		}
	}
	distrusted("the authority of another NAS")
	rewrite(t, c.CAFile, "")
	distrusted("a file that is being written trusts nobody else")
	rewrite(t, c.CAFile, string(nas.CA()))
	if got, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil || !got.Found {
		t.Errorf("%+v, %v", got, err)
	}
}
