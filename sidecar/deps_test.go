package sidecar_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// listed is a package as the go command describes it.
type listed struct {
	ImportPath     string
	Dir            string
	GoFiles        []string
	IgnoredGoFiles []string // of other systems
	Imports        []string // without those of tests
}

const module = "github.com/claimsmith/claimsmith/"

// packages are those of all modules of the repository. Whether they build is for others to say.
func packages(t *testing.T) (list []listed) {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,GoFiles,IgnoredGoFiles,Imports", module+"...")
	cmd.Dir = ".."
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// Which package may import which. Our own are named without the module, and tests may import what they like.
func TestDependencies(t *testing.T) {
	rules := []struct {
		who    string // a regular expression of whole names, as are the others
		but    string // of these, who is free to do it
		never  string
		except string
		why    string
	}{
		{
			who: `sidecar/claims`, never: `[^/]*\..*|(cmd|dexpatch|plugins|proto|sidecar).*`,
			why: "it is laid into Dex, where nothing but the standard library can be counted on",
		},
		{
			who: `dexpatch/hook`, never: `.*\..*/.*|sidecar.*|proto/.*`,
			except: `google\.golang\.org/(grpc|protobuf)(/.*)?|github\.com/prometheus/client_golang/prometheus|sidecar/claims|proto/claimsmith/hook/v1`,
			why:    "it is built in the tree of Dex, whose go.mod does not change: it has these",
		},
		{
			who: `sidecar/internal/pipeline`, never: `sidecar.*|proto/.*`, except: `sidecar/(address|claims)`,
			why: "a step is what it is whoever makes it: the evaluator knows neither expressions nor processes nor files",
		},
		{
			who: `sidecar/internal/facts`, never: `sidecar.*|proto/.*`, except: `sidecar/fold`,
			why: "a schema means the same to rules, to plugins and to tests",
		},
		{
			who: `sidecar/internal/state`, never: `sidecar.*|proto/.*`, except: `sidecar/files`,
			why: "a store knows rows, not what is in them",
		},
		{
			who: `sidecar/internal/lastgood`, never: `sidecar.*|proto/.*`, except: `sidecar/internal/state`,
			why: "it keeps answers, and does not know what is in them",
		},
		{
			who: `sidecar/internal/journal`, never: `sidecar.*|proto/.*`, except: `sidecar/internal/(facts|pipeline|state)|proto/claimsmith/hook/v1`,
			why: "it knows what a decision leaves behind, and not how it is made or asked for",
		},
		{
			who: `.*`, but: `sidecar/internal/state|sidecar/statetest|plugins/sql`, never: `database/sql(/.*)?|modernc\.org/sqlite(/.*)?|github\.com/jackc/.*|github\.com/go-sql-driver/.*`,
			why: "that there is a database is known to package state, which seals what it is given, and to the plugin that asks one",
		},
		{
			who: `sidecar.*`, but: `sidecar/files`, never: `plugins/.*`,
			why: "a plugin that comes with claimsmith is started like anybody else's",
		},
		{
			who: `plugins/.*`, never: `sidecar.*`, except: `sidecar/(address|duration|files|fold)`,
			why: "our own plugins have no privilege that a stranger's lacks",
		},
		{
			who: `plugins/sdk.*`, never: `(cmd|dexpatch|examples|plugins|sidecar).*`, except: `plugins/sdk.*`,
			why: "it is a module of its own, whose users inherit no other module of ours but proto",
		},
		{
			who: `sidecar/(address|duration|files|fold)`, never: `(cmd|dexpatch|examples|plugins|proto|sidecar).*`, except: `plugins/sdk`,
			why: "what the sidecar and the plugins share knows neither",
		},
		{
			who: `sidecar.*|plugins/.*|proto/.*`, never: `dexpatch.*|cmd/.*`,
			why: "a sidecar is built without Dex and without commands",
		},
		{
			who: `dexpatch.*`, never: `sidecar.*|plugins/.*|cmd/.*`, except: `sidecar/claims`,
			why: "putting the hook into Dex needs no sidecar",
		},
		{
			who: `proto/.*`, never: `(cmd|dexpatch|plugins|sidecar).*`,
			why: "contracts depend on nobody who keeps them",
		},
		{
			who: `.*`, but: `sidecar/internal/pluginhost|plugins/sdk`, never: `github\.com/hashicorp/(go-plugin|go-hclog)(/.*)?`,
			why: "how plugins are reached is known to their host and to the SDK",
		},
		{
			who: `.*`, but: `sidecar/internal/observe`, never: `go\.opentelemetry\.io/.*`,
			why: "that there are spans is known to package observe; what it calls and asks carries a trace as metadata",
		},
		{
			who: `.*`, but: `sidecar/internal/rules`, never: `github\.com/expr-lang/expr(/.*)?`,
			why: "the language of rules is known to package rules, which guards it",
		},
		{
			who: `.*`, but: `sidecar/internal/config|plugins/directory|plugins/synology/dsmtest|cmd/claimsmith/internal/doctor|cmd/claimsmith-port`, never: `go\.yaml\.in/yaml/.*|gopkg\.in/yaml.*|sigs\.k8s\.io/yaml|github\.com/goccy/go-yaml(/.*)?`,
			why: "what YAML means in the configuration is decided in one place, package config; the plugin directory and the DSM emulator read files of their own, the doctor that of Dex, and port those of other systems",
		},
		{
			who: `.*`, but: `cmd/claimsmith-port`, never: `cel\.dev/.*|github\.com/(google/cel-go|jmespath|jmespath-community)/.*`,
			why: "the languages of other systems are known to the module that ports from them",
		},
		{
			who: `(sidecar|plugins|cmd|proto).*`, never: `github\.com/dexidp/dex(/.*)?`,
			why: "Dex is built from its own tree and linked into nothing of ours",
		},
	}
	whole := func(pattern string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + pattern + `)$`) }
	all := packages(t)
	for _, rule := range rules {
		who, but, never, except := whole(rule.who), whole(rule.but), whole(rule.never), whole(rule.except)
		seen := 0
		for _, p := range all {
			name := strings.TrimPrefix(p.ImportPath, module)
			if !who.MatchString(name) || but.MatchString(name) {
				continue
			}
			seen++
			for _, imported := range p.Imports {
				if imported = strings.TrimPrefix(imported, module); never.MatchString(imported) && !except.MatchString(imported) {
					t.Errorf("%s imports %s: %s", name, imported, rule.why)
				}
			}
		}
		if seen == 0 {
			t.Errorf("there is no package %s: the rule means nothing any more", rule.who)
		}
	}
}

