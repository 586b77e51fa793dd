package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

func TestWhatABondMeans(t *testing.T) {
	const (
		other    = "Your sign-in, or the account that it leads to, is linked to another one. Ask the person who looks after the accounts."
		changed  = "The account that your sign-in is linked to was renamed or made again. Ask the person who looks after the accounts."
		admin    = "An administrator's account is open only to whom it was linked by hand. Ask the person who looks after the accounts."
		moved    = "Your account is not linked with the provider that stands behind this sign-in. Ask the person who looks after the accounts."
		required = "Nobody has linked your sign-in to an account yet. Ask the person who looks after the accounts."
	)
	tests := []struct {
		name                                    string
		link                                    pipeline.Link
		none, first, explicit, changed_, other_ string
	}{
		{"somebody", pipeline.Link{}, "", "", "", changed, other},
		{"an administrator", pipeline.Link{Admin: true}, admin, admin, "", changed, other},
		{"an administrator whose account the configuration chose", pipeline.Link{Admin: true, Explicit: true}, "", "", "", changed, other},
		{"the same where links are required", pipeline.Link{Admin: true, Explicit: true, Required: true}, required, required, "", changed, other},
		{"where links are required", pipeline.Link{Required: true}, required, required, "", changed, other},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.link.Pos = at(7)
			for bond, want := range map[pipeline.Bond]string{
				pipeline.BondNone: test.none, pipeline.BondFirst: test.first, pipeline.BondExplicit: test.explicit,
				pipeline.BondChanged: test.changed_, pipeline.BondOther: test.other_, pipeline.BondMoved: moved,
			} {
				got := test.link.Refused(bond)
				if want == "" && got == nil {
					continue
				}
				if diff := cmp.Diff(&pipeline.Denial{Message: want, Rule: "c.yaml:7"}, got); diff != "" {
					t.Errorf("%s, -want +got:\n%s", bond, diff)
				}
			}
		})
	}
}

// pinned is a pipeline whose lookup has a pin.
func pinned(subject, account, id string, after ...pipeline.Step) *pipeline.Pipeline {
	pin := &pipeline.Pin{Pos: at(3), Path: "pipeline[0].pin", Subject: always(subject), Account: always(account)}
	if id != "" {
		pin.ID = always(id)
	}
	lookup := pipeline.Step{Pos: at(2), Path: "pipeline[0]", Lookup: &pipeline.Lookup{Alias: "nas", Plugin: "nas", Asker: found("mum"), Pin: pin}}
	return &pipeline.Pipeline{Steps: append([]pipeline.Step{lookup}, after...), PerKind: true}
}

func TestARunSaysWhatItWouldLink(t *testing.T) {
	refuse := pipeline.Step{Pos: at(5), Path: "pipeline[1]", Deny: &pipeline.Deny{If: yes(true), Message: always("No.")}}
	link := pipeline.Link{
		Alias: "nas", Plugin: "nas", Connector: "google", Subject: "108a", Address: "m@gmail.com", Account: "mum", ID: "1026", Pos: at(3), Path: "pipeline[0].pin",
	}
	tests := []struct {
		name     string
		pipeline *pipeline.Pipeline
		bond     pipeline.Bond
		fails    error
		links    []pipeline.Link
		denied   string
		err      string
	}{
		{name: "a first sign-in", pipeline: pinned(`"108a"`, `"mum"`, `1026`), bond: pipeline.BondNone, links: []pipeline.Link{link}},
		{name: "a later one", pipeline: pinned(`"108a"`, `"mum"`, `1026`), bond: pipeline.BondFirst},
		{name: "one that does not fit", pipeline: pinned(`"108a"`, `"mum"`, `1026`), bond: pipeline.BondOther, denied: "c.yaml:3"},
		{name: "a rule that refuses is not asked about links", pipeline: pinned(`"108a"`, `"mum"`, `1026`, refuse), fails: errors.New("no"), denied: "c.yaml:5"},
		{name: "a store that is away", pipeline: pinned(`"108a"`, `"mum"`, `1026`), fails: errors.New("no store"), err: "1 pipeline[0].pin: no store"},
		{name: "a store that is late", pipeline: pinned(`"108a"`, `"mum"`, `1026`), fails: context.DeadlineExceeded, err: "2 pipeline[0].pin: context deadline exceeded"},
		{name: "nobody", pipeline: pinned(`""`, `"mum"`, ``), err: "0 pipeline[0].pin.subject: there is no value to link by"},
		{name: "nobody, whom a rule refuses", pipeline: pinned(`""`, `"mum"`, ``, refuse), denied: "c.yaml:5"},
		{name: "an account without a number", pipeline: pinned(`"108a"`, `"mum"`, `0`), err: "0 pipeline[0].pin.id: there is no value to link by"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := input()
			in.Bond = func(context.Context, *pipeline.Link) (pipeline.Bond, error) { return test.bond, test.fails }
			result, err := test.pipeline.Run(t.Context(), in)
			got := ""
			var failed *pipeline.Error
			if errors.As(err, &failed) {
				got = fmt.Sprintf("%d %v", failed.Class, err)
			}
			denied := ""
			if result.Denial != nil {
				denied = result.Denial.Rule
			}
			if diff := cmp.Diff(test.links, result.Links); diff != "" || got != test.err || denied != test.denied {
				t.Errorf("error %q, denied at %q, -want +got:\n%s", got, denied, diff)
			}
			if (result.Patches == nil) != (err != nil || result.Denial != nil) {
				t.Errorf("patches: %v", result.Patches)
			}
		})
	}
}
