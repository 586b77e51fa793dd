package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/sidecar"
)

// trialFlags are how a plugin is started by hand, and what it is asked.
type trialFlags struct {
	env    []string
	tls    string
	asJSON bool
	show   bool
	calls  int
	box    bool      // try the confinement instead of a plugin
	user   string    // of the hostile plugin
	file   string    // of a configuration
	plugin string    // in it
	texts  [5]string // what the names of objects say
	limits limitFlags
}

// limitFlags are the limits of a plugin, named as in a configuration.
type limitFlags struct {
	memory                 sidecar.Size
	descriptors, processes int
	readable, writable     []string
	connect                []int
}

func (f *trialFlags) limit(cmd *cobra.Command) {
	l, flags := &f.limits, cmd.Flags()
	flags.Var(&l.memory, "memory", "limits: {memory: `SIZE`}, such as 256MiB")
	flags.IntVar(&l.descriptors, "descriptors", 0, "limits: {descriptors: `N`}")
	flags.IntVar(&l.processes, "processes", 0, "limits: {processes: `N`}")
	flags.StringSliceVar(&l.readable, "readable", nil, "limits: {readable: [`FILE`]}, or folders")
	flags.StringSliceVar(&l.writable, "writable", nil, "limits: {writable: [`FILE`]}, or folders")
	flags.IntSliceVar(&l.connect, "connect", nil, "limits: {connect: [`PORT`]}")
}

// put adds the limits to those that t has.
func (l *limitFlags) put(t *sidecar.PluginTrial) error {
	into := &t.Limits
	into.Memory, into.Descriptors = cmp.Or(int64(l.memory), into.Memory), cmp.Or(l.descriptors, into.Descriptors)
	into.Processes = cmp.Or(l.processes, into.Processes)
	for from, to := range map[*[]string]*[]string{&l.readable: &into.Readable, &l.writable: &into.Writable} {
		for _, file := range *from {
			whole, err := filepath.Abs(file)
			if err != nil {
				return err
			}
			*to = append(*to, whole)
		}
	}
	into.Connect = append(into.Connect, l.connect...)
	return nil
}

// objects are the flags whose values are JSON objects.
var objects = [...]struct{ name, about string }{
	{"config", "a configuration that it takes"},
	{"known", "a question whose answer is found"},
	{"facts", "some of the facts of that answer, compared digit by digit"},
	{"unknown", "a question that finds nobody; one is made up from its schema if there is none"},
	{"slow", "a question that takes longer than a second"},
}

func verifyCommand() *cobra.Command {
	var f trialFlags
	cmd := &cobra.Command{
		Use:   "verify [flags] COMMAND [argument ...]",
		Short: "Put a plugin in any language through the contract",
		Long: "verify starts a plugin, holds it against the contract of plugins/PROTOCOL.md clause by clause, with the limits that a plugin has which " +
			"asks for no more, those of --plugin, or those of the flags that are named like them, and then starts it as serve would. " +
			"JSON is given as it is, or as @FILE. Flags stand before the command of the plugin. " +
			"With --hostile it tries what confines plugins on this machine instead: a plugin that comes with claimsmith attacks from inside, " +
			"line by line of the table in plugins/README.md. Run it as the user that the sidecar runs as.",
		Example: "  claimsmith plugin verify ./phonebook\n" +
			"  claimsmith plugin verify --tls off --config @config.json --known '{\"name\":\"charlotte\"}' /usr/bin/python3 /opt/plugins/accounts.py\n" +
			"  claimsmith plugin verify -c claimsmith.yaml --plugin phonebook --memory 512MiB\n" +
			"  claimsmith plugin verify --json ./phonebook\n" +
			"  claimsmith plugin verify --hostile",
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		switch {
		case f.plugin != "" && len(args) > 0:
			return usageError{errors.New("--plugin names the plugin: its command stands in the configuration")}
		case f.box || f.plugin != "":
			return nil
		}
		return commandArgs(cmd, args)
	}
	f.start(cmd)
	f.limit(cmd)
	cmd.Flags().BoolVar(&f.box, "hostile", false, "have a hostile plugin try what confines plugins here")
	cmd.Flags().StringVar(&f.user, "user", "", "with --hostile: the `USER` of its own that the plugin gets")
	cmd.Flags().StringVarP(&f.file, "file", "c", "claimsmith.yaml", "with --plugin: the configuration `FILE`")
	cmd.Flags().StringVar(&f.plugin, "plugin", "", "the `NAME` of a plugin in that file: its command, configuration and limits are used")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "write the report as JSON")
	cmd.Flags().BoolVar(&f.show, "show-output", false, "show on stderr what it prints, personal data and all")
	cmd.Flags().IntVar(&f.calls, "calls", 10_000, "how many calls are made to see whether its memory grows")
	for i, o := range objects {
		cmd.Flags().StringVar(&f.texts[i], o.name, "", o.about+", as `JSON`")
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.box {
			return f.verifyHostile(cmd, args)
		}
		trial, err := f.trial(args)
		if err != nil {
			return err
		}
		noteArguments(cmd, args[min(1, len(args)):])
		if f.show {
			trial.Stderr = cmd.ErrOrStderr()
		}
		o, err := options()
		if err != nil {
			return err
		}
		report, err := sidecar.VerifyPlugin(cmd.Context(), trial, o)
		if err != nil {
			return err
		}
		return f.write(cmd, report)
	}
	return cmd
}

