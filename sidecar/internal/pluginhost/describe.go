package pluginhost

import (
	"bytes"
	"context"
	"fmt"

	"github.com/claimsmith/claimsmith/sidecar/internal/facts"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
)

// Description is what a plugin says about itself.
type Description struct {
	Name, Version string
	Config        *facts.Type
	Params        *facts.Type
	Facts         *facts.Type

	schemas [3][]byte // as they came: config, params, facts
}

// Schemas are those of configuration, parameters and facts as the plugin wrote them. They must not be modified.
func (d Description) Schemas() [3][]byte { return d.schemas }

// same reports whether d and o type the same rules and configurations. Names and versions may differ: a plugin may be
// brought up to date while its host runs.
func (d Description) same(o Description) bool {
	for i := range d.schemas {
		if !bytes.Equal(d.schemas[i], o.schemas[i]) {
			return false
		}
	}
	return true
}

// descriptionError is a description that the host does not take.
type descriptionError struct{ text string }

func (e *descriptionError) Error() string { return "its description: " + e.text }

func describe(ctx context.Context, api pluginv1.LookupServiceClient) (Description, error) {
	resp, err := api.Describe(ctx, &pluginv1.DescribeRequest{})
	if err != nil {
		return Description{}, err
	}
	d := Description{
		Name: resp.GetName(), Version: resp.GetVersion(),
		schemas: [3][]byte{resp.GetConfigSchema(), resp.GetParamsSchema(), resp.GetFactsSchema()},
	}
	if d.Name == "" || d.Version == "" {
		return Description{}, &descriptionError{"name or version is missing"}
	}
	for _, s := range []struct {
		what  string
		parse func([]byte) (*facts.Type, error)
		data  []byte
		into  **facts.Type
	}{
		{"config", facts.Parse, resp.GetConfigSchema(), &d.Config},
		{"params", facts.Parse, resp.GetParamsSchema(), &d.Params},
		{"facts", facts.ParseFacts, resp.GetFactsSchema(), &d.Facts},
	} {
		if *s.into, err = s.parse(s.data); err != nil {
			return Description{}, &descriptionError{fmt.Sprintf("%s: %v", s.what, err)}
		}
	}
	return d, nil
}
