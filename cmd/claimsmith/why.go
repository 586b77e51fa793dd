package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

func whyCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "why DECISION",
		Short: "Say why a running sidecar decided as it did",
		Long: "why says what became of the request whose id a person was shown, or that stands in the log. The values of the request are shown where the " +
			"configuration has a record: mind who looks on. Every step is shown by claimsmith explain --decision. Without an id the last decisions are listed.",
		Example: "  claimsmith why 7K2M-Q9XD\n  claimsmith why",
		Args:    atMostOne,
	}
	at := runningFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "write what is known as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 && madeByDex(args[0]) {
			return noDecision(args[0])
		}
		return at.ask(func(client adminv1.AdminServiceClient) error {
			if len(args) == 0 {
				return listDecisions(cmd, client, asJSON)
			}
			return explainDecision(cmd, client, args[0], asJSON, true)
		})
	}
	return cmd
}

// madeByDex reports whether an id tells by its beginning that the hook made it, for want of one of the sidecar.
func madeByDex(id string) bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(id)), "dex-")
}

func noDecision(id string) error {
	return fmt.Errorf("the id %s was made by Dex, because the sidecar gave it no decision: look for it in the log of Dex", strings.TrimSpace(id))
}

func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usageError{fmt.Errorf("%s takes one decision id, not %q too", cmd.Name(), args[1])}
	}
	return nil
}

func listDecisions(cmd *cobra.Command, client adminv1.AdminServiceClient, asJSON bool) error {
	list, err := client.ListDecisions(cmd.Context(), &adminv1.ListDecisionsRequest{})
	if err != nil {
		return err
	}
	if asJSON {
		return writeMessage(cmd.OutOrStdout(), list)
	}
	var b strings.Builder
	for _, d := range list.GetDecisions() {
		b.WriteString(headline(d) + "\n")
	}
	_, err = io.WriteString(cmd.OutOrStdout(), b.String())
	return err
}

