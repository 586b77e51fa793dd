package rules

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// worst are the slowest expressions that we know for each function and operator, over a claim that is as large as a payload may be, or
// lists that are as long as lists may be. LONG is the claim, WIDE the longest list of the longest strings that it is cut into.
var worst = map[string]string{
	"all":           `all(1..10000, # > 0) ? 1 : 0`,
	"any":           `any(1..10000, # in claims.many) ? 1 : 0`,
	"none":          `none(1..10000, # in claims.many) ? 1 : 0`,
	"one":           `one(claims.many, # in claims.many) ? 1 : 0`,
	"count":         `count(claims.many, any(take(claims.many, 100), # == "y"))`,
	"filter":        `len(filter(claims.many, LONG contains #))`,
	"map":           `len(map(1..2000, lower(LONG[#:])))`,
	"find":          `find(claims.many, # in claims.many && # == "z") == nil ? 1 : 0`,
	"findLast":      `findLast(claims.many, # in claims.many && # == "z") == nil ? 1 : 0`,
	"findIndex":     `findIndex(claims.many, # in claims.many && # == "z") == nil ? 1 : 0`,
	"findLastIndex": `findLastIndex(claims.many, # in claims.many && # == "z") == nil ? 1 : 0`,
	"sortBy":        `len(sortBy(1..64, LONG[#:]))`,
	"len":           `len(LONG)`,
	"first":         `len(first(WIDE))`,
	"last":          `len(last(WIDE))`,
	"take":          `len(take(WIDE, 9999))`,
	"concat":        `len(concat(WIDE, WIDE, WIDE, WIDE, WIDE))`,
	"reverse":       `len(reverse(WIDE))`,
	"sort":          `len(sort(map(1..64, LONG[#:])))`,
	"uniq":          `len(uniq(map(1..64, LONG[#:])))`,
	"flatten":       `len(flatten([WIDE]))`,
	"join":          `len(join(claims.many, ""))`,
	"split":         `len(split(LONG, ""))`,
	"keys":          `len(keys(claims.object))`,
	"lower":         `len(lower(claims.letters))`,
	"upper":         `len(upper(claims.letters))`,
	"trim":          `len(trim(claims.letters, "äöüßéèêëàáâãåæçñòóôõøùúûýþÿıłńřśťůźžǎǐǒǔ"))`,
	"hasPrefix":     `hasPrefix(LONG, LONG) ? 1 : 0`,
	"hasSuffix":     `hasSuffix(LONG, LONG) ? 1 : 0`,
	"indexOf":       `indexOf(LONG, HALF + "b")`,
	"lastIndexOf":   `lastIndexOf(LONG, HALF + "b")`,
	"replace":       `len(replace(LONG, "a", "b"))`,
	"string":        `len(string(LONG))`,
	"int":           `int("9223372036854775807")`,
	"float":         `float(claims.digits) > 0 ? 1 : 0`,
	"emailLocal":    `len(emailLocal(LONG))`,
	"emailDomain":   `len(emailDomain("a@" + LONG[1:60000]))`,
	"glob":          `glob(LONG[:4000], "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b") ? 1 : 0`,
	"keep":          `len(keep(claims.many, "*-*-*-*-*-*-*x"))`,
	"drop":          `len(drop(claims.many, "*-*-*-*-*-*-*x"))`,
	"replaceGlob":   `len(replaceGlob(LONG[:1000], "*a*a*a*a*a*a*a*a*a*b", "*"))`,
	"replaceRegex":  `len(replaceRegex(LONG[:380], "a.*b|a", "x"))`,
	"rename":        `len(rename(claims.many, {x: "y"}))`,
	"translate":     `len(translate(claims.many, {x: ["y"]}))`,
	"firstMatch":    `len(firstMatch(claims.many, "*-*-*-*-*-*-*x", "a", "*-*-*-*-*-*-*y", "b", "c"))`,
	"addPrefix":     `len(addPrefix(take(WIDE, 16), "x"))`,
	"addSuffix":     `len(addSuffix(take(WIDE, 16), "x"))`,
	"trimPrefix":    `len(trimPrefix(take(WIDE, 16), LONG))`,
	"trimSuffix":    `len(trimSuffix(take(WIDE, 16), LONG))`,
	"addDomain":     `len(addDomain(take(WIDE, 16), "x"))`,
	"stripDomain":   `len(stripDomain(take(WIDE, 16), LONG))`,
	"union":         `len(union(take(WIDE, 64), take(WIDE, 64)))`,
	"intersect":     `len(intersect(take(WIDE, 64), take(WIDE, 64)))`,
	"without":       `len(without(take(WIDE, 64), take(WIDE, 64)))`,
	"bucket":        `bucket(LONG)`,
	"groupBy":       `len(keys(groupBy(claims.many, it)))`,
	"fromPairs":     `len(keys(fromPairs(map(claims.many, [it, it]))))`,
	"merge":         `len(keys(merge(claims.object, claims.object)))`,
	"compact":       `len(compact(claims.many))`,
	"toJSON":        `len(toJSON(claims.long[1000:]))`,
	"quote":         `len(quote(claims.long[1000:]))`,
	"ascii":         `len(ascii(take(WIDE, 16)))`,
	"fold":          `len(fold(take(WIDE, 16)))`,
	"dn":            `len(dn(take(WIDE, 16), "cn"))`,
	"has":           `has(claims.object) ? 1 : 0`,
	"default":       `len(default(LONG, LONG))`,
	"optional":      `optional(LONG)`,
	"required":      `len(required(LONG))`,
	"type":          `len(type(claims.object))`,
	"matches":       `LONG[:2500] matches "((a?){5}){15}b" ? 1 : 0`,
	"in":            `any(claims.many, not (# in claims.many)) ? 1 : 0`,
	"contains":      `LONG contains (HALF + "b") ? 1 : 0`,
	"==":            `claims.object == claims.object ? 1 : 0`,
	"+":             `len(HALF + HALF)`,
	"..":            `len(1..400000)`,
}

