package rules

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/expr-lang/expr/builtin"
	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

func TestDecodeClaim(t *testing.T) {
	tests := []struct {
		raw  string
		want any
	}{
		{`"a"`, "a"}, {`""`, ""}, {`"a\"b\u00e9"`, "a\"bé"}, {`true`, true}, {`null`, nil},
		{`0`, int64(0)}, {`-9223372036854775808`, int64(-9223372036854775808)}, {`1.0`, 1.0}, {`1e3`, 1000.0},
		{`[]`, []string{}}, {`[ ]`, []string{}}, {`["a"]`, []string{"a"}}, {` [ "a" , "b,c]" ] `, []string{"a", "b,c]"}},
		{`["a\\", "b"]`, []string{"a\\", "b"}}, {`["", ""]`, []string{"", ""}},
		{`["a", null]`, []any{"a", nil}}, {`[["a"], 1]`, []any{[]string{"a"}, int64(1)}},
		{`{"a": [1, "b"], "c": {}}`, map[string]any{"a": []any{int64(1), "b"}, "c": map[string]any{}}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, decodeClaim("x", []byte(tt.raw))); diff != "" {
			t.Errorf("%s: %s", tt.raw, diff)
		}
	}
}

func TestDecodeClaimRefuses(t *testing.T) {
	for raw, want := range map[string]string{
		`9223372036854775808`: `claim "x" holds a number that does not fit in 64 bits`,
		`[{"a": -1e999}]`:     `claim "x" holds a number that does not fit in 64 bits`,
		`["a"`:                `claim "x" is not JSON`,
		`["a"}`:               `claim "x" is not JSON`,
		`[`:                   `claim "x" is not JSON`,
		``:                    `claim "x" is not JSON`,
	} {
		t.Run(raw, func(t *testing.T) {
			defer func() {
				if got := fmt.Sprint(recover()); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}()
			decodeClaim("x", []byte(raw))
		})
	}
}

// FuzzDecodeClaim decodes any JSON and writes it again: the meaning stays.
func FuzzDecodeClaim(f *testing.F) {
	for _, s := range []string{`["a", "b"]`, `{"a": [1, null, 0.5]}`, `"\u00e9"`, `[ "a" ,"b" ]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if claims.Valid([]byte(raw)) != nil {
			return
		}
		var want any
		if json.Unmarshal([]byte(raw), &want) != nil {
			return
		}
		v, ok := decoded(raw)
		if !ok {
			return
		}
		again, err := encode(v)
		if err != nil {
			return
		}
		var got any
		if err := json.Unmarshal(again, &got); err != nil {
			t.Fatalf("%s became %s", raw, again)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s became %s: %s", raw, again, diff)
		}
	})
}

func decoded(raw string) (v any, ok bool) {
	defer func() { recover() }()
	return decodeClaim("x", []byte(raw)), true
}

func TestNoFunctionOfExprIsAvailableThatIsNotOnTheList(t *testing.T) {
	c := newCompiler(t)
	for _, name := range builtin.Names {
		if functionKnown(name) {
			continue
		}
		for _, src := range []string{name + `(1, 2)`, `::` + name + `(1, 2)`, `1 | ` + name + `(2)`} {
			_, err := c.Claim("x", src)
			e := compileError(t, err, src)
			if want := fmt.Sprintf("the function %q is not available", name); e.Message != want && e.Message != fmt.Sprintf("unknown function %q", name) {
				t.Errorf("%s: got %q", src, e.Message)
			}
		}
	}
}

func TestOneExpressionRunsInManyRequestsAtOnce(t *testing.T) {
	c := newCompiler(t)
	v, err := c.Claim("groups", `map(filter(concat(claims.groups, nas.groups), # != "ops"), upper(#))`)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				raw, err := v.JSON(t.Context(), newState(t))
				if want := `["DEV-A","USERS","FAMILY"]`; err != nil || string(raw) != want {
					t.Errorf("got %s, %v", raw, err)
				}
			}
		})
	}
	wg.Wait()
}
