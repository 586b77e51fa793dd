package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/durationpb"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
)

func TestARefusalByALinkIsSeenWithoutValues(t *testing.T) {
	after := durationpb.New(time.Millisecond)
	d := &adminv1.Decision{
		Outcome: "denied", Rule: "c.yaml:40", Took: after,
		Facts: []*adminv1.Fact{{Lookup: "nas", Source: "cache", Link: "other", Took: after}},
		Steps: []*adminv1.Step{
			{Place: "c.yaml:36", Path: "pipeline[0]", What: "lookup nas", Ran: true, Refused: true, At: after},
			{Place: "c.yaml:59", Path: "pipeline[1]", What: "set", Ran: true, At: after},
		},
	}
	var short, long strings.Builder
	inShort(&short, d, nil)
	stepByStep(&long, d)
	const facts = "    lookup nas: from cache, link: other, took 1ms\n"
	if diff := cmp.Diff(facts, short.String()); diff != "" {
		t.Errorf("why, -want +got:\n%s", diff)
	}
	const steps = "✓ c.yaml:36  lookup nas: refused, after 1ms\n✓ c.yaml:59  set, after 1ms\n\n" + facts + "took 1ms\n"
	if diff := cmp.Diff(steps, long.String()); diff != "" {
		t.Errorf("explain, -want +got:\n%s", diff)
	}
}
