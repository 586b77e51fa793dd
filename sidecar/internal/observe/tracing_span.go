package observe

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// traceparent is the metadata in which W3C trace context travels. The state beside it belongs to whoever made it: it is neither
// sent to a collector nor passed on.
const traceparent = "traceparent"

// RequestSpan is the span of one request, while that is decided. The nil pointer is that of one that is not traced.
type RequestSpan struct {
	tracer trace.Tracer
	span   trace.Span
}

// Begin begins the span of a request, below that of the caller if it names one. Plugins that are asked with the context see
// it, also where it is not traced: then they need not begin a trace of their own.
func (t *Tracing) Begin(ctx context.Context) (context.Context, *RequestSpan) {
	if t == nil {
		return ctx, nil
	}
	if md := metadata.ValueFromIncomingContext(ctx, traceparent); len(md) == 1 {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceparent: md[0]})
	}
	ctx, span := t.tracer.Start(ctx, "ExtendPayload", trace.WithSpanKind(trace.SpanKindServer))
	if !span.IsRecording() {
		return passedOn(ctx), nil
	}
	return ctx, &RequestSpan{tracer: t.tracer, span: span}
}

// passedOn returns a context whose calls carry the span that is in it.
func passedOn(ctx context.Context) context.Context {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return metadata.AppendToOutgoingContext(ctx, traceparent, carrier[traceparent])
}

// End says what was decided: what the log says too, in the same words, without the texts of errors.
func (s *RequestSpan) End(e *journal.Entry) {
	if s == nil {
		return
	}
	attrs := []attribute.KeyValue{
		attribute.String("claimsmith.decision_id", e.ID),
		attribute.String("claimsmith.client_id", e.Client),
		attribute.String("claimsmith.connector_id", e.Connector),
		attribute.String("claimsmith.stage", e.Stage),
		attribute.String("claimsmith.grant", e.Grant),
		attribute.String("claimsmith.outcome", string(e.Outcome)),
	}
	if e.Rule != "" {
		attrs = append(attrs, attribute.String("claimsmith.rule", e.Rule))
	}
	if len(e.Changes) > 0 {
		names := make([]string, len(e.Changes))
		for i, c := range e.Changes {
			names[i] = c.Claim
		}
		attrs = append(attrs, attribute.StringSlice("claimsmith.claims", names))
	}
	s.span.SetAttributes(attrs...)
	if e.Err != nil {
		s.span.SetStatus(otelcodes.Error, e.Code.String())
	}
	s.span.End()
}

// Run runs the pipeline below the span of the request. Its steps are not told: that would cost more than all the rest, and why has
// them by the decision id.
func (s *RequestSpan) Run(ctx context.Context, p *pipeline.Pipeline, in *pipeline.Input) (*pipeline.Result, error) {
	if s == nil {
		return p.Run(ctx, in)
	}
	ctx, span := s.tracer.Start(ctx, "pipeline")
	in.Asking = s.asking
	result, err := p.Run(ctx, in)
	if err != nil {
		span.SetStatus(otelcodes.Error, journal.Code(ctx, err).String())
	}
	span.End()
	return result, err
}

// asking begins the span of a lookup. It is a pipeline.Input's Asking.
func (s *RequestSpan) asking(ctx context.Context, step *pipeline.Step) (context.Context, func(*pipeline.Answer, error)) {
	ctx, span := s.tracer.Start(ctx, "lookup "+step.Lookup.Alias, trace.WithSpanKind(trace.SpanKindClient))
	return passedOn(ctx), func(answer *pipeline.Answer, err error) {
		span.SetAttributes(attribute.String("claimsmith.plugin", step.Lookup.Plugin), attribute.String("claimsmith.rule", step.Pos.String()))
		if err != nil {
			span.SetAttributes(attribute.String("claimsmith.source", "failed"))
			span.SetStatus(otelcodes.Error, silence(err).String())
		} else {
			span.SetAttributes(attribute.String("claimsmith.source", answer.Source), attribute.Int64("claimsmith.age_ms", answer.Age.Milliseconds()))
		}
		span.End()
	}
}

// silence says in one word why a lookup brought no answer: what a plugin says of it is for the log.
func silence(err error) codes.Code {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return codes.DeadlineExceeded
	}
	return codes.Unavailable
}
