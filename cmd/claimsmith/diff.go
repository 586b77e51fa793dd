package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/sidecar/replay"
)

func diffCommand() *cobra.Command {
	var o struct {
		asJSON, exitZero, record bool
		requests                 string
	}
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Say what changes when one configuration takes the place of another",
		Long: "diff makes the requests that the tests of both files describe with the rules of each, and shows for each client which claims change, " +
			"appear or vanish, and who would newly be refused or fail. Nothing is started and nobody is asked: the tests give the facts, and so does the record. " +
			"It ends with 0 when nothing differs and with 1 when something does. It shows values: mind who looks on.",
		Example: "  claimsmith diff claimsmith.yaml candidate.yaml\n  claimsmith diff --json --exit-zero claimsmith.yaml candidate.yaml\n" +
			"  claimsmith diff --requests requests.json claimsmith.yaml candidate.yaml\n  claimsmith diff --record /etc/claimsmith/claimsmith.yaml candidate.yaml",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("diff takes two files: the configuration as it is, and as it would be")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "write the difference as JSON")
	cmd.Flags().BoolVar(&o.exitZero, "exit-zero", false, "end with 0 also when something differs")
	cmd.Flags().StringVar(&o.requests, "requests", "", "make the requests of a `file` as well: JSON objects one after another, as explain --request reads them")
	cmd.Flags().BoolVar(&o.record, "record", false, "make the requests that OLD records as well, with the facts that were found for them")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		options, err := options()
		if err != nil {
			return err
		}
		more := replay.DiffOptions{Record: o.record}
		if o.requests != "" {
			more.Requests = requestFile(o.requests)
		}
		difference, err := replay.Diff(cmd.Context(), args[0], args[1], options, more)
		if err != nil {
			return err
		}
		if o.asJSON {
			err = writeJSON(cmd.OutOrStdout(), difference)
		} else {
			err = difference.Render(cmd.OutOrStdout())
		}
		if err == nil && difference.Differ > 0 && !o.exitZero {
			return errReported
		}
		return err
	}
	return cmd
}

// requestFile is a file of requests. They are named by their number.
type requestFile string

func (f requestFile) Requests(context.Context) ([]replay.NamedRequest, error) {
	file, err := os.Open(string(f))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	d := json.NewDecoder(file)
	var list []replay.NamedRequest
	for n := 1; ; n++ {
		one := replay.NamedRequest{Name: fmt.Sprintf("request %d", n), Place: string(f)}
		switch err := decodeRequest(d, &one.Request); {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return nil, fmt.Errorf("request %d: %w", n, err)
		case one.Client == "":
			return nil, fmt.Errorf("request %d names no client", n)
		}
		list = append(list, one)
	}
}