// explainDecision tells what is known of a decision: in short, or step by step.
func explainDecision(cmd *cobra.Command, client adminv1.AdminServiceClient, id string, asJSON, short bool) error {
	reply, err := client.Explain(cmd.Context(), &adminv1.ExplainRequest{DecisionId: id})
	if err != nil {
		return err
	}
	if asJSON {
		return writeExplained(cmd.OutOrStdout(), reply)
	}
	var explained *replay.Explanation
	if len(reply.GetExplanation()) > 0 {
		explained = &replay.Explanation{}
		if err := json.Unmarshal(reply.GetExplanation(), explained); err != nil {
			return fmt.Errorf("read the explanation: %w", err)
		}
	}
	var b strings.Builder
	d := reply.GetDecision()
	if d != nil {
		b.WriteString(headline(d) + "\n")
	}
	switch {
	case short:
		inShort(&b, d, explained)
	case explained != nil:
		if err := explained.Render(&b); err != nil {
			return err
		}
	default:
		stepByStep(&b, d)
	}
	if note := reply.GetNote(); note != "" {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	_, err = io.WriteString(cmd.OutOrStdout(), b.String())
	return err
}

// writeExplained writes the reply with the explanation in it as JSON, not as bytes.
func writeExplained(out io.Writer, reply *adminv1.ExplainResponse) error {
	whole := struct {
		Decision    json.RawMessage `json:"decision,omitempty"`
		Explanation json.RawMessage `json:"explanation,omitempty"`
		Note        string          `json:"note,omitempty"`
	}{Explanation: reply.GetExplanation(), Note: reply.GetNote()}
	if reply.GetDecision() != nil {
		var err error
		if whole.Decision, err = rawJSON(reply.GetDecision()); err != nil {
			return err
		}
	}
	return writeJSON(out, whole)
}

// headline is a decision in one line.
func headline(d *adminv1.Decision) string {
	who := d.GetClientId()
	if d.GetConnectorId() != "" {
		who += " by " + d.GetConnectorId()
	}
	said := fmt.Sprintf("%s  %s  %s, %s: %s", d.GetId(), d.GetTime().AsTime().Local().Format(time.DateTime), who, d.GetStage(), d.GetOutcome())
	if d.GetRule() != "" {
		said += " at " + d.GetRule()
	}
	return said
}

// inShort says what decided: the words of a refusal, the error of a failure, the claims of a token.
func inShort(b *strings.Builder, d *adminv1.Decision, e *replay.Explanation) {
	line := func(format string, args ...any) { fmt.Fprintf(b, "    "+format+"\n", args...) }
	switch {
	case d.GetErr() != "":
		line("%s", d.GetErr())
	case e != nil && e.Err != "":
		line("%s", e.Err)
	case e != nil && e.Message != "":
		line("%s", e.Message)
	}
	for _, c := range d.GetChanges() {
		said := fmt.Sprintf("%s: %s at %s", c.GetClaim(), c.GetOp(), c.GetRule())
		if len(c.GetFacts()) > 0 {
			said += ", from " + strings.Join(c.GetFacts(), ", ")
		}
		if value := valueOf(e, c.GetClaim()); value != "" {
			said += ": " + value
		}
		line("%s", said)
	}
	for _, f := range d.GetFacts() {
		line("%s", factText(f))
	}
}

// valueOf is the value of a claim in the first token, where values are known.
func valueOf(e *replay.Explanation, claim string) string {
	if e == nil || len(e.Tokens) == 0 {
		return ""
	}
	var claims map[string]json.RawMessage
	if json.Unmarshal(e.Tokens[0].Claims, &claims) != nil {
		return ""
	}
	return string(claims[claim])
}

func factText(f *adminv1.Fact) string {
	said := fmt.Sprintf("lookup %s: from %s", f.GetLookup(), f.GetSource())
	if f.GetErr() != "" {
		return fmt.Sprintf("lookup %s: %s", f.GetLookup(), f.GetErr())
	}
	if f.GetAge() != nil {
		said += ", " + span(f.GetAge().AsDuration()) + " old"
	}
	if f.GetLink() != "" {
		said += ", link: " + f.GetLink()
	}
	return said + ", took " + f.GetTook().AsDuration().Round(10*time.Microsecond).String()
}

// stepByStep shows the steps that were reached, as far as they are known without values.
func stepByStep(b *strings.Builder, d *adminv1.Decision) {
	for _, s := range d.GetSteps() {
		mark, note := "✓", ""
		switch {
		case !s.GetRan():
			mark, note = "·", ": it did not apply"
		case s.GetRefused():
			note = ": refused"
		}
		said := fmt.Sprintf("%s %s  %s", mark, s.GetPlace(), s.GetWhat())
		if s.GetName() != "" {
			said += "  (" + s.GetName() + ")"
		}
		if s.GetKind() != "" {
			said += "  " + s.GetKind() + " token"
		}
		pad := strings.Repeat("    ", strings.Count(s.GetPath(), ".steps["))
		fmt.Fprintf(b, "%s%s%s, after %s\n", pad, said, note, s.GetAt().AsDuration().Round(time.Microsecond))
	}
	b.WriteString("\n")
	inShort(b, d, nil)
	fmt.Fprintf(b, "took %s\n", d.GetTook().AsDuration().Round(time.Microsecond))
}

// printCase prints a test case made of a recorded request. What to mind about it goes to stderr: the case is meant for a file.
func printCase(cmd *cobra.Command, at running, id string) error {
	if madeByDex(id) {
		return noDecision(id)
	}
	return at.ask(func(client adminv1.AdminServiceClient) error {
		reply, err := client.MakeTest(cmd.Context(), &adminv1.MakeTestRequest{DecisionId: id})
		if err != nil {
			return err
		}
		if note := reply.GetNote(); note != "" {
			fmt.Fprintf(cmd.ErrOrStderr(), "note: %s\n", note)
		}
		_, err = io.WriteString(cmd.OutOrStdout(), reply.GetYaml())
		return err
	})
}
