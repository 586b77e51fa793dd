package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// configuration loads the file as serve would. Plugins are started to check their part, and not put to use.
func (d *doctor) configuration(ctx context.Context) {
	d.part = "Configuration " + d.o.File
	var err error
	if _, missing := os.Stat(d.o.File); errors.Is(missing, fs.ErrNotExist) {
		if d.absent = d.o.Optional; d.absent {
			d.unknown("file", "there is no "+d.o.File+" here", "-c FILE names it")
			return
		}
		d.wrong("file", "there is no such file", "name the right one with -c")
		return
	}
	if d.outline, err = replay.ReadOutline(d.o.File, d.o.Sidecar); err != nil {
		d.wrong("file", err.Error(), "claimsmith check -c "+d.o.File+" shows all that is wrong with it, with the lines")
		return
	}
	problems, err := replay.Check(ctx, d.o.File, d.o.Sidecar)
	if err != nil {
		d.wrong("plugins", err.Error(), "claimsmith check -c "+d.o.File)
		return
	}
	d.usable = !problems.Failed()
	d.file(problems)
	for _, p := range d.outline.Plugins {
		d.plugin(p, problems)
	}
	if d.usable {
		d.tests(ctx)
		d.rules(ctx)
	}
	if !d.idle && d.concerned() && !d.requires(usernameClaim) {
		d.warn("contract", fmt.Sprintf("clients does not require %s of %s, so a token without it can be issued", usernameClaim, d.o.Client),
			fmt.Sprintf("write clients: {%s: {require: {%s: string}}}", d.o.Client, usernameClaim))
	}
}

// concerned tells whether the configuration is about a NAS, or about the client in so many words.
func (d *doctor) concerned() bool {
	return d.dexClient() != nil || slices.Contains(d.clients(), d.o.Client) ||
		slices.ContainsFunc(d.outline.Plugins, func(p replay.DeclaredPlugin) bool { return p.Builtin == builtinSynology })
}

// clients are those that the sidecar's configuration names.
func (d *doctor) clients() (names []string) {
	for _, c := range d.outline.Clients {
		names = append(names, c.Name)
	}
	return names
}

// rules looks whether any of them is about the client: its name may be misspelt, and what no rule is about is let in unchanged.
func (d *doctor) rules(ctx context.Context) {
	connectors := []replay.OutlinedConnector{{Domains: []string{"*"}}}
	for _, c := range append(connectors, d.outline.Connectors...) {
		explanation, err := d.imagine(ctx, c, func(string) string { return `{"found":false,"problem":"none"}` })
		if err != nil {
			d.unknown("rules", "they could not be tried: "+err.Error(), "claimsmith check -c "+d.o.File)
			return
		}
		if !untouched(explanation) {
			return
		}
	}
	d.idle = true
	if !d.concerned() {
		return
	}
	said := "no rule applies to a client " + d.o.Client
	switch known := d.dexClients(); {
	case d.dex != nil:
		said += "; Dex has " + list(known)
	case len(d.outline.Clients) > 0:
		said += "; clients has " + list(d.clients())
	}
	d.wrong("rules", said, "name the right one with --client, or write rules for it")
}

// untouched tells whether no rule had anything to do with a login.
func untouched(e *replay.Explanation) bool {
	return e.Outcome == "unchanged" && !slices.ContainsFunc(e.Steps, func(s replay.ExplainedStep) bool { return s.Ran })
}

// pluginOf tells which plugin a problem is about; empty for none.
func (d *doctor) pluginOf(p sidecar.Problem) string {
	for _, declared := range d.outline.Plugins {
		if at := "plugins." + declared.Name; p.Path == at || strings.HasPrefix(p.Path, at+".") || strings.HasPrefix(p.Path, at+"[") {
			return declared.Name
		}
	}
	return ""
}

func (d *doctor) file(problems *sidecar.Problems) {
	sound := true
	for _, p := range problems.List {
		if d.pluginOf(p) == "" {
			d.problem("file", p)
			sound = sound && p.Warning
		}
	}
	if sound {
		d.ok("file", "it can be read, and its rules are sound")
	}
}

func (d *doctor) plugin(declared replay.DeclaredPlugin, problems *sidecar.Problems) {
	name := "plugin " + declared.Name
	for _, p := range problems.List {
		if d.pluginOf(p) == declared.Name {
			d.problem(name, p)
			d.broken[declared.Name] = d.broken[declared.Name] || !p.Warning
		}
	}
	if !d.broken[declared.Name] {
		d.ok(name, "it starts, and takes its configuration")
	}
}

func (d *doctor) problem(name string, p sidecar.Problem) {
	status, do := Wrong, p.Hint
	if p.Warning {
		status = Warning
	}
	if do == "" {
		do = "claimsmith check -c " + d.o.File + " shows the line"
	}
	d.add(name, status, p.String(), do)
}

func (d *doctor) tests(ctx context.Context) {
	report, err := replay.Test(ctx, d.o.File, d.o.Sidecar)
	switch {
	case err != nil: // a plugin that nobody can describe offline
		d.unknown("tests", "they cannot be run: "+err.Error(), "claimsmith test -c "+d.o.File)
	case len(report.Cases) == 0:
		d.warn("tests", "the file has no tests: nothing says who is let in and who is not", "add some; the example examples/synology/claimsmith.yaml has them")
	case report.Failed() > 0:
		d.wrong("tests", fmt.Sprintf("%d of %d tests fail, so the file is not served", report.Failed(), len(report.Cases)), "claimsmith test -c "+d.o.File+" shows them")
	default:
		d.ok("tests", fmt.Sprintf("all %d hold", len(report.Cases)))
	}
}
