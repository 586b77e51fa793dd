package confine

import (
	"fmt"
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
	const want = `; its first words: "a" "b" "c"; then: "Error: EACCES: permission denied, open '/etc/people'"; its last, 2 lines later: "e" "f" "g"`
	if got := w.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestARefusedAccessIsNamed(t *testing.T) {
	const rule = "a plugin may read only the files that config names with keys that are file or end in File, and limits: {readable: [...]}; it may write limits: {writable: [...]}"
	for _, tt := range []struct{ text, want string }{
		{"open /etc/people: permission denied", "no rule lets it use /etc/people: " + rule},
		{"cat: /etc/people: Permission denied", "no rule lets it use /etc/people: " + rule},
		{"Error: EACCES: permission denied, open '/etc/people'", "no rule lets it use /etc/people: " + rule},
		{`its last words: "PermissionError: [Errno 13] Permission denied: '/etc/people'"`, "no rule lets it use /etc/people: " + rule},
		{"Permission denied @ rb_sysopen - /etc/people (Errno::EACCES)", "no rule lets it use /etc/people: " + rule},
		{"java.io.FileNotFoundException: /etc/people (Permission denied)", "no rule lets it use /etc/people: " + rule},
		{"permission denied", rule},
		{"no licence found", ""},
	} {
		if got := (Limits{Memory: 1}).Hint(tt.text); got != tt.want {
			t.Errorf("%s:\ngot  %q\nwant %q", tt.text, got, tt.want)
		}
	}
}