func devCommand() *cobra.Command {
	var f trialFlags
	cmd := &cobra.Command{
		Use:   "dev [flags] COMMAND [argument ...]",
		Short: "Run a plugin while you write it",
		Long: "dev starts a plugin confined as serve would, asks it one question and prints the answer, or what went wrong. It starts it again whenever " +
			"a file of its command, one beside it, or one that its configuration names changes. What it prints goes to stderr. Flags stand before its command.",
		Example: "  claimsmith plugin dev --known '{\"name\":\"charlotte\"}' ./phonebook\n" +
			"  claimsmith plugin dev --tls off --config @config.json --known @question.json /usr/bin/node --no-warnings /opt/book/plugin.js",
		Args: commandArgs,
	}
	f.start(cmd)
	f.limit(cmd)
	for i, o := range objects[:2] {
		cmd.Flags().StringVar(&f.texts[i], o.name, "", o.about+", as `JSON`")
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		trial, err := f.trial(args)
		if err != nil {
			return err
		}
		noteArguments(cmd, args[1:])
		trial.Stderr = cmd.ErrOrStderr()
		o, err := options()
		if err != nil {
			return err
		}
		return sidecar.DevPlugin(cmd.Context(), trial, o, cmd.OutOrStdout())
	}
	return cmd
}

func (f *trialFlags) write(cmd *cobra.Command, report *sidecar.PluginReport) (err error) {
	if f.asJSON {
		err = writeJSON(cmd.OutOrStdout(), report)
	} else {
		err = report.Render(cmd.OutOrStdout())
	}
	if err == nil && report.Failed() > 0 {
		err = errReported
	}
	return err
}

func describeCommand() *cobra.Command {
	var f trialFlags
	cmd := &cobra.Command{
		Use:   "describe [flags] COMMAND [argument ...]",
		Short: "Write down what a plugin says about itself",
		Long: "describe starts a plugin and prints its name and its schemas: what schemaFile: names, so that check --offline and test " +
			"know its facts without starting it. Flags stand before the command of the plugin.",
		Example: "  claimsmith plugin describe ./phonebook > schema.json\n  claimsmith plugin describe --tls off /opt/plugins/accounts.py",
		Args:    commandArgs,
	}
	f.start(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		trial, err := f.trial(args)
		if err != nil {
			return err
		}
		noteArguments(cmd, args[1:])
		text, err := sidecar.DescribePlugin(cmd.Context(), trial)
		if err != nil {
			return err
		}
		_, err = cmd.OutOrStdout().Write(text)
		return err
	}
	return cmd
}

// start adds the flags that say how a plugin is started. What follows its command belongs to it.
func (f *trialFlags) start(cmd *cobra.Command) {
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().StringVar(&f.tls, "tls", "auto", "auto, or off for a plugin that is declared with tls: off")
	cmd.Flags().StringSliceVar(&f.env, "env", nil, "`NAME` of a variable that is handed on to it")
}

// noteArguments says on stderr what among the plugin's own arguments was probably meant otherwise.
func noteArguments(cmd *cobra.Command, args []string) {
	for _, arg := range args {
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		switch {
		case strings.HasPrefix(arg, "--") && cmd.Flags().Lookup(name) != nil:
			fmt.Fprintf(cmd.ErrOrStderr(), "note: --%s stands after the command of the plugin, which gets it as an argument\n", name)
		case !strings.HasPrefix(arg, "-") && !filepath.IsAbs(arg):
			if info, err := os.Stat(arg); err != nil || !info.Mode().IsRegular() {
				continue
			}
			if whole, err := filepath.Abs(arg); err == nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "note: the plugin runs in a folder of its own, where %s is not: write %s\n", arg, whole)
			}
		}
	}
}

func commandArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usageError{fmt.Errorf("plugin %s takes the command of a plugin", cmd.Name())}
	}
	return nil
}

// trial makes of the flags what is to be tried.
func (f *trialFlags) trial(args []string) (t sidecar.PluginTrial, err error) {
	switch f.tls {
	case "auto", "off":
	default:
		return t, usageError{fmt.Errorf("--tls %q: write auto or off", f.tls)}
	}
	if f.calls < 0 {
		return t, usageError{errors.New("--calls must not be negative")}
	}
	if f.plugin != "" {
		o, err := options()
		if err != nil {
			return t, err
		}
		if t, err = sidecar.TrialOf(f.file, f.plugin, o); err != nil {
			return t, err
		}
		t.Calls = f.calls
		return t, f.ask(&t)
	}
	// LookPath is for a person at a terminal: serve wants the whole path.
	path, err := exec.LookPath(args[0])
	if err != nil {
		return t, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return t, err
	}
	t = sidecar.PluginTrial{Command: append([]string{path}, args[1:]...), Env: f.env, NoTLS: f.tls == "off", Calls: f.calls}
	return t, f.ask(&t)
}

// ask puts the objects of the flags into t.
func (f *trialFlags) ask(t *sidecar.PluginTrial) error {
	if err := f.limits.put(t); err != nil {
		return err
	}
	for i, into := range []*json.RawMessage{&t.Config, &t.Known, &t.Facts, &t.Unknown, &t.Slow} {
		object, err := jsonObject(objects[i].name, f.texts[i])
		if err != nil {
			return err
		}
		if object != nil {
			*into = object
		}
	}
	return nil
}

// jsonObject reads the value of a flag: an object, or the name of a file with one.
func jsonObject(flag, text string) (json.RawMessage, error) {
	if text == "" {
		return nil, nil
	}
	data := []byte(text)
	if file, ok := strings.CutPrefix(text, "@"); ok {
		var err error
		if data, err = os.ReadFile(file); err != nil {
			return nil, fmt.Errorf("--%s: %w", flag, err)
		}
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(data, &object) != nil || object == nil {
		return nil, usageError{fmt.Errorf("--%s: write a JSON object, or @ and the name of a file with one", flag)}
	}
	return data, nil
}