// A package of the sidecar imports only what stands below it. doc.go draws the same.
func TestLayers(t *testing.T) {
	layers := []string{
		"address claims duration files fold internal/confine internal/hostile",
		"internal/facts",
		"internal/config internal/conform internal/pipeline internal/state",
		"internal/answers internal/fixture internal/journal internal/lastgood internal/links internal/rules internal/wire",
		"internal/pluginhost",
		"internal/observe internal/socket internal/stores",
		"internal/compile",
		"replay",
		"internal/engine",
		"operator",
		"",
	}
	floor := map[string]int{"statetest": 0} // for tests
	for n, layer := range layers {
		for _, name := range strings.Split(layer, " ") {
			floor[name] = n
		}
	}
	for _, p := range packages(t) {
		name, ours := strings.CutPrefix(p.ImportPath+"/", module+"sidecar/")
		if !ours {
			continue
		}
		name = strings.TrimSuffix(name, "/")
		at, known := floor[name]
		if !known {
			t.Errorf("sidecar/%s stands on no floor: say where it belongs", name)
		}
		for _, imported := range p.Imports {
			below, ours := strings.CutPrefix(imported+"/", module+"sidecar/")
			below = strings.TrimSuffix(below, "/")
			if ours && floor[below] >= at {
				t.Errorf("sidecar/%s imports %s, which does not stand below it", name, imported)
			}
		}
	}
}

func TestEveryPackageSaysOnceWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		var in []string
		for _, name := range append(p.GoFiles, p.IgnoredGoFiles...) {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if f.Doc != nil {
				in = append(in, name)
			}
		}
		if len(in) != 1 {
			t.Errorf("%s: the comment of the package is in %q, want it in one file", strings.TrimPrefix(p.ImportPath, module), in)
		}
	}
}
