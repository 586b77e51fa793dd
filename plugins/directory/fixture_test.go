package directory

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
	"github.com/claimsmith/claimsmith/sidecar/address"
)

// write makes a file in a folder that nobody else can write, and returns its path.
func write(t testing.TB, name, content string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil { // whatever the mask
		t.Fatal(err)
	}
	file := filepath.Join(dir, name)
	replace(t, file, content)
	return file
}

// replace puts another file in the place of one, as careful editors do.
func replace(t testing.TB, file, content string) {
	t.Helper()
	next := file + ".new"
	if err := os.WriteFile(next, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, file); err != nil {
		t.Fatal(err)
	}
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// lines are findings as people read them.
func lines(found []finding) (all []string) {
	for _, f := range found {
		line := fmt.Sprintf("%d:%d: %s", f.line, f.column, f.message)
		if f.hint != "" {
			line += " (" + f.hint + ")"
		}
		all = append(all, line)
	}
	return all
}

// text is the message of err, or "" for nil.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

const household = `groups: [family, kids, admins]
people:
  - name: mum
    email: [mum@gmail.com, Mum@Example.org]
    displayName: Maria Muster
    givenName: Maria
    familyName: Muster
    department: Kitchen & garden
    title: Head
    phone: +41441234567
    locale: de-CH
    employeeNumber: 007
    groups: [family, admins]
    attributes:
      uidNumber: 1001
      shell: /bin/zsh
      keys: [one, "two"]
      vegetarian: true
  - {name: kid, email: kid@gmail.com, groups: [family, kids]}
  - {name: twin1, email: twins@gmail.com}
  - {name: twin2, email: Twins@GMail.com, disabled: true}
  - {name: lodger, email: lodger@gmail.com, disabled: true, groups: []}
  - name: printer
`

func mum() Facts {
	return Facts{
		Name: "mum", DisplayName: "Maria Muster", GivenName: "Maria", FamilyName: "Muster", Department: "Kitchen & garden", Title: "Head",
		Phone: "+41441234567", Locale: "de-CH", EmployeeNumber: "007", Groups: []string{"admins", "family"},
		Attributes: []Attribute{
			{"uidNumber", "1001", []string{"1001"}}, {"shell", "/bin/zsh", []string{"/bin/zsh"}},
			{"keys", "one", []string{"one", "two"}}, {"vegetarian", "true", []string{"true"}},
		},
	}
}

// plainly are the facts of somebody of whom there is not much to say.
func plainly(name string, groups ...string) Facts {
	return Facts{Name: name, Groups: append([]string{}, groups...), Attributes: []Attribute{}}
}

// sameAddresses compares which people have which addresses.
func sameAddresses(a, b map[address.Address][]int) bool {
	return maps.EqualFunc(a, b, slices.Equal[[]int])
}

func same(t *testing.T, c Config, want sdk.Problems) {
	t.Helper()
	if diff := cmp.Diff(want, sdktest.Check(t, Plugin(), c)); diff != "" {
		t.Error(diff)
	}
}
