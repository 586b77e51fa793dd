package main

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzCEL(f *testing.F)      { fuzzed(f, "cel", "testdata/cel.txt") }
func FuzzJMESPath(f *testing.F) { fuzzed(f, "jmespath", "testdata/jmespath.txt") }

func fuzzed(f *testing.F, language, seeds string) {
	text, err := os.ReadFile(seeds)
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "\t") && !strings.HasPrefix(line, "#") {
			f.Add(strings.TrimSuffix(strings.TrimPrefix(line, "x = "), "\n"))
		}
	}
	f.Fuzz(func(t *testing.T, src string) {
		writes(t, src, options{from: language, claim: "x"})
		writes(t, src, options{from: language})
	})
}

func FuzzConfiguration(f *testing.F) {
	for _, name := range []string{"authelia-vaultwarden", "kubernetes-deckhouse", "kubernetes-website", "pinniped-ad", "pinniped-more", "wrong"} {
		f.Add(section(parsed(f, "testdata/"+name+".txtar"), "input"))
	}
	f.Fuzz(func(t *testing.T, text string) { writes(t, text, options{}) })
}

// writes ports any input: either something is wrong with it, or what comes out has passed check and its tests, which prove says.
func writes(t *testing.T, text string, o options) {
	if len(text) > 2000 || !utf8.ValidString(text) {
		return
	}
	tr, err := translateInput(newInput("x", text), o)
	if err != nil {
		return
	}
	if _, err := tr.prove(t.Context()); err != nil {
		t.Error(err)
	}
}
