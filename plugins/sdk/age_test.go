package sdk

import (
	"context"
	"fmt"
	"testing"
	"time"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
)

// TestAgeIsDeclared: what Keeps says is in the answer to a configuration, also to one that is only checked, and a question may want a
// fresh answer.
func TestAgeIsDeclared(t *testing.T) {
	type c struct {
		Refresh Duration `json:"refresh"`
	}
	type none struct{}
	type f struct {
		Fresh bool `json:"fresh"`
	}
	spec := Spec[c, none, f]{Name: "x", Version: "1", Open: func(context.Context, Host, c) (Lookup[none, f], error) {
		return Func[none, f](func(ctx context.Context, _ none) (Answer[f], error) {
			return Answer[f]{Found: true, Facts: f{Fresh(ctx)}}, nil
		}), nil
	}}
	s := newServer(spec, Host{})
	for _, checkOnly := range []bool{true, false} {
		req := &pluginv1.ConfigureRequest{Config: []byte(`{"refresh":"90s"}`), CheckOnly: checkOnly}
		s.plugin = spec
		if resp, err := s.Configure(t.Context(), req); err != nil || resp.MaxAgeMs != nil {
			t.Errorf("a plugin that does not say: %v, %v", resp, err)
		}
		says := spec
		says.Keeps = func(config c) time.Duration { return time.Duration(config.Refresh) }
		s.plugin = says
		if resp, err := s.Configure(t.Context(), req); err != nil || resp.MaxAgeMs == nil || resp.GetMaxAgeMs() != 90_000 {
			t.Errorf("got %v, %v", resp, err)
		}
	}
	for _, fresh := range []bool{false, true} {
		resp, err := s.Lookup(t.Context(), &pluginv1.LookupRequest{Params: []byte(`{}`), Fresh: fresh})
		if want := fmt.Sprintf(`{"fresh":%v}`, fresh); err != nil || string(resp.GetFacts()) != want {
			t.Errorf("got %s, %v, want %s", resp.GetFacts(), err, want)
		}
	}
}
