package dexpatch

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	_ "github.com/dexidp/dex/api/v2" // so that go.mod keeps the version that Build lays into Dex
	"github.com/dexidp/dex/server/tokens"

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

func TestGoModNamesThePinnedDex(t *testing.T) {
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
	for module, version := range map[string]string{DexModule: DexVersion, APIModule: APIVersion} {
		if required[module] != version {
			t.Errorf("go.mod requires %s %q, the pin is %s", module, required[module], version)
		}
	}
	sums, err := os.ReadFile("../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{DexModule + " " + DexVersion + " " + dexSum, APIModule + " " + APIVersion + " " + apiSum} {
		if !strings.Contains(string(sums), line+"\n") {
			t.Errorf("go.sum does not hold %s", line)
		}
	}
}

func TestEveryMemberOfDexsTokensIsReservedOrMayChange(t *testing.T) {
	for f := range reflect.TypeFor[tokens.IDTokenClaims]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
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
