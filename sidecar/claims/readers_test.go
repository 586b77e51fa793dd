package claims_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// otherReaders are programs that read tokens as relying parties of other families do.
var otherReaders = []struct {
	name, packages string
	build, run     []string // DIR is a folder for what is built
}{
	{"json-c", "gcc libjson-c-dev", []string{"gcc", "-o", "DIR/jsonc", "testdata/reader_jsonc.c", "-I/usr/include/json-c", "-ljson-c"}, []string{"DIR/jsonc"}},
	{"jansson", "gcc libjansson-dev", []string{"gcc", "-o", "DIR/jansson", "testdata/reader_jansson.c", "-ljansson"}, []string{"DIR/jansson"}},
	{"Python", "python3", nil, []string{"python3", "testdata/reader.py"}},
	{"Node", "nodejs", nil, []string{"node", "testdata/reader.js"}},
	{"jq", "jq", nil, []string{"jq", "-r", `[.sub // "", (.. | objects | keys_unsorted[])] | join("\t")`}},
}

// TestOtherReadersSeeTheSame: whatever the guard takes is the same sub and the same names to a reader of any family.
func TestOtherReadersSeeTheSame(t *testing.T) {
	tokens := takenTokens(t)
	want := make([]string, len(tokens))
	for i, token := range tokens {
		want[i] = asSeen(t, token)
	}
	for _, reader := range otherReaders {
		t.Run(reader.name, func(t *testing.T) {
			dir := t.TempDir()
			var out []byte
			for _, command := range [][]string{reader.build, reader.run} {
				if command == nil {
					continue
				}
				args := slices.Clone(command)
				for i := range args {
					args[i] = strings.Replace(args[i], "DIR", dir, 1)
				}
				c := exec.CommandContext(t.Context(), args[0], args[1:]...)
				c.Stdin = strings.NewReader(strings.Join(tokens, "\n") + "\n")
				var err error
				if out, err = c.Output(); err != nil {
					needReader(t, filepath.Base(args[0]), reader.packages, err)
				}
			}
			lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
			if len(lines) != len(tokens) {
				t.Fatalf("%d lines of %d", len(lines), len(tokens))
			}
			for i, line := range lines {
				if got := sortedNames(strings.Split(line, "\t")); got != want[i] {
					t.Errorf("%s\nis seen as %q\nand here as %q", tokens[i], got, want[i])
				}
			}
		})
	}
}

// needReader skips a test whose reader is not there. Where changes are checked it must be.
func needReader(t *testing.T, program, packages string, err error) {
	t.Helper()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = fmt.Errorf("%w: %s", err, failed.Stderr)
	}
	said := fmt.Sprintf("%s: %v: apt-get install %s", program, err, packages)
	if os.Getenv("CLAIMSMITH_CI") != "" || errors.As(err, &failed) && program != "gcc" {
		t.Fatal(said)
	}
	t.Skip(said)
}

// asSeen is the sub of a token and the names of all its members, in order and once each, as encoding/json sees them.
func asSeen(t *testing.T, token string) string {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(token), &o); err != nil {
		t.Fatal(err)
	}
	sub, _ := o["sub"].(string)
	seen := []string{sub}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inside := range v {
				seen = append(seen, name)
				walk(inside)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(o)
	return sortedNames(seen)
}

func sortedNames(seen []string) string {
	slices.Sort(seen[1:])
	return strings.Join(append(seen[:1:1], slices.Compact(seen[1:])...), "\t")
}

// takenTokens are payloads with patches over them, as an attacker would write them, of which the guard takes the whole.
func takenTokens(t *testing.T) []string {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2)) // the same at each run
	names := []string{"sub", "exp", "x", "über", "a b", `q"\/`, "__proto__", "constructor", "", "名", "e\u0301", "👪", "roles.x", "'", "<!--", "%00", `\u0000`}
	for _, r := range []rune{' ', 0xa0, 0x2000, 0x3000, 0x301, 0x2800, 0xe000} {
		names = append(names, "sub"+string(r), string(r)+"sub")
	}
	values := []string{`1`, `"ceo"`, `true`, `null`, `[]`, `{}`, `-0`, `1E5`, `9007199254740993`, `"\u0000"`, `"\ud83d\ude00"`, `"\\u0000"`, `[null,[0.5]]`}
	pick := func() string {
		if random.IntN(6) == 0 {
			return "sub" + string(hiddenCharacters[random.IntN(len(hiddenCharacters))])
		}
		return names[random.IntN(len(names))]
	}
	key := func() string {
		name := pick()
		raw, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		if random.IntN(3) == 0 && name != "" {
			return escaped(name)
		}
		return string(bytes.ReplaceAll(raw, []byte(`\ufffd`), []byte(`\ud800`)))
	}
	value := func() string { return values[random.IntN(len(values))] }
	var object func(depth int) string
	object = func(depth int) string {
		if depth == 0 {
			return value()
		}
		return `{` + key() + `:` + object(depth-1) + `,` + key() + `:[` + object(depth-1) + `]}`
	}
	// As deep as Parse allows.
	taken := []string{`{"sub":"mum","x":` + strings.Repeat(`{"a":`, 30) + `["b"]` + strings.Repeat(`}`, 31)}
	if _, err := claims.Parse([]byte(taken[0])); err != nil {
		t.Fatal(err)
	}
	for range 10_000 {
		payload := `{"iss":"https://dex","sub":"mum",` + key() + `:` + value() + `}`
		o, err := claims.Parse([]byte(payload))
		if err != nil {
			continue
		}
		patch := claims.Patch{Set: set(pick(), object(random.IntN(3)))}
		if claims.Check(o, patch, claims.Subject{}) != nil {
			continue
		}
		token, err := o.Apply(patch)
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, string(token))
	}
	if len(taken) < 1000 {
		t.Fatalf("only %d are taken", len(taken))
	}
	return taken
}
