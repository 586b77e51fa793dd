package recipes

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/directory"
	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// options know the plugins that recipes use; they describe themselves.
func options() sidecar.Options {
	return sidecar.Options{Builtins: map[string]sidecar.Builtin{
		"directory": {Command: []string{"claimsmith"}, Describe: func() (sidecar.Description, error) {
			d, err := directory.Plugin().Describe()
			return sidecar.Description{Name: d.Name, Version: d.Version, Config: d.ConfigSchema, Params: d.ParamsSchema, Facts: d.FactsSchema}, err
		}},
	}}
}

func TestEveryRecipeHoldsWhatItsTestsSay(t *testing.T) {
	files, err := filepath.Glob("*/claimsmith.yaml")
	if err != nil || len(files) < 8 {
		t.Fatalf("got %d recipes, %v", len(files), err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(filepath.Dir(file), func(t *testing.T) {
			var text strings.Builder
			problems := replay.CheckOffline(t.Context(), file, options())
			for _, p := range problems.List {
				if !strings.HasSuffix(p.Path, ".trim") { // which always warns; a recipe has no other warnings
					_ = problems.Render(&text)
					t.Fatal(text.String())
				}
			}
			report, err := replay.Test(t.Context(), file, options())
			if err != nil {
				t.Fatal(err)
			}
			if _ = report.Render(&text); report.Failed() > 0 || len(report.Cases) < 3 {
				t.Error(text.String())
			}
			if row := fmt.Sprintf("| [%s](%s) |", filepath.Dir(file), filepath.ToSlash(file)); !strings.Contains(string(readme), row) {
				t.Errorf("README.md has no row that begins with %q", row)
			}
		})
	}
}

// cases are the configurations of testdata: what people asked for elsewhere, or wrote there.
var cases = strings.Fields(`
	address-case argocd-azure authelia-diurnal authelia-vaultwarden authentik14100 azure comma23125 deckhouse dex2215 dex3402 dex918
	emqx18140 entra-file flat-a flat-b gitea28461 grafana-authelia grafana-connector grafana-khumps hasura-a hasura-ids hd kanidm4548 kde
	keycloak-json keycloak22340 kubernetes nextcloud-absent nextcloud nextcloud339 objects olive-a opensearch1065 pinniped-ad
	pinniped-homelab pinniped-ldap pinniped-more pomerium300 sl uds603 vdi`)

func TestEveryCaseHoldsWhatItsTestsSay(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".yaml"))
	}
	if diff := cmp.Diff(cases, names); diff != "" || len(cases) != 41 {
		t.Fatalf("%d cases: %s", len(cases), diff)
	}
	for i, file := range files {
		t.Run(names[i], func(t *testing.T) {
			var text strings.Builder
			for _, p := range replay.CheckOffline(t.Context(), file, options()).List {
				if !strings.HasSuffix(p.Path, ".trim") {
					fmt.Fprintln(&text, p)
				}
			}
			report, err := replay.Test(t.Context(), file, options())
			if err != nil {
				t.Fatal(err)
			}
			if text.Len() > 0 || report.Failed() > 0 || len(report.Cases) == 0 {
				_ = report.Render(&text)
				t.Error(text.String())
			}
			if d, err := replay.Diff(t.Context(), file, file, options(), replay.DiffOptions{}); err != nil || d.Differ > 0 || d.Requests == 0 {
				t.Errorf("compared with itself: %+v, %v", d, err)
			}
			if about, _, _ := strings.Cut(read(t, file), "\nlisten: "); !strings.Contains(about, "\n# https://") {
				t.Error("its comment names no source")
			}
		})
	}
}

// TestTheLengthsInTheTable counts what the README says of our side of its table.
func TestTheLengthsInTheTable(t *testing.T) {
	rows := 0
	for _, line := range strings.Split(read(t, "README.md"), "\n") {
		_, row, found := strings.Cut(line, "](testdata/")
		if !found || !strings.HasPrefix(line, "| ") {
			continue
		}
		rows++
		file, said, _ := strings.Cut(row, ") | ")
		lines, characters := 0, 0
		rules, _, _ := strings.Cut(read(t, filepath.Join("testdata", file)), "\ntests:\n")
		for _, line := range strings.Split(rules, "\n") {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' && !strings.HasPrefix(line, "listen:") {
				lines++
				characters += utf8.RuneCountInString(line)
			}
		}
		if want := fmt.Sprintf("%d, %d |", lines, characters); said != want {
			t.Errorf("%s: the table says %s, and it is %s", file, said, want)
		}
	}
	if rows != 8 {
		t.Errorf("%d rows", rows)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The formula of the README is that of what Dex signs.
func TestTheSizeOfAToken(t *testing.T) {
	encoded := base64.RawURLEncoding.EncodedLen
	header := len(`{"alg":"RS256","kid":""}`) + 40 // the key id is that many hexadecimal digits
	if got := encoded(header); got != 86 {
		t.Errorf("header: %d", got)
	}
	if rsa, ec := encoded(256), encoded(64); rsa != 342 || ec != 86 {
		t.Errorf("signatures: %d, %d", rsa, ec)
	}
	token := func(payload int) int { return encoded(payload) + 86 + 342 + 2 }
	for limit, payload := range map[int]int{4096: 2749, 8192: 5821} {
		if token(payload) > limit || token(payload+1) <= limit {
			t.Errorf("%d: the largest payload is not %d: %d", limit, payload, token(payload))
		}
	}
}
