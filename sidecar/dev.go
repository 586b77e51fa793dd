package sidecar

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/pluginhost"
)

// devLook is how often DevPlugin looks for changed files.
const devLook = 300 * time.Millisecond

// DevPlugin runs a plugin, confined and limited as Serve would run it, for somebody who writes it. It asks trial.Known, if there is one,
// and writes the answer, or what went wrong with a hint, to out. When a file of the command, one beside it, or one that the configuration
// names has changed, it does so again with a new process. It ends with ctx.
func DevPlugin(ctx context.Context, trial PluginTrial, o compile.Options, out io.Writer) error {
	options := compile.HostOptions(o, o.Log(nil))
	options.Stderr = trial.Stderr
	d := tried(trial)
	d.Name = "dev"
	changed := time.NewTicker(devLook)
	defer changed.Stop()
	for ctx.Err() == nil {
		seen := devFiles(d)
		host, err := pluginhost.New(options) // a new one knows nobody, so that the words of the plugin are shown
		if err != nil {
			return err
		}
		if err := devOnce(ctx, host, d, trial.Known, out); err != nil {
			text := host.Reveal(err.Error())
			fmt.Fprintln(out, text)
			if hint := d.Refused(text).Hint; hint != "" {
				fmt.Fprintln(out, "hint:", hint)
			}
		}
		for ctx.Err() == nil && devFiles(d) == seen {
			select {
			case <-changed.C:
			case <-ctx.Done():
			}
		}
		if err := host.Close(); err != nil {
			return err
		}
	}
	return nil
}

func devOnce(ctx context.Context, host *pluginhost.Host, d confine.Declaration, question json.RawMessage, out io.Writer) error {
	plugin, err := host.Start(ctx, d)
	if err != nil {
		return err
	}
	is := plugin.Description()
	fmt.Fprintf(out, "started %s %s: %s\n", is.Name, is.Version, plugin.Status().Confinement)
	problems, err := plugin.Configure(ctx, false)
	for _, p := range problems {
		fmt.Fprintln(out, strings.TrimPrefix("config."+p.Path+": "+p.Message, "config.: "))
	}
	if err != nil || len(problems) > 0 || len(question) == 0 {
		return err
	}
	answer, err := plugin.Asker(answers.Policy{}).Ask(ctx, pipeline.Question{Params: question})
	if err != nil {
		return err
	}
	text, err := json.Marshal(map[string]any{"found": answer.Found, "problem": answer.Problem, "facts": answer.Facts, "age": answer.Age.String()})
	fmt.Fprintf(out, "answer %s\n", text)
	return err
}

// devFiles tells two moments apart between which a file of d has changed.
func devFiles(d confine.Declaration) string {
	var b strings.Builder
	files := d.Granted()
	for _, arg := range d.Command {
		if !filepath.IsAbs(arg) || strings.HasPrefix(arg, "/usr/") {
			continue
		}
		beside, _ := filepath.Glob(filepath.Join(filepath.Dir(arg), "*"))
		files = append(append(files, arg), beside...)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			fmt.Fprintf(&b, "%s %d %s\n", file, info.Size(), info.ModTime().Format(time.RFC3339Nano))
		}
	}
	return b.String()
}
