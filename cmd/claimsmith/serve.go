package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/internal/logfile"
	"github.com/claimsmith/claimsmith/sidecar"
)

// configFlag adds -c.
func configFlag(cmd *cobra.Command) *string {
	return cmd.Flags().StringP("config", "c", "claimsmith.yaml", "the configuration `file`")
}

func serveCommand() *cobra.Command {
	var o struct {
		level, format             string
		reflection, allowWritable bool
	}
	cmd := &cobra.Command{
		Use:     "serve",
		Short:   "Answer the hook in Dex",
		Long:    "serve starts the plugins, runs the tests of the configuration, and then answers Dex until it is told to stop (SIGINT, SIGTERM). It reads the file again when it changes, and on SIGHUP, which also starts the plugins again. A file that would keep out everybody who was let in recently is not taken, unless two SIGHUPs within 30 seconds say that it is meant.",
		Example: "  claimsmith serve -c /etc/claimsmith/claimsmith.yaml",
		Args:    noArgs,
	}
	file := configFlag(cmd)
	cmd.Flags().StringVar(&o.level, "log-level", "", "debug, info, warn or error; instead of what the file says")
	cmd.Flags().StringVar(&o.format, "log-format", "", "text or json; instead of what the file says")
	cmd.Flags().BoolVar(&o.reflection, "reflection", false, "serve gRPC reflection, to look around with tools")
	cmd.Flags().BoolVar(&o.allowWritable, "allow-writable-config", false, "serve a file that others can write: whoever can decides every login")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		tuneMemory()
		options, err := options()
		if err != nil {
			return err
		}
		if _, _, err := logForm(cmd.ErrOrStderr(), o.level, o.format); err != nil {
			return usageError{err}
		}
		var ends []func()
		defer func() {
			for _, end := range ends {
				end()
			}
		}()
		options.Logger = func(level, format string) *slog.Logger {
			// The loader took only values that logForm knows, and the flags were checked above.
			json, at, _ := logForm(cmd.ErrOrStderr(), cmp.Or(o.level, level), cmp.Or(o.format, format))
			log, end := logfile.New(cmd.ErrOrStderr(), json, at)
			ends = append(ends, end)
			return log
		}
		options.Reflection, options.AllowWritable = o.reflection, o.allowWritable
		hangups, stop := onHangup()
		defer stop()
		options.Reload = hangups
		server, err := sidecar.New(cmd.Context(), *file, options)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, server.Close()) }()
		return server.Serve(cmd.Context())
	}
	return cmd
}

// onHangup turns SIGHUP into requests to reload. Hang-ups during a reload become one more.
func onHangup() (<-chan struct{}, func()) {
	signals, reload, done := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-signals:
			case <-done:
				return
			}
			select {
			case reload <- struct{}{}:
			case <-done:
				return
			}
		}
	}()
	return reload, func() {
		signal.Stop(signals)
		close(done)
	}
}

// tuneMemory trades some memory for fewer pauses, unless the operator decided otherwise: the heap is small, and the default
// would collect it many times a second under load.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(256 << 20)
	}
}

// logForm is how the process logs. Empty strings mean the defaults: info, and text on a terminal but JSON elsewhere.
func logForm(out io.Writer, level, format string) (json bool, at slog.Level, err error) {
	if level != "" {
		if err := at.UnmarshalText([]byte(level)); err != nil {
			return false, 0, fmt.Errorf("--log-level %q: write debug, info, warn or error", level)
		}
	}
	switch format {
	case "json", "text":
		return format == "json", at, nil
	case "":
		return !isTerminal(out), at, nil
	}
	return false, 0, fmt.Errorf("--log-format %q: write text or json", format)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
