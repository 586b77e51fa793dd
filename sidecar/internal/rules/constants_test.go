package rules

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatFailsInEachRequestDoesNotCompile(t *testing.T) {
	tests := []struct {
		src  string
		want *Error
	}{
		{`float("a")`, &Error{6, "float needs a number, and this text is none", everyRequest}},
		{`1 + int("x")`, &Error{8, "int needs a number, and this text is none", everyRequest}},
		{`1 / 0`, &Error{2, "division by zero", everyRequest}},
		{`9223372036854775807 + 1`, &Error{20, "the number does not fit into 64 bits", everyRequest}},
		{`sort(identity.groups, "up")`, &Error{22, `sort needs the order "asc" or "desc", and this text is neither`, everyRequest}},
		{`sortBy(identity.groups, it, "up")`, &Error{28, `sortBy needs the order "asc" or "desc", and this text is neither`, everyRequest}},
		{`map(identity.groups, it + string(int("é")))`, &Error{37, "int needs a number, and this text is none", everyRequest}},
		{`map(["1", "x"], int(it))`, &Error{20, "int needs a number, and this text is none", everyRequest}},
		{`let a = "x"; int(a)`, &Error{17, "int needs a number, and this text is none", everyRequest}},
		{`identity.isUser ? int("x") : 1`, &Error{22, "int needs a number, and this text is none", everyRequest}},
		{`required("")`, &Error{0, "a required value is missing or empty", everyRequest}},
		{`fromPairs([["a"]])`, &Error{0, "fromPairs needs lists of a name and a value", everyRequest}},
		{`fromPairs([[1, 2]])`, &Error{0, "fromPairs needs a string as name, and this is a number", everyRequest}},
		{`uniq([["a"]])`, &Error{0, "uniq goes through strings, numbers and booleans only", everyRequest}},
		{`1..99999999999999999`, &Error{3, "the number is too large for ..", everyRequest}},
		{`trimPrefix(identity.groups, string([1][0]))`, nil},
		{`int("7") + int(" 7" | trim())`, nil},
		{`map(identity.groups, int(it))`, nil},
		{`let a = identity.username; int(a)`, nil},
		{`count(1..10000, count(1..10000, it > 1) > 1)`, nil},
		{`int(identity.username)`, nil},
		{`default({a: ""}.a, "none")`, nil},
	}
	t.Run("the value of a claim", func(t *testing.T) {
		_, err := newCompiler(t).Claim("username", `trim(" ")`)
		if got, want := compileError(t, err, ""), (Error{0, `claim "username" would be empty`, ""}); got != want {
			t.Errorf("%+v", got)
		}
	})
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.src, func(t *testing.T) {
			_, err := c.Claim("x", tt.src)
			var got *Error
			if err != nil {
				got = err.(*Error)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
