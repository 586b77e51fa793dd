package answers

import (
	"context"

	"google.golang.org/grpc/metadata"
)

// traceparent is the metadata by which a plugin can join the trace of the request for which it is asked, as W3C Trace Context has it.
const traceparent = "traceparent"

// traceOf is the trace that calls made with ctx carry; empty when they carry none.
func traceOf(ctx context.Context) string {
	md, _ := metadata.FromOutgoingContext(ctx)
	if values := md.Get(traceparent); len(values) == 1 {
		return values[0]
	}
	return ""
}

// inTrace returns a context whose calls carry a trace, and nothing else of whoever caused them.
func inTrace(ctx context.Context, trace string) context.Context {
	if trace == "" {
		return ctx
	}
	return metadata.NewOutgoingContext(ctx, metadata.Pairs(traceparent, trace))
}
