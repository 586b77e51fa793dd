package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

func statusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say what a running sidecar is doing",
		Long: "status asks a running sidecar for its version, the configuration that decides, the reload that failed, its plugins, how many " +
			"decisions it made, and how old facts can get. It shows no values of requests.",
		Example: "  claimsmith status -c /etc/claimsmith/claimsmith.yaml\n  claimsmith status --socket /run/claimsmith/admin.sock --json",
		Args:    noArgs,
	}
	at := runningFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the status as JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return at.ask(func(client adminv1.AdminServiceClient) error {
			st, err := client.Status(cmd.Context(), &adminv1.StatusRequest{})
			if err != nil {
				return err
			}
			if asJSON {
				return writeMessage(cmd.OutOrStdout(), st)
			}
			_, err = io.WriteString(cmd.OutOrStdout(), statusText(st, time.Now()))
			return err
		})
	}
	return cmd
}

// statusText is a status for people.
func statusText(st *adminv1.StatusResponse, now time.Time) string {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-14s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("claimsmith", "%s, process %d, serving for %s", st.GetVersion(), st.GetPid(), span(now.Sub(st.GetStarted().AsTime())))
	c := st.GetConfiguration()
	row("configuration", "%s, %s, loaded %s ago: %s, %s", c.GetFile(), c.GetDigest(), span(now.Sub(c.GetLoaded().AsTime())),
		count(c.GetSteps(), "step"), count(c.GetTests(), "test"))
	if keys := st.GetNeedsRestart(); len(keys) > 0 {
		row("", "needs a new start: %s", strings.Join(keys, ", "))
	}
	if f := st.GetFailedReload(); f != nil {
		row("last reload", "failed %s ago, so the one above goes on: %s", span(now.Sub(f.GetTime().AsTime())), f.GetReason())
		for line := range strings.Lines(f.GetRendered()) {
			b.WriteString("    " + line)
		}
	}
	if c := st.GetCertificate(); c != nil {
		row("certificate", "ends on %s, in %s", c.GetNotAfter().AsTime().Format(time.DateOnly), span(c.GetNotAfter().AsTime().Sub(now)))
		if c.GetStale() != "" {
			row("", "the files as they are now are not used: %s", c.GetStale())
		}
	}
	if st.GetLinksLost() != nil {
		row("links", "%s", lostText(st.GetLinksLost(), now))
	}
	if n := st.GetLinksSealed(); n > 0 {
		row("links", "%s sealed with another key: nobody can sign in by them, and nobody is linked, until the key that state had is back or "+
			"claimsmith links reset --all", areRows(n))
	}
	for i, p := range st.GetPlugins() {
		row(once(i, "plugins"), "%s", pluginText(p, now))
		if p.GetPid() != 0 {
			row("", "  confined: %s", p.GetConfinement())
		}
		if p.GetFailing() != "" {
			row("", "  failing%s: %s", lasting(now.Sub(p.GetFailingSince().AsTime())), p.GetFailing())
		}
	}
	d := st.GetDecisions()
	row("decisions", "%d patched, %d unchanged, %d denied, %d failed", d.GetPatched(), d.GetUnchanged(), d.GetDenied(), d.GetFailed())
	for i, l := range st.GetLookups() {
		row(once(i, "facts"), "%s", lookupText(l))
	}
	if st.GetWorstCase() != nil {
		row("worst case", "%s", worstText(st))
	}
	if r := st.GetRecord(); r != nil {
		row("record", "%d of %d requests, for %s; %d not recorded", r.GetKept(), r.GetMax(), span(r.GetMaxAge().AsDuration()), r.GetDropped())
		if r.GetErr() != "" {
			row("", "it cannot be read: %s", r.GetErr())
		}
	}
	if s := st.GetShadow(); s != nil {
		row("shadow", "%s", shadowText(s, now))
	}
	return b.String()
}

