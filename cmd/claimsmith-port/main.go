package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitGood    = 0
	exitWrong   = 1 // the input cannot be read; nothing is written
	exitUsage   = 2
	exitComment = 3 // written, and something of it is a comment, because it has no equivalent
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// usageError is a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// errCommented ends a command that wrote less than all.
var errCommented = errors.New("something has no equivalent")

func run(args []string, in io.Reader, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd := command()
	cmd.SetArgs(args)
	cmd.SetIn(in)
	cmd.SetOut(out)
	cmd.SetErr(errs)
	err := cmd.ExecuteContext(ctx)
	var wrong *problems
	var usage usageError
	switch {
	case err == nil:
		return exitGood
	case errors.Is(err, errCommented):
		return exitComment
	case errors.As(err, &wrong):
		wrong.render(errs)
	case errors.As(err, &usage):
		fmt.Fprintf(errs, "claimsmith-port: %v\nhint: claimsmith port --help\n", err)
		return exitUsage
	default:
		fmt.Fprintln(errs, "claimsmith-port:", err)
	}
	return exitWrong
}

func command() *cobra.Command {
	var o struct {
		options
		expression, output string
		as                 []string
	}
	cmd := &cobra.Command{
		Use:   "claimsmith-port [FILE]",
		Short: "Write the rules of another system as a claimsmith.yaml with tests",
		Long: "port reads a FILE, or stdin, that holds an AuthenticationConfiguration of Kubernetes, a FederationDomain of Pinniped or claims policies of Authelia; " +
			"or, with --from cel or --from jmespath, one expression, as in role_attribute_path of Grafana. It writes a configuration with tests. " +
			"The tests want what the original gives, run by its own engine on sample requests. What has no equivalent is a comment that says why.\n\n" +
			"It ends with 0 where all came over, 1 where the input cannot be read, 2 on a mistake on the command line, and 3 where something became a comment.",
		Example: `  claimsmith port authentication.yaml -o claimsmith.yaml
  claimsmith port --from jmespath -e "contains(groups[*], 'admins') && 'Admin' || 'Viewer'" --client grafana
  claimsmith port --from cel --claim username --as claims.upn=identity.preferredUsername expression.cel`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("port takes one file, and not %s as well", strings.Join(args[1:], " "))}
			}
			return nil
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	cmd.CompletionOptions.DisableDefaultCmd = true
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "what the input is: kubernetes, pinniped, authelia, cel or jmespath; the first three are seen by the file")
	f.StringVarP(&o.expression, "expression", "e", "", "the `text` of one expression, in the place of a file")
	f.StringVar(&o.claim, "claim", "", "the `name` of the claim that an expression gives: role by default for JMESPath. Without it, one in CEL is a condition that has to hold")
	f.StringVar(&o.client, "client", "", "the `id` of the client that the rules are for")
	f.StringVar(&o.connector, "connector", "", "the `id` of the connector in tests and conditions")
	f.StringArrayVar(&o.as, "as", nil, "`NAME=FIELD`: what a name of the original is here, as in roles=identity.groups; may be repeated")
	f.StringVarP(&o.output, "output", "o", "", "write to this `file`, which must not exist, in the place of stdout")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !slices.Contains([]string{"", "kubernetes", "pinniped", "authelia", "cel", "jmespath"}, o.from) {
			return usageError{fmt.Errorf("--from %q: write kubernetes, pinniped, authelia, cel or jmespath", o.from)}
		}
		if f.Changed("expression") && (len(args) > 0 || o.from != "cel" && o.from != "jmespath") {
			return usageError{errors.New("-e goes with --from cel or --from jmespath, and without a file")}
		}
		as, err := parseAs(o.as)
		if err != nil {
			return usageError{err}
		}
		o.options.as = as
		in := newInput("-e", o.expression)
		if !f.Changed("expression") {
			if in, err = read(cmd.InOrStdin(), args); err != nil {
				return err
			}
		}
		return port(cmd.Context(), in, o.options, o.output, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

// read reads the file of the command line, or stdin.
func read(stdin io.Reader, args []string) (*input, error) {
	name := "stdin"
	if len(args) > 0 && args[0] != "-" {
		name = args[0]
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		stdin = f
	}
	data, err := io.ReadAll(io.LimitReader(stdin, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(data) > maxInput {
		return nil, fmt.Errorf("%s is longer than %d bytes", name, maxInput)
	}
	return newInput(name, string(data)), nil
}

// port translates an input, and tells of what has no equivalent.
func port(ctx context.Context, in *input, o options, output string, out, errs io.Writer) error {
	t, err := translateInput(in, o)
	if err != nil {
		return err
	}
	text, err := t.prove(ctx)
	if err != nil {
		return err
	}
	if output != "" {
		f, err := os.OpenFile(output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		defer f.Close()
		out = f
	}
	if _, err := io.WriteString(out, text); err != nil {
		return err
	}
	lost := t.lost()
	if lost == nil {
		return nil
	}
	lost.render(errs)
	return errCommented
}
