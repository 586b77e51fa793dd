package sdk_test

import (
	"context"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

func TestALookupKnowsItsTrace(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	c := sdktest.Start(t, answering(func(ctx context.Context, _ string) (sdk.Answer[person], error) {
		return sdk.Answer[person]{Found: true, Facts: person{Name: "trace " + sdk.Traceparent(ctx)}}, nil
	}), nil)
	for _, tt := range []struct {
		name string
		ctx  context.Context
		want string
	}{
		{"none", t.Context(), "trace "},
		{"one", metadata.AppendToOutgoingContext(t.Context(), "traceparent", parent), "trace " + parent},
		{"two are none", metadata.AppendToOutgoingContext(t.Context(), "traceparent", parent, "traceparent", parent), "trace "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got person
			if _, _, err := c.Lookup(tt.ctx, []byte(`{"email":"a"}`), &got); err != nil || got.Name != tt.want {
				t.Errorf("%q, %v; want %q", got.Name, err, tt.want)
			}
		})
	}
}
