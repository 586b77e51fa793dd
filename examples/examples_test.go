package examples

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/directory"
	"github.com/claimsmith/claimsmith/plugins/http"
	"github.com/claimsmith/claimsmith/plugins/ldap"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
	"github.com/claimsmith/claimsmith/plugins/sql"
	"github.com/claimsmith/claimsmith/plugins/synology"
	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// options are those of the program: the plugins that come with it describe themselves.
func options() sidecar.Options {
	o := sidecar.Options{Builtins: map[string]sidecar.Builtin{}}
	for name, plugin := range map[string]sdk.Plugin{
		"directory": directory.Plugin(),
		"ldap":      ldap.Plugin(),
		"http":      http.Plugin(),
		"sql":       sql.Plugin(),
		"synology":  synology.Plugin(),
	} {
		o.Builtins[name] = sidecar.Builtin{Command: []string{"claimsmith"}, Describe: func() (sidecar.Description, error) {
			d, err := plugin.Describe()
			return sidecar.Description{
				Name: d.Name, Version: d.Version, Config: d.ConfigSchema, Params: d.ParamsSchema, Facts: d.FactsSchema,
			}, err
		}}
	}
	return o
}

// run checks a configuration and runs its tests; it returns how many there are.
func run(t *testing.T, file string) int {
	t.Helper()
	problems := replay.CheckOffline(t.Context(), file, options())
	if problems.Failed() {
		var text strings.Builder
		_ = problems.Render(&text)
		t.Fatal(text.String())
	}
	report, err := replay.Test(t.Context(), file, options())
	if err != nil {
		t.Fatal(err)
	}
	if report.Failed() > 0 {
		var text strings.Builder
		_ = report.Render(&text)
		t.Error(text.String())
	}
	return len(report.Cases)
}

func TestEveryExampleHoldsWhatItsTestsSay(t *testing.T) {
	files, err := filepath.Glob("*/claimsmith.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Dir(file), func(t *testing.T) {
			if run(t, file) == 0 {
				t.Errorf("%s has no tests", file)
			}
		})
	}
}

func TestEveryConfigurationInAREADMEIsGood(t *testing.T) {
	found := 0
	for _, readme := range readmes(t) {
		text, err := os.ReadFile(readme)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocks(string(text), "yaml") {
			keys := topKeys(b.text)
			if len(keys) == 0 {
				continue // a comment
			}
			found++
			t.Run(readme, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "README.yaml")
				write := func(text string) {
					t.Helper()
					padded := strings.Repeat("\n", b.line) + text // problems then have the lines of the README
					if err := os.WriteFile(file, []byte(padded), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				switch {
				case slices.Contains(keys, "pipeline"):
					write(b.text)
					run(t, file)
				case slices.Contains(keys, "people"):
					write(b.text)
					readPeople(t, file)
				default:
					write(whole(b.text))
					checkPart(t, file)
				}
			})
		}
	}
	if found == 0 {
		t.Error("no README shows a configuration")
	}
}

var topKey = regexp.MustCompile(`(?m)^([A-Za-z]+):`)

func topKeys(text string) (keys []string) {
	for _, m := range topKey.FindAllStringSubmatch(text, -1) {
		keys = append(keys, m[1])
	}
	return keys
}

// whole makes a configuration of a part of one: with an address, and with digests that are written out.
func whole(part string) string {
	part = regexp.MustCompile(`([0-9a-f]{4})\.\.\.`).ReplaceAllString(part, strings.Repeat("$1", 16))
	return part + "\nlisten: unix:///run/claimsmith/hook.sock\n"
}

// checkPart checks a part of a configuration. A plugin in it that nobody has is none of its problems.
func checkPart(t *testing.T, file string) {
	t.Helper()
	for _, p := range replay.CheckOffline(t.Context(), file, options()).List {
		if !p.Warning && p.Message != "this plugin is not started here, and nothing says what it knows" {
			t.Error(p.String())
		}
	}
}

// readPeople has the plugin that reads such a file read it.
func readPeople(t *testing.T, file string) {
	t.Helper()
	if problems := sdktest.Check(t, directory.Plugin(), map[string]string{"file": file}); len(problems) > 0 {
		t.Error(problems)
	}
}

// readmes returns every README.md of the repository.
func readmes(t *testing.T) (found []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "node_modules"):
			return fs.SkipDir
		case entry.Name() == "README.md":
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// block is a fenced block of a README.
type block struct {
	line int // of the fence, so the number of lines before the text
	text string
}

func blocks(text, language string) (found []block) {
	for _, at := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```").FindAllStringSubmatchIndex(text, -1) {
		found = append(found, block{line: 1 + strings.Count(text[:at[0]], "\n"), text: text[at[2]:at[3]]})
	}
	return found
}

func TestTheTableListsEveryFolder(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if row := "| [" + e.Name() + "](" + e.Name() + ") |"; e.IsDir() && e.Name() != "testdata" && !strings.Contains(string(readme), row) {
			t.Errorf("README.md has no row that begins with %q", row)
		}
	}
}

func TestTheLinksOfEveryREADMELeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:\s]+)(?:#[^)]*)?\)`) // not those with a scheme
	for _, readme := range readmes(t) {
		text, err := os.ReadFile(readme)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(readme), m[1])); err != nil {
				t.Errorf("%s: %v", readme, err)
			}
		}
	}
}

func TestTheSchemaIsThatOfThisVersion(t *testing.T) {
	want, err := sidecar.Schema()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("claimsmith.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.TrimSpace(got), bytes.TrimSpace(want)) {
		t.Error("claimsmith.schema.json is not what `claimsmith schema` prints: run make generate")
	}
}
