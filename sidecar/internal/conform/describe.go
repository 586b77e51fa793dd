package conform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
)

// Description is what a plugin says about itself: JSON Schemas as it wrote them.
type Description struct {
	Name, Version         string
	Config, Params, Facts json.RawMessage
}

// Describe starts a plugin, has it describe itself and ends it. Of o it needs the command and how that is started.
func Describe(ctx context.Context, o Options) (*Description, error) {
	r, err := newRunner(o)
	if err != nil {
		return nil, err
	}
	defer r.down()
	if err := r.boot(ctx); err != nil {
		if hint := hintForStart(err); hint != "" {
			return nil, fmt.Errorf("start the plugin: %w\nhint: %s", err, hint)
		}
		return nil, fmt.Errorf("start the plugin: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	if v := r.describe(ctx); v.outcome != Kept {
		return nil, errors.New(v.detail)
	}
	return described(r.desc.raw), nil
}

func described(d *pluginv1.DescribeResponse) *Description {
	return &Description{Name: d.GetName(), Version: d.GetVersion(), Config: d.GetConfigSchema(), Params: d.GetParamsSchema(), Facts: d.GetFactsSchema()}
}
