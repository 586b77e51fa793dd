package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// ours are all commands but those that cobra brings, whose examples stand in their descriptions.
func ours(cmd *cobra.Command) (all []*cobra.Command) {
	if cmd.Name() == "completion" {
		return nil
	}
	all = append(all, cmd)
	for _, sub := range cmd.Commands() {
		all = append(all, ours(sub)...)
	}
	return all
}

func TestEveryCommandSaysWhatItDoesWithAnExample(t *testing.T) {
	for _, cmd := range ours(command()) {
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			var out, errs strings.Builder
			args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
			if code := run(args, strings.NewReader(""), &out, &errs); code != exitGood || errs.Len() > 0 {
				t.Errorf("it ended with %d and said %q", code, errs.String())
			}
			if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
				t.Errorf("its short description is %q", cmd.Short)
			}
			if cmd.Example == "" || !strings.Contains(out.String(), cmd.Example) {
				t.Errorf("it shows no example:\n%s", out.String())
			}
			for line := range strings.Lines(cmd.Example) {
				wantRunnable(t, strings.Fields(line))
			}
		})
	}
}

// wantRunnable judges an example: what it runs is there, and has the flags that it is given.
func wantRunnable(t *testing.T, words []string) {
	t.Helper()
	first := slices.Index(words, "claimsmith")
	if first < 0 || first > 0 && words[first-1] != "|" {
		t.Errorf("%q does not run claimsmith", words)
		return
	}
	words = words[first:]
	for i, word := range words {
		if word == "|" || word == ">" || word == "&&" || word == "--" {
			words = words[:i]
			break
		}
	}
	cmd, rest, err := command().Find(words[1:])
	if err != nil {
		t.Errorf("%q: %v", words, err)
		return
	}
	if !cmd.Runnable() {
		t.Errorf("%q runs nothing", words)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Errorf("%q: %v", words, err)
	} else if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
		t.Errorf("%q: %v", words, err)
	}
}
