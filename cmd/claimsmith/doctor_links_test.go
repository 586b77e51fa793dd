package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What the doctor says of links that nobody can read, it says once and does not take for none.
func TestDoctorOfLinksThatAreNotKnown(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(t *testing.T, p *patient)
		want   []string
	}{
		{"another key", func(t *testing.T, p *patient) { p.write(t, "claimsmith-key", strings.Repeat("e1", 32)+"\n") }, []string{
			"wrong: 3 rows cannot be read, and nobody gets in whose link they are or who is not linked yet -> bring back the key that state had, or take all apart with claimsmith links reset --all",
		}},
		{"a damaged file", func(t *testing.T, p *patient) {
			p.write(t, "state/state.db", strings.Repeat("no database\n", 1000))
		}, []string{
			"wrong: links between people and accounts were lost with a damaged file of state: nobody is linked at a first sign-in -> bring back the file; " +
				"or claimsmith links accept keeps those that are left, claimsmith links add makes links by hand, and claimsmith links reset --all begins again: whoever signs in first is linked",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPatient(t, family(), nil)
			first := p.command("serve", "-c", p.rules)
			if err := first.Start(); err != nil {
				t.Fatal(err)
			}
			stop := func() {
				_ = first.Process.Signal(os.Interrupt)
				_ = first.Wait()
			}
			defer stop()
			p.until(t, func() bool { return p.command("status", "-c", p.rules).Run() == nil })
			out, err := p.command("links", "add", "-c", p.rules, "--plugin", "nas", "--connector", "google", "--user", "108a", "--account", "mum", "--id", "1026").CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			stop()
			for _, beside := range []string{"-wal", "-shm"} {
				_ = os.Remove(filepath.Join(p.dir, "state", "state.db"+beside))
			}
			test.damage(t, p)
			p.serve(t)
			masked, _ := p.consult(t)
			if diff := cmp.Diff(test.want, says(masked, "links")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