// worstOf returns the expression for a name, and a request with claims as large as they may be.
func worstOf(t testing.TB, name string) (pipeline.Value, *pipeline.State) {
	t.Helper()
	src := strings.NewReplacer("LONG", "claims.long", "HALF", "claims.half", "WIDE", "map(1..9999, claims.long[#:])").Replace(worst[name])
	v, err := newCompiler(t).Claim("x", src)
	if err != nil {
		t.Fatalf("%+v", compileError(t, err, src))
	}
	var many, object strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&many, `,"a-b-c-%04d"`, i)
		fmt.Fprintf(&object, `,"m%d":%d`, i, i)
	}
	claim := map[string]string{
		"long": `"` + strings.Repeat("a", 65000) + `"`, "half": `"` + strings.Repeat("a", 32000) + `"`, "letters": `"` + strings.Repeat("ǔ", 32000) + `"`,
		"digits": `"0.` + strings.Repeat("1", 65000) + `"`, "many": "[" + many.String()[1:] + "]", "object": "{" + object.String()[1:] + "}",
	}
	raw := `{"sub":"s"`
	for name, value := range claim {
		if strings.Contains(src, "claims."+name) {
			raw += `,"` + name + `":` + value
		}
	}
	o, err := claims.Parse([]byte(raw + "}"))
	if err != nil {
		t.Fatal(err)
	}
	s := newState(t)
	s.In.Payload, s.Claims = o, claims.NewDraft(o)
	return v, s
}

// TestWorstKnowsEachFunction keeps the table whole.
func TestWorstKnowsEachFunction(t *testing.T) {
	for _, f := range Functions() {
		if worst[f.Name] == "" {
			t.Errorf("there is nothing for %s", f.Name)
		}
	}
}

// TestNothingGoesOnAfterItsDeadline: whatever an expression does at the limits, it does no more than a bounded piece of it once its time is
// over. Pieces are counted where an expression looks at its deadline, not by a clock.
func TestNothingGoesOnAfterItsDeadline(t *testing.T) {
	for name := range worst {
		t.Run(name, func(t *testing.T) {
			v, s := worstOf(t, name)
			whole := &passing{Context: t.Context(), left: 1 << 30}
			if _, err := v.JSON(whole, s); err != nil {
				t.Fatalf("the expression is beyond a limit, not at it: %v", err)
			}
			for _, left := range []int{1, whole.asked / 2, whole.asked - 1} {
				if left < 1 || left >= whole.asked {
					continue
				}
				ctx := &passing{Context: t.Context(), left: left}
				if _, err := v.JSON(ctx, s); !errors.Is(err, context.DeadlineExceeded) || ctx.asked != left+1 {
					t.Errorf("with %d looks of %d: got %v after %d", left, whole.asked, err, ctx.asked)
				}
			}
		})
	}
}

// BenchmarkWorst is a table of what each function costs at the limits: the time of the whole, and the longest time between two looks at
// the deadline, which is by how much an expression can be late.
func BenchmarkWorst(b *testing.B) {
	for name := range worst {
		b.Run(name, func(b *testing.B) {
			v, s := worstOf(b, name)
			late := time.Duration(0)
			for b.Loop() {
				s.Memo = nil
				ctx := &watching{Context: b.Context(), last: time.Now()}
				if _, err := v.JSON(ctx, s); err != nil {
					b.Fatal(err)
				}
				ctx.look()
				late = max(late, ctx.longest)
			}
			b.ReportMetric(float64(late.Microseconds())/1000, "ms-late")
		})
	}
}

// watching measures the longest time between two looks at it.
type watching struct {
	context.Context
	last    time.Time
	longest time.Duration
}

func (w *watching) Err() error {
	w.look()
	return nil
}

func (w *watching) look() {
	now := time.Now()
	w.longest = max(w.longest, now.Sub(w.last))
	w.last = now
}
