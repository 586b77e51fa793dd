package doctor

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// Options say what is looked at.
type Options struct {
	File     string          // the configuration
	Optional bool            // File need not be there
	Sidecar  sidecar.Options // as for serve

	Dex         string // the issuer; empty: that of DexConfig
	DexConfig   string // the file that Dex is started with; empty: it is not looked at
	Client      string // of Dex: the NAS
	Connector   string // of the dry run; empty: the first whose word on addresses counts
	RedirectURI string // as DSM's form has it; empty: that of DexConfig
	Email       string // who is tried; empty: nobody

	ShowNames  bool // name the accounts that share an address
	ShowSecret bool // of the client, in the form

	HTTP *http.Client     // to Dex; defaults to one that follows no redirect and waits 10 s
	Now  func() time.Time // defaults to time.Now
}

// doctor is one run.
type doctor struct {
	o      Options
	report *Report
	part   string

	outline  *replay.Outline // nil: there is no configuration, or it cannot be read
	absent   bool            // there is no configuration
	usable   bool            // the configuration can be served
	idle     bool            // no rule applies to the client
	running  bool            // the sidecar answers its operator
	took     time.Duration   // how long the slowest NAS took to show accounts and administrators
	broken   map[string]bool // plugins that something is wrong with, by name
	closed   string          // why a NAS did not show its accounts; empty: all did
	dex      *dexConfig      // nil: not given, or not readable
	redirect string          // as DSM's form has it
}

// Run goes through the chain. What is wrong is in the report; a run that ends early because ctx does says so there too.
func Run(ctx context.Context, o Options) *Report {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{
			Timeout:       10 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	d := &doctor{o: o, report: &Report{File: o.File, Checks: []Check{}, Count: map[Status]int{}}, broken: map[string]bool{}}
	d.readDexConfig()
	d.configuration(ctx)
	d.sidecar(ctx)
	if d.outline != nil {
		for _, p := range d.outline.Plugins {
			d.nas(ctx, p)
		}
	}
	d.dexAndForm(ctx)
	d.person(ctx)
	d.report.Result = d.report.result()
	return d.report
}

func (d *doctor) add(name string, status Status, text, do string) {
	d.report.Checks = append(d.report.Checks, Check{Part: d.part, Name: name, Status: status, Text: oneLine(text), Do: oneLine(do)})
	d.report.Count[status]++
}

func (d *doctor) ok(name, text string)        { d.add(name, OK, text, "") }
func (d *doctor) warn(name, text, do string)  { d.add(name, Warning, text, do) }
func (d *doctor) wrong(name, text, do string) { d.add(name, Wrong, text, do) }
func (d *doctor) skip(name, reason string)    { d.add(name, Skipped, reason, "") }

// unknown is for what a sign-in needs and nobody found out.
func (d *doctor) unknown(name, reason, do string) { d.add(name, Unknown, reason, do) }

// oneLine keeps what others said from looking like lines of ours.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
}

// connector is whose word the dry run has on an address; nil when nobody's counts.
func (d *doctor) connector() *replay.OutlinedConnector {
	if d.outline == nil {
		return nil
	}
	for i := range d.outline.Connectors {
		if c := &d.outline.Connectors[i]; d.o.Connector == "" && len(c.Domains) > 0 || c.Name == d.o.Connector {
			return c
		}
	}
	return nil
}

// requires tells whether a client's contract wants a claim.
func (d *doctor) requires(claim string) bool {
	return d.outline != nil && slices.ContainsFunc(d.outline.Clients, func(c replay.OutlinedClient) bool {
		return c.Name == d.o.Client && slices.Contains(c.Require, claim)
	})
}
