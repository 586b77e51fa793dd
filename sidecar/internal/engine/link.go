package engine

import (
	"context"
	"errors"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// errNoLinks keeps a configuration with pins from deciding without them: it was loaded by a sidecar that has no store.
var errNoLinks = errors.New("links can be neither read nor made: state takes effect with the next start")

// bond tells a run what is known of a link.
func (s *service) bond(ctx context.Context, l *pipeline.Link) (pipeline.Bond, error) {
	if s.links == nil {
		return "", errNoLinks
	}
	return s.links.Bond(ctx, l)
}

// link writes down the links that follow from a decision that lets in. It is the only place where a decision makes links, and only
// those that sign tokens do.
func (s *service) link(ctx context.Context, c *call) error {
	result := c.result
	if c.Input.Stage != pipeline.StageToken || len(result.Links) == 0 {
		return nil
	}
	first := &result.Links[0]
	failed := func(err error) error {
		class := pipeline.Unavailable
		if ctx.Err() != nil {
			class = pipeline.Deadline
		}
		return &pipeline.Error{Class: class, Path: first.Path, Pos: first.Pos, Err: err}
	}
	if s.links == nil {
		return failed(errNoLinks)
	}
	made, err := s.links.Pin(ctx, result.Links)
	if err != nil {
		return failed(err)
	}
	if made {
		for _, l := range result.Links {
			s.log.InfoContext(ctx, "a person was linked to an account", "decision_id", c.ID, "plugin", l.Plugin, "connector_id", l.Connector, "rule", l.Pos.String())
		}
		return nil
	}
	return s.raced(ctx, result, failed)
}

// raced looks again where somebody was faster: the same person in another tab is no conflict.
func (s *service) raced(ctx context.Context, result *pipeline.Result, failed func(error) error) error {
	for i := range result.Links {
		l := &result.Links[i]
		bond, err := s.links.Bond(ctx, l)
		if err != nil {
			return failed(err)
		}
		if bond == pipeline.BondNone { // the links of this decision contradict each other
			bond = pipeline.BondOther
		}
		result.Trace.Bound(l, bond)
		if denial := l.Refused(bond); denial != nil {
			result.Denial, result.Patches = denial, nil
			return nil
		}
	}
	return nil
}
