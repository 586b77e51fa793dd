package sidecar

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/internal/conform"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/pluginhost"
)

// PluginTrial says which plugin is put through the contract, and what it is asked.
type PluginTrial = conform.Options

// Size is a number of bytes, as limits of a configuration have it; it can be the value of a flag.
type Size = config.Size

// PluginReport is what a plugin made of the contract, clause by clause.
type PluginReport = conform.Report

// VerifyPlugin puts a plugin, in whatever language, through the contract of plugins/PROTOCOL.md, confined and with its limits, or
// those that Serve gives to a plugin that asks for no more, and then starts it as Serve would, supervised. The error is for what is
// not the plugin's doing, such as a command that is not there.
func VerifyPlugin(ctx context.Context, trial PluginTrial, o compile.Options) (_ *PluginReport, err error) {
	host, err := pluginhost.New(compile.HostOptions(o, o.Log(nil)))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, host.Close()) }()
	d := tried(trial)
	trial.Launch = func(cmd *exec.Cmd, sockets string) error { return host.Launch(cmd, d, sockets) }
	trial.Hint = func(text string) string { return d.Refused(text).Hint }
	report, err := conform.Run(ctx, trial)
	if err != nil {
		return nil, err
	}
	check := conform.Check{ID: "host", Name: "claimsmith takes it as it takes any plugin", Outcome: conform.Kept}
	if err := tryPlugin(ctx, host, d, trial); err != nil {
		check.Outcome, check.Detail, check.Hint = conform.Broken, err.Error(), d.Refused(err.Error()).Hint
	}
	report.Checks = append(report.Checks, check)
	return report, ctx.Err()
}

// TrialOf is the trial of a plugin as a file declares it: its command, configuration, variables and limits. It runs as whoever tries it.
func TrialOf(file, name string, o compile.Options) (PluginTrial, error) {
	cfg, _, problems := config.Load(file, config.Options{Builtins: o.BuiltinNames()})
	for _, p := range cfg.Plugins {
		if d := compile.Declaration(&p, o); p.Name == name && len(d.Command) > 0 {
			return PluginTrial{Command: d.Command, Env: d.Env, NoTLS: d.TLS == confine.TLSOff, Config: d.Config, Limits: d.Limits, Unconfined: d.Unconfined}, nil
		}
	}
	for _, p := range problems {
		if !p.Warning {
			return PluginTrial{}, errors.New(p.String())
		}
	}
	return PluginTrial{}, fmt.Errorf("%s has no plugin %s", file, name)
}

// tried is the shortest declaration of a plugin: without limits of its own it has those of one that says nothing about them.
func tried(trial PluginTrial) confine.Declaration {
	d := confine.Declaration{
		Name: "verify", Command: trial.Command, Env: trial.Env, TLS: confine.TLSAuto, Config: trial.Config, Limits: trial.Limits, Unconfined: trial.Unconfined,
	}
	usual := compile.LimitsOf(&config.Plugin{})
	d.Limits.Memory, d.Limits.Descriptors = cmp.Or(d.Limits.Memory, usual.Memory), cmp.Or(d.Limits.Descriptors, usual.Descriptors)
	if trial.NoTLS {
		d.TLS = confine.TLSOff
	}
	return d
}

// tryPlugin starts a plugin under a real host, gives it its configuration and asks it.
func tryPlugin(ctx context.Context, host *pluginhost.Host, d confine.Declaration, trial PluginTrial) error {
	plugin, err := host.Start(ctx, d)
	if err != nil {
		return err
	}
	for _, checkOnly := range []bool{true, false} {
		problems, err := plugin.Configure(ctx, checkOnly)
		if err != nil {
			return err
		}
		if len(problems) > 0 {
			return fmt.Errorf("configure: %s: %s", problems[0].Path, problems[0].Message)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for _, params := range []json.RawMessage{trial.Known, trial.Unknown} {
		if len(params) == 0 {
			continue
		}
		if _, err := plugin.Asker(answers.Policy{}).Ask(ctx, pipeline.Question{Params: params}); err != nil {
			return err
		}
	}
	return nil
}

// DescribePlugin starts a plugin and returns what it says about itself, in the form of a schemaFile.
func DescribePlugin(ctx context.Context, trial PluginTrial) ([]byte, error) {
	d, err := conform.Describe(ctx, trial)
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(compile.WrittenDescription{Name: d.Name, Version: d.Version, Config: d.Config, Params: d.Params, Facts: d.Facts}, "", "  ")
	return append(text, '\n'), err
}
