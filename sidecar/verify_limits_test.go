package sidecar_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
)

// hoarder is the directory, but it wants more of something than plugins get.
func hoarder(what string) sdk.Spec[config, params, personFacts] {
	plugin := directory()
	var mu sync.Mutex
	var held [][]byte
	hold := func(size int) {
		mu.Lock()
		defer mu.Unlock()
		held = append(held, make([]byte, size))
	}
	plugin.Open = func(context.Context, sdk.Host, config) (sdk.Lookup[params, personFacts], error) {
		return sdk.Func[params, personFacts](func(ctx context.Context, p params) (sdk.Answer[personFacts], error) {
			var err error
			switch what {
			case "memory":
				hold(1 << 30)
			case "leak":
				hold(128 << 10)
			case "descriptors":
				_, err = syscall.Dup(2)
			case "processes":
				err = exec.Command("/bin/true").Run()
			case "files":
				_, err = os.ReadDir("/")
			case "file":
				_, err = os.Open("/etc/shadow")
			case "end":
				_, err = os.Open("/etc/shadow")
				_, _ = syscall.Write(2, []byte(err.Error()+"\n")) // os.Stderr goes to the host over gRPC, which the end may overtake
				os.Exit(4)
			}
			if err != nil {
				return sdk.Answer[personFacts]{}, err
			}
			return config{}.look(ctx, p)
		}), nil
	}
	return plugin
}

// raced reports whether this program runs under the race detector, whose memory no limit allows for.
func raced() bool {
	info, _ := debug.ReadBuildInfo()
	for _, s := range info.Settings {
		if s.Key == "-race" {
			return s.Value == "true"
		}
	}
	return false
}

func TestALimitThatAPluginHitsIsSaidInWords(t *testing.T) {
	tests := []struct{ what, id, hint string }{
		{"memory", "known", "this looks like its limit of memory: 256 MiB, of which it can map twice as much; limits: {memory: ...} gives it more, unless it never has enough"},
		{"leak", "memory", "this looks like its limit of memory: 256 MiB, of which it can map twice as much; limits: {memory: ...} gives it more, unless it never has enough"},
		{"descriptors", "concurrency", "this looks like its limit of 256 files and connections; limits: {descriptors: ...} gives it more, unless it forgets to close them"},
		{"processes", "known", "a plugin may not start other processes, unless it is declared with limits: {processes: ...}"},
		{"files", "known", "a plugin may read only the files that config names with keys that are file or end in File, and limits: {readable: [...]}; it may write limits: {writable: [...]}, and connect to the ports of URLs in config and limits: {connect: [...]}"},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			if (tt.what == "memory" || tt.what == "leak") && raced() {
				t.Log("not tried: under the race detector no memory is limited")
				return
			}
			shortTemp(t)
			report, err := sidecar.VerifyPlugin(t.Context(), sidecar.PluginTrial{
				Command: []string{os.Args[0], asHoarder, tt.what}, Calls: 10_000, Known: json.RawMessage(`{"email":"mum@gmail.com"}`),
			}, wrapped())
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range report.Checks {
				if c.ID == tt.id {
					if c.Outcome != "broken" || c.Hint != tt.hint {
						t.Errorf("%s: %s: %s\ngot  %s\nwant %s", c.ID, c.Outcome, c.Detail, c.Hint, tt.hint)
					}
					return
				}
			}
			var b strings.Builder
			_ = report.Render(&b)
			t.Errorf("no check %s:\n%s", tt.id, b.String())
		})
	}
}

// TestARefusedAccessIsToldWhereItIsLookedFor: the log names the rule, because a path may be somebody's, and the operator is shown both.
func TestARefusedAccessIsToldWhereItIsLookedFor(t *testing.T) {
	if !confine.HasFileRules() {
		t.Skip("this kernel has no Landlock")
	}
	const hint = "no rule lets it use /etc/shadow: limits: {readable: [/etc/shadow]} lets it read that, as a key of its config does that is file or ends in File"
	for what, want := range map[string]struct {
		log string
		of  func(*adminv1.PluginStatus) string
	}{
		"file": {"limits.readable refused it", (*adminv1.PluginStatus).GetFailing},
		"end":  {`refused_by":"limits.readable"`, (*adminv1.PluginStatus).GetLastCrash},
	} {
		t.Run(what, func(t *testing.T) {
			r := serve(t, func(dir string) string {
				return strings.ReplaceAll(household(dir), "builtin: directory", fmt.Sprintf("command: [%s, %s, %s], sha256: unverified", os.Args[0], asHoarder, what))
			})
			r.decide(signIn("mum@gmail.com"))
			list, err := r.plugins().ListPlugins(t.Context(), &adminv1.ListPluginsRequest{})
			must(t, err)
			if got := want.of(list.GetPlugins()[0]); !strings.Contains(got, hint) {
				t.Errorf("got %s", got)
			}
			if log := r.log.String(); !strings.Contains(log, want.log) || strings.Contains(log, "shadow") {
				t.Error(log)
			}
		})
	}
}
