package rules

import "testing"

// What a random search found: each gave something else, or failed.
func TestWhatWasFound(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"the last of a list within an object", `{x: 1, y: findLast([0.5, 1.5], it < 1)}`, `{"x":1,"y":0.5}`},
		{"the last of a list beside an operator", `[10 + (findLast([1, 2, 3], it < 3) ?? 0), "a" == findLast(["a", "b"], it == "a"), findLast([1], it > 1) == nil]`, `[12,true,true]`},
		{"its place", `{x: findLastIndex([1, 2, 1], it == 1), y: 1 + (findLastIndex(["a", "b"], it == "a") ?? 5), z: findLastIndex([1], it > 1) ?? -1}`, `{"x":2,"y":1,"z":-1}`},
		{"a string of what is known only when it is there", `string({a: claims.address}.a)`, `"{\"country\":\"de\"}"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v, err := newCompiler(t).Claim("x", test.src)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := v.JSON(t.Context(), newState(t)); err != nil || string(got) != test.want {
				t.Errorf("got %s, %v, want %s", got, err, test.want)
			}
		})
	}
}
