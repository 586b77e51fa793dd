package sdk

import (
	"context"

	"google.golang.org/grpc/metadata"
)

// Traceparent is the W3C trace context of the lookup that ctx belongs to, such as
// 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01, for a plugin that sends spans of its own. It is empty where claimsmith
// traces nothing, and where an answer is replaced ahead of its time, which nobody waits for.
func Traceparent(ctx context.Context) string {
	if values := metadata.ValueFromIncomingContext(ctx, "traceparent"); len(values) == 1 {
		return values[0]
	}
	return ""
}
