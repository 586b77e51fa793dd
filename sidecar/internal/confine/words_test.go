package confine

import (
	"fmt"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	for n, want := range map[int]string{
		0: "", 1: `; its last words: "0"`, 6: `; its last words: "0" "1" "2" "3" "4" "5"`,
		20: `; its first words: "0" "1" "2"; its last, 14 lines later: "17" "18" "19"`,
	} {
		var w Words
		for i := range n {
			w.Add(fmt.Sprint(i))
		}
		if got := w.String(); got != want {
			t.Errorf("%d lines: got %s, want %s", n, got, want)
		}
	}
}

func TestWhatWasRefusedIsNotLostInATrace(t *testing.T) {
	var w Words
	for _, line := range []string{"a", "b", "c", "Error: EACCES: permission denied, open '/etc/people'", "d", "e", "f", "g"} {
		w.Add(line)
	}
	var syntax Words
	for _, line := range []string{"file:///opt/book/plugin.js:64", "return ??", "^^", "SyntaxError: Unexpected token '??'", "    at a", "    at b", "Node.js v20", ""} {
		syntax.Add(line)
	}
	if got := syntax.String(); !strings.Contains(got, `; then: "SyntaxError: Unexpected token '??'"; its last`) {
		t.Errorf("got %s", got)
	}
	const want = `; its first words: "a" "b" "c"; then: "Error: EACCES: permission denied, open '/etc/people'"; its last, 2 lines later: "e" "f" "g"`
	if got := w.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
