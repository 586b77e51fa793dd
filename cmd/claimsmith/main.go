package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/plugins/directory"
	"github.com/claimsmith/claimsmith/plugins/http"
	"github.com/claimsmith/claimsmith/plugins/ldap"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sql"
	"github.com/claimsmith/claimsmith/plugins/synology"
	"github.com/claimsmith/claimsmith/sidecar"
)

const (
	exitGood     = 0
	exitProblems = 1
	exitUsage    = 2
	exitUnknown  = 2 // of the doctor, with its report at standard output
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is main without the end of the process.
func run(args []string, in io.Reader, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := command()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	cmd, err := root.ExecuteContextC(ctx)
	return exitCode(cmd, err, errs)
}

// exitCode tells the error of a command, in the form that fits it, and says what the process ends with.
func exitCode(cmd *cobra.Command, err error, errs io.Writer) int {
	var (
		problems *sidecar.Problems
		tests    *sidecar.TestsFailed
		usage    usageError
		ended    exited
	)
	switch {
	case err == nil:
		return exitGood
	case errors.As(err, &ended):
		return int(ended)
	case errors.Is(err, errReported):
		return exitProblems
	case errors.Is(err, errUnknown):
		return exitUnknown
	case errors.As(err, &problems):
		if problems.Render(errs) != nil {
			fmt.Fprintln(errs, "claimsmith:", err)
		}
	case errors.As(err, &tests):
		fmt.Fprintln(errs, "claimsmith:", err)
		if tests.Report.Render(errs) != nil {
			return exitProblems
		}
	case errors.As(err, &usage):
		fmt.Fprintf(errs, "claimsmith: %v\nhint: %s --help\n", err, cmd.CommandPath())
		return exitUsage
	default:
		fmt.Fprintln(errs, "claimsmith:", err)
	}
	return exitProblems
}

// errReported ends a command whose output says already what is wrong.
var errReported = errors.New("reported")

// errUnknown ends a command whose output says that it could not find out.
var errUnknown = errors.New("unknown")

// usageError is a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "claimsmith",
		Short:         "Put claims of your own into the tokens of Dex",
		Long:          "claimsmith decides the claims of Dex's tokens by rules in one file, from facts that plugins know.",
		Example:       "  claimsmith demo\n  claimsmith check -c claimsmith.yaml\n  claimsmith serve -c claimsmith.yaml",
		Version:       thisBuild().String(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("{{.Version}}")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(serveCommand(), checkCommand(), testCommand(), schemaCommand(), explainCommand(), diffCommand(), portCommand(), demoCommand(), dexCommand(), imageCommand(), pluginCommand(),
		statusCommand(), reloadCommand(), whyCommand(), forgetCommand(), linksCommand(), synologyCommand(), emulatorCommand(), doctorCommand(), versionCommand(), manCommand())
	root.SetHelpCommand(helpCommand(root))
	root.InitDefaultCompletionCmd()
	strict(root)
	return root
}

// builtins are the plugins that come with this binary, by name.
func builtins() map[string]sdk.Plugin {
	return map[string]sdk.Plugin{
		"directory": directory.Plugin(),
		"ldap":      ldap.Plugin(),
		"http":      http.Plugin(),
		"sql":       sql.Plugin(),
		"synology":  synology.Plugin(),
	}
}

// options are what every command that reads a configuration needs: this binary is its own built-in plugins and their wrapper.
func options() (sidecar.Options, error) {
	self, err := os.Executable()
	if err != nil {
		return sidecar.Options{}, fmt.Errorf("find this program: %w", err)
	}
	o := sidecar.Options{
		Builtins: map[string]sidecar.Builtin{},
		Wrapper:  []string{self, "plugin", "exec"},
		Version:  version(),
	}
	for name, plugin := range builtins() {
		o.Builtins[name] = sidecar.Builtin{
			Command: []string{self, "plugin", "run", name},
			Describe: func() (sidecar.Description, error) {
				d, err := plugin.Describe()
				return sidecar.Description{Name: d.Name, Version: d.Version, Config: d.ConfigSchema, Params: d.ParamsSchema, Facts: d.FactsSchema}, err
			},
			MaxAge: plugin.MaxAge,
		}
	}
	return o, nil
}
