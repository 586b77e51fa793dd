package ldap

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/internal/readmetest"
)

func TestTheREADMEIsTrue(t *testing.T) {
	readmetest.Check(t, readmetest.Plugin{
		Config: Config{}, Params: Params{}, Facts: Facts{}, Problems: []string{none, ambiguous, disabled, expired, noEmail},
		Nested: []readmetest.Nested{
			{Heading: "key of `userSearch`", Type: UserSearch{}},
			{Heading: "key of `groupSearch`", Type: GroupSearch{}},
			{Heading: "key of `groupSearch.match`", Type: Match{}},
			{Heading: "key of `texts`", Type: TextSource{}},
		},
	})
}

// table gives the lines below a header of README.md.
func table(t *testing.T, header string) (lines []string) {
	t.Helper()
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, below, _ := strings.Cut(string(data), header+"\n")
	for line := range strings.Lines(below) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		if !strings.HasPrefix(line, "|---") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func TestTheREADMEKnowsTheProfiles(t *testing.T) {
	code := func(s string) string { return "`" + strings.ReplaceAll(s, "|", `\|`) + "`" }
	rows := []struct {
		key  string
		cell func(profile) string
	}{
		{"userSearch.filter", func(p profile) string { return code(p.userFilter) }},
		{"userSearch.emailAttribute", func(profile) string { return code("mail") }},
		{"userSearch.nameAttribute", func(p profile) string { return code(p.name) }},
		{"userSearch.displayNameAttribute", func(p profile) string { return code(p.displayName) }},
		{"userSearch.uidAttribute", func(profile) string { return code("uidNumber") }},
		{"userSearch.idAttribute", func(p profile) string { return code(p.id) }},
		{"groupSearch.filter", func(p profile) string { return code(p.groupFilter) }},
		{"groupSearch.nameAttribute", func(p profile) string { return code(p.groupName) }},
		{"groupSearch.match", func(p profile) string {
			var pairs []string
			for _, m := range p.match {
				pairs = append(pairs, code(m.Group+": "+m.User))
			}
			return strings.Join(pairs, " ")
		}},
		{"groupSearch.nested", func(p profile) string { return fmt.Sprint(p.nested) }},
		{"disabledAttributes", func(p profile) string { return "`" + strings.Join(p.disabled, "` `") + "`" }},
	}
	known := profiles()
	var want []string
	for _, r := range rows {
		want = append(want, fmt.Sprintf("| `%s` | %s | %s | %s |", r.key, r.cell(known["openldap"]), r.cell(known["activeDirectory"]), r.cell(known["synology"])))
	}
	if diff := cmp.Diff(want, table(t, "| key | `openldap` | `activeDirectory` | `synology` |")); diff != "" {
		t.Errorf("README.md (-want +got)\n%s", diff)
	}
}

func TestTheREADMEKnowsTheAttributesThatSwitchAnAccountOff(t *testing.T) {
	var got []string
	for _, line := range table(t, "| attribute | of | switched off | expires |") {
		got = append(got, strings.Split(line, "`")[1])
	}
	if diff := cmp.Diff(disabledNames(), got); diff != "" {
		t.Errorf("README.md (-want +got)\n%s", diff)
	}
}