// lostText says that links were lost, and what to do about it.
func lostText(when *timestamppb.Timestamp, now time.Time) string {
	return fmt.Sprintf("lost, known for %s: nobody is linked at a first sign-in until claimsmith links accept --complete or reset --all", span(now.Sub(when.AsTime())))
}

func areRows(n int32) string {
	if n == 1 {
		return "1 row is"
	}
	return count(n, "row") + " are"
}

// lasting is how long something has lasted; what began just now has no number.
func lasting(d time.Duration) string {
	if d < time.Second {
		return " just now"
	}
	return " for " + span(d)
}

func pluginText(p *adminv1.Plugin, now time.Time) string {
	said := fmt.Sprintf("%s: %s %s, %s", p.GetName(), p.GetIs(), p.GetVersion(), p.GetState())
	if p.GetSince() != nil {
		said += fmt.Sprintf(", process %d for %s", p.GetPid(), span(now.Sub(p.GetSince().AsTime())))
	}
	switch {
	case p.GetRestarts() == 0 && p.GetLastCrash() == "":
		return said
	case p.GetRestarts() == 0:
		return said + ", its last crash: " + p.GetLastCrash()
	case p.GetLastCrash() == "":
		return said + ", restarted " + times(p.GetRestarts())
	}
	return said + fmt.Sprintf(", restarted %s, the last time after: %s", times(p.GetRestarts()), p.GetLastCrash())
}

func lookupText(l *adminv1.Lookup) string {
	if l.GetWorstStaleness() == nil {
		return fmt.Sprintf("%s (%s, %s): asked for each time", l.GetName(), l.GetPlugin(), l.GetPlace())
	}
	return fmt.Sprintf("%s (%s, %s): up to %s old", l.GetName(), l.GetPlugin(), l.GetPlace(), span(l.GetWorstStaleness().AsDuration()))
}

// worstText is the one number: how long somebody can go on after an account was switched off.
func worstText(st *adminv1.StatusResponse) string {
	said := span(st.GetWorstCase().AsDuration()) + " from an account being switched off to the end of the last token, which lives for "
	if st.GetTokenLifetime() != nil {
		said += span(st.GetTokenLifetime().AsDuration())
	} else {
		said += span(replay.DexTokens) + " unless expiry.idTokens in Dex says otherwise"
	}
	var silent []string
	for _, l := range st.GetLookups() {
		if l.GetPluginMaxAge() == nil && !slices.Contains(silent, l.GetPlugin()) {
			silent = append(silent, l.GetPlugin())
		}
	}
	if len(silent) > 0 {
		said += "; longer where a plugin keeps what it does not declare: " + strings.Join(silent, ", ")
	}
	return said
}

func shadowText(s *adminv1.Shadow, now time.Time) string {
	said := fmt.Sprintf("%s, %s, for %s: %d alike", s.GetFile(), s.GetDigest(), span(now.Sub(s.GetLoaded().AsTime())), s.GetSame())
	for _, what := range slices.Sorted(maps.Keys(s.GetChanges())) {
		said += fmt.Sprintf(", %d %s", s.GetChanges()[what], what)
	}
	return said + fmt.Sprintf(", %d not comparable, %d left out", s.GetNotAsked(), s.GetDropped())
}

// once is a heading in front of the first of several rows.
func once(i int, heading string) string {
	if i == 0 {
		return heading
	}
	return ""
}

func count(n int32, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func times(n int32) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// span writes a duration as people say it: its two largest units, and none below a second.
func span(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	day := 24 * time.Hour
	switch {
	case d >= 2*day:
		return units(d/day, "d", d%day/time.Hour, "h")
	case d >= time.Hour:
		return units(d/time.Hour, "h", d%time.Hour/time.Minute, "m")
	case d >= time.Minute:
		return units(d/time.Minute, "m", d%time.Minute/time.Second, "s")
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

func units(large time.Duration, a string, small time.Duration, b string) string {
	if small == 0 {
		return fmt.Sprintf("%d%s", large, a)
	}
	return fmt.Sprintf("%d%s%d%s", large, a, small, b)
}
