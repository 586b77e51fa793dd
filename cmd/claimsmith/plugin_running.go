package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
)

func pluginListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the plugins of a running sidecar",
		Example: "  claimsmith plugin list\n  claimsmith plugin list --socket /run/claimsmith/admin.sock --json",
		Args:    noArgs,
	}
	return pluginsCommand(cmd, func(args []string, list *adminv1.ListPluginsResponse, now time.Time) (string, error) {
		return pluginTable(list.GetPlugins(), now), nil
	})
}

func pluginStatusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "status [NAME]", Short: "Say what the plugins of a running sidecar are doing",
		Long: "status shows for each plugin, or for one, its process, what confines it, its crashes, and what became of the questions to it. " +
			"What a plugin said in the last hour, errors and log records, is shown too and may hold personal data: mind who looks on.",
		Example: "  claimsmith plugin status\n  claimsmith plugin status nas --json",
		Args:    cobra.MaximumNArgs(1),
	}
	return pluginsCommand(cmd, func(args []string, list *adminv1.ListPluginsResponse, now time.Time) (string, error) {
		var b strings.Builder
		if len(args) == 1 {
			var one []*adminv1.PluginStatus
			for _, p := range list.GetPlugins() {
				if p.GetName() == args[0] {
					one = append(one, p)
				}
			}
			if list.Plugins = one; one == nil {
				return "", fmt.Errorf("no plugin is called %q", args[0])
			}
		}
		for _, p := range list.GetPlugins() {
			b.WriteString(pluginDetails(p, now))
		}
		return b.String(), nil
	})
}

// pluginsCommand asks for the plugins and writes them, as show says or as JSON. show may shorten the list.
func pluginsCommand(cmd *cobra.Command, show func([]string, *adminv1.ListPluginsResponse, time.Time) (string, error)) *cobra.Command {
	at := runningFlags(cmd)
	asJSON := cmd.Flags().Bool("json", false, "write JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return at.askPlugins(func(client adminv1.PluginServiceClient) error {
			list, err := client.ListPlugins(cmd.Context(), &adminv1.ListPluginsRequest{})
			if err != nil {
				return err
			}
			text, err := show(args, list, time.Now())
			if err != nil {
				return err
			}
			if *asJSON {
				return writeMessage(cmd.OutOrStdout(), list)
			}
			_, err = io.WriteString(cmd.OutOrStdout(), text)
			return err
		})
	}
	return cmd
}

func pluginRestartCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "restart NAME", Short: "Start a plugin of a running sidecar again",
		Long:    "restart starts a new process of the plugin. The old one ends when it has finished what it was asked; it goes on when the new one does not start.",
		Example: "  claimsmith plugin restart nas",
		Args:    cobra.ExactArgs(1),
	}
	at := runningFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return at.askPlugins(func(client adminv1.PluginServiceClient) error {
			reply, err := client.RestartPlugin(cmd.Context(), &adminv1.RestartPluginRequest{Name: args[0]})
			if err != nil {
				return err
			}
			if reply.GetFailed() != "" {
				return errors.New("the old process goes on: " + reply.GetFailed())
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s was started again: process %d\n", args[0], reply.GetPlugin().GetPid())
			return err
		})
	}
	return cmd
}

func pluginRefreshCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "refresh [NAME]", Short: "Have the facts of one person read again",
		Long: "refresh drops what a running sidecar has cached of one person, from one plugin or from all, in memory and in the store. The next question about " +
			"them is put to the plugin, which is asked not to answer from what it keeps. The link to the account stays. Other sidecars that share the store have a " +
			"memory of their own: ask each of them. A token that is out already lives on for its own lifetime.",
		Example: "  claimsmith plugin refresh nas --email mum@gmail.com\n  claimsmith plugin refresh --user-id 1080",
		Args:    cobra.MaximumNArgs(1),
	}
	at := runningFlags(cmd)
	email := cmd.Flags().String("email", "", "the person's address")
	id := cmd.Flags().String("user-id", "", "the person's id at the connector")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if (*email == "") == (*id == "") {
			return usageError{errors.New("refresh needs one person: --email or --user-id")}
		}
		req := &adminv1.RefreshFactsRequest{Person: *email + *id, Plugin: strings.Join(args, "")}
		return at.askPlugins(func(client adminv1.PluginServiceClient) error {
			reply, err := client.RefreshFacts(cmd.Context(), req)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "dropped: %s; the next question is put to the plugin\n", count(reply.GetAnswers(), "cached answer"))
			return err
		})
	}
	return cmd
}

func pluginTable(plugins []*adminv1.PluginStatus, now time.Time) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tIS\tSTATE\tPROCESS\tFOR\tCRASHES\tBREAKER")
	for _, p := range plugins {
		process, age := "-", "-"
		if p.GetPid() != 0 {
			process, age = fmt.Sprint(p.GetPid()), span(now.Sub(p.GetSince().AsTime()))
		}
		fmt.Fprintf(w, "%s\t%s %s\t%s\t%s\t%s\t%d\t%s\n", p.GetName(), p.GetIs(), p.GetVersion(), p.GetState(), process, age, p.GetCrashes(), p.GetBreaker())
	}
	_ = w.Flush() // into memory
	return b.String()
}

func pluginDetails(p *adminv1.PluginStatus, now time.Time) string {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&b, "%s: %s %s\n", p.GetName(), p.GetIs(), p.GetVersion())
	if p.GetPid() == 0 {
		row("state", "%s", p.GetState())
	} else {
		row("state", "%s, process %d for %s", p.GetState(), p.GetPid(), span(now.Sub(p.GetSince().AsTime())))
	}
	if p.GetCrashes() > 0 {
		row("crashes", "%d, the last one %s ago: %s", p.GetCrashes(), span(now.Sub(p.GetCrashed().AsTime())), p.GetLastCrash())
	}
	if p.GetRefused() != "" {
		row("not started", "%s", p.GetRefused())
	}
	if p.GetNextStart() != nil {
		row("next try", "in %s", span(max(p.GetNextStart().AsTime().Sub(now), 0)))
	}
	if p.GetUnlogged() > 0 {
		row("printed", "%d lines that are no log records: claimsmith plugin verify --show-output shows such", p.GetUnlogged())
	}
	if p.GetFailing() != "" {
		row("failing", "%s: %s", strings.TrimSpace(lasting(now.Sub(p.GetFailingSince().AsTime()))), p.GetFailing())
	}
	row("confined", "%s", p.GetConfinement())
	if p.GetMaxAge() == nil {
		row("keeps", "it does not say how old its answers may be")
	} else {
		row("keeps", "answers up to %s old", span(p.GetMaxAge().AsDuration()))
	}
	c := p.GetCounters()
	row("questions", "%d from fresh answers, %d as before in the exchange, %d not known", c.GetHits(), c.GetExchange(), c.GetMisses())
	row("of these", "%d with an old answer, %d without any", c.GetStale(), c.GetUnanswered())
	row("kept", "%d from before the start, %d not read, %d not written", c.GetLoaded(), c.GetUnloaded(), c.GetUnsaved())
	row("calls", "%d, %d failed, %d under way; %d refreshes", c.GetCalls(), c.GetFailures(), p.GetCalls(), c.GetRefreshes())
	row("not asked", "%d too many, %d while the breaker was open; it is %s and opened %d times", c.GetLimited(), c.GetBroken(), p.GetBreaker(), c.GetOpened())
	for _, one := range p.GetSaid() {
		row("said", "%s ago: %s", span(now.Sub(one.GetTime().AsTime())), strings.TrimSpace(one.GetId()+" "+one.GetText()))
	}
	return b.String()
}
