package dexpatch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	_ "github.com/dexidp/dex/api/v2" // so that go.mod keeps the version that Build lays into Dex

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// TestGoModNamesTheFirstVersion: go.mod keeps the Dex that a build takes, so that its sums are checked with all the others.
func TestGoModNamesTheFirstVersion(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	required := map[string]string{}
	for line := range strings.Lines(string(mod)) {
		if f := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require ")); len(f) >= 2 {
			required[f[0]] = f[1]
		}
	}
	sums, err := os.ReadFile("../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	first := Versions()[0]
	for _, m := range []module{first.dex, first.api} {
		if required[m.path] != m.version {
			t.Errorf("go.mod requires %s %q, the first version %s", m.path, required[m.path], m.version)
		}
		for _, line := range []string{m.path + " " + m.version + " " + m.sum, m.path + " " + m.version + "/go.mod " + m.modSum} {
			if !strings.Contains(string(sums), line+"\n") {
				t.Errorf("go.sum does not hold %s", line)
			}
		}
	}
}

// TestEveryMemberOfDexsTokensIsReservedOrMayChange reads the members in Dex's source, because no release exports them.
func TestEveryMemberOfDexsTokensIsReservedOrMayChange(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(pristine(t), "server", "oauth2.go"), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "idTokenClaims" {
			return true
		}
		for _, field := range spec.Type.(*ast.StructType).Fields.List {
			name, _, _ := strings.Cut(reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("json"), ",")
			names = append(names, name)
		}
		return false
	})
	if len(names) < 10 {
		t.Fatalf("the members were not found: %q", names)
	}
	for _, name := range names {
		_, own := claims.OwnMember(name)
		if claims.Reserved(name) == own {
			t.Errorf("member %q of Dex's tokens: reserved is %t, and it may be changed is %t", name, claims.Reserved(name), own)
		}
	}
}

func TestWhatIsLaidInIsWhole(t *testing.T) {
	for _, p := range parcels() {
		folder := filepath.Join("..", strings.TrimPrefix(p.from, "github.com/claimsmith/claimsmith/"))
		onDisk, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, path := range onDisk {
			if name := filepath.Base(path); name != "source.go" && name != "doc.go" && !strings.HasSuffix(name, "_test.go") {
				want = append(want, name)
			}
		}
		got, err := fs.Glob(p.source, "*.go")
		if err != nil {
			t.Fatal(err)
		}
		got = slices.DeleteFunc(got, func(name string) bool { return name == "doc.go" }) // may come along, and holds no code
		if !slices.Equal(got, want) {
			t.Errorf("%s/source.go embeds\n%v, there are\n%v", folder, got, want)
		}
	}
}
