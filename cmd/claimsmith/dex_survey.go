package main

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/dexpatch"
)

func dexSurveyCommand() *cobra.Command {
	var source, since string
	var every int
	cmd := &cobra.Command{
		Use:   "survey --source FOLDER --since DATE",
		Short: "Try the edits on the history of Dex",
		Long: "survey works the edits out for every Nth commit of a git clone of Dex, newest first, and prints a table. Nothing is changed or built. " +
			"It ends with 1 when the newest commit is not supported.",
		Example: "  claimsmith dex survey --source ../dex --since 2026-03-01 --every 5",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if source == "" || since == "" {
				return usageError{errors.New("--source FOLDER is a git clone of Dex, --since DATE where to begin, like 2026-03-01")}
			}
			from, err := time.Parse(time.DateOnly, since)
			if err != nil {
				return usageError{fmt.Errorf("--since: %q is no date like 2026-03-01", since)}
			}
			if every < 1 {
				return usageError{errors.New("--every: a number from 1")}
			}
			commits, err := dexpatch.Survey(cmd.Context(), source, from, every)
			if err != nil {
				return err
			}
			return printSurvey(cmd, commits)
		},
	}
	cmd.Flags().StringVar(&source, "source", "", "a `folder` with a git clone of Dex; it is not changed")
	cmd.Flags().StringVar(&since, "since", "", "the `date` of the oldest commit")
	cmd.Flags().IntVar(&every, "every", 1, "try every `Nth` commit")
	return cmd
}

// printSurvey writes the table and a line with the sum.
func printSurvey(cmd *cobra.Command, commits []dexpatch.Surveyed) error {
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "COMMIT\tDATE\tADDED\tRESULT")
	good := 0
	for _, c := range commits {
		if c.Err != nil {
			fmt.Fprintf(w, "%s\t%s\t-\t%s\n", c.Commit, c.Date.Format(time.DateOnly), c.Problem())
			continue
		}
		good++
		result := "applies"
		for _, lost := range c.Lost {
			result += "; without: " + lost
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", c.Commit, c.Date.Format(time.DateOnly), c.Added, result)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d of %d commits are supported\n", good, len(commits))
	if len(commits) > 0 && commits[0].Err != nil {
		return errReported
	}
	return nil
}
