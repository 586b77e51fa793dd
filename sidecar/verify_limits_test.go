package sidecar_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/sidecar"
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
		{"files", "known", "a plugin may read only the files that config names with keys that are file or end in File, and limits: {readable: [...]}; it may write limits: {writable: [...]}"},
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
