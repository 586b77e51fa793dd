package rules

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every word of the dictionary leads to something that can be written, and no function of ours is taken for one of another language.
func TestTheDictionary(t *testing.T) {
	called := regexp.MustCompile(`(\w+)\(`)
	seen := map[string]bool{}
	for _, w := range dictionary {
		if w.ours != "" && !functionKnown(w.ours) {
			t.Errorf("%q is no function", w.ours)
		}
		for _, call := range called.FindAllStringSubmatch(w.write, -1) {
			if !functionKnown(call[1]) {
				t.Errorf("%q wants %s to be called, which is no function", w.write, call[1])
			}
		}
		for _, other := range strings.Fields(w.others) {
			if functionKnown(other) || seen[other] || slices.Contains(strings.Fields(w.cel+" "+w.jmespath), other) {
				t.Errorf("%s is written here, or stands twice", other)
			}
			seen[other] = true
			if got := foreign(other); got != "write "+w.write {
				t.Errorf("the hint for %s is %q", other, got)
			}
		}
	}
	if foreign("frobnicate") != "" {
		t.Error("a word that is none has a hint")
	}
}
