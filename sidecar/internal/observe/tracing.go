package observe

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	resourcev1 "go.opentelemetry.io/proto/otlp/resource/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/claimsmith/claimsmith/sidecar/files"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
)

const (
	spanQueue  = 2048            // spans that wait to be sent; more are dropped: a decision never waits
	spanBatch  = 512             // spans in one message
	spanPause  = 5 * time.Second // between messages that are not full
	spanExport = 5 * time.Second // for one message
	spanFlush  = 3 * time.Second // for what is left when the server is closed
	tellSpans  = time.Minute     // how often the log says at most that spans are lost
)

// Tracing makes the spans of a server and sends them. Nothing of it is global, and no environment variable changes it. The nil
// pointer traces nothing.
type Tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	out      *collector
}

// NewTracing is nil where the configuration does not ask for it. It connects to nothing yet.
func NewTracing(c *config.Tracing, version string, log *slog.Logger) (*Tracing, error) {
	if c == nil {
		return nil, nil
	}
	address, plain := c.Address()
	creds := insecure.NewCredentials()
	if !plain {
		t, err := CollectorTLS(c)
		if err != nil {
			return nil, fmt.Errorf("tracing: %w", err)
		}
		creds = credentials.NewTLS(t)
	}
	conn, err := grpc.NewClient("dns:///"+address, grpc.WithTransportCredentials(creds), grpc.WithNoProxy(), grpc.WithDisableServiceConfig(),
		grpc.WithUserAgent("claimsmith/"+version))
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	t := &Tracing{out: &collector{conn: conn, about: aboutUs(version), log: log, now: time.Now, stopped: make(chan struct{})}}
	exporter := otlptrace.NewUnstarted(t.out)
	if err := exporter.Start(context.Background()); err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	// All that the environment could say otherwise is said here.
	t.provider = sdktrace.NewTracerProvider(
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(float64(c.Ratio)))),
		sdktrace.WithRawSpanLimits(sdktrace.SpanLimits{
			AttributeValueLengthLimit: 256, AttributeCountLimit: 32,
		}),
		sdktrace.WithBatcher(exporter, sdktrace.WithMaxQueueSize(spanQueue), sdktrace.WithMaxExportBatchSize(spanBatch),
			sdktrace.WithBatchTimeout(spanPause), sdktrace.WithExportTimeout(spanExport)),
	)
	t.tracer = t.provider.Tracer("github.com/claimsmith/claimsmith/sidecar", trace.WithInstrumentationVersion(version))
	return t, nil
}

// Close sends what is left, for a time that is bounded. It is safe to call twice.
func (t *Tracing) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), spanFlush)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // the collector says what is lost
	_ = t.out.conn.Close()       // ends a message under way
	<-t.out.stopped
}

// CollectorTLS verifies the collector by the authority of the configuration, or by those of the system.
func CollectorTLS(c *config.Tracing) (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile == "" {
		return out, nil
	}
	var err error
	if out.RootCAs, err = files.Authorities(c.CAFile); err != nil {
		return nil, fmt.Errorf("load the authority of the collector: %s: %w", c.CAFile, err)
	}
	return out, nil
}

// SameTracing reports whether two configurations trace the same and send it to the same place.
func SameTracing(a, b *config.Config) bool {
	said := func(c *config.Config) config.Tracing {
		if c.Tracing == nil {
			return config.Tracing{}
		}
		t := *c.Tracing
		t.Place = config.Place{}
		return t
	}
	return said(a) == said(b)
}

// aboutUs is what each message says of its sender. The host is not named: where a collector wants it, it knows it.
func aboutUs(version string) *resourcev1.Resource {
	text := func(key attribute.Key, value string) *commonv1.KeyValue {
		return &commonv1.KeyValue{Key: string(key), Value: &commonv1.AnyValue{Value: &commonv1.AnyValue_StringValue{StringValue: value}}}
	}
	return &resourcev1.Resource{Attributes: []*commonv1.KeyValue{text("service.name", "claimsmith"), text("service.version", version)}}
}

// collector sends spans to where the configuration says, and tells the log when that fails. It is an otlptrace.Client: its errors
// would end in the global handler of OpenTelemetry, so it returns none.
type collector struct {
	conn    *grpc.ClientConn
	about   *resourcev1.Resource
	log     *slog.Logger
	now     func() time.Time
	stopped chan struct{} // closed when nothing is sent any more

	mu   sync.Mutex
	told time.Time // when the log said last that spans are lost
	lost int       // since then
}

// Start implements otlptrace.Client. There is nothing to start: the first message connects.
func (c *collector) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client. It is called once, after the last message.
func (c *collector) Stop(context.Context) error {
	close(c.stopped)
	return nil
}

// exportSpans is the method of the contract, whose request has the form of TracesData. Its code would link the gateway of gRPC
// to HTTP into the binary. A reply can only say that some spans were not wanted, which is the collector's to log.
const exportSpans = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

// UploadTraces implements otlptrace.Client.
func (c *collector) UploadTraces(ctx context.Context, spans []*tracev1.ResourceSpans) error {
	n := 0
	for _, s := range spans {
		s.Resource, s.SchemaUrl = c.about, "" // the SDK put in what the environment says
		for _, scope := range s.ScopeSpans {
			n += len(scope.Spans)
		}
	}
	if err := c.conn.Invoke(ctx, exportSpans, &tracev1.TracesData{ResourceSpans: spans}, &emptypb.Empty{}); err != nil {
		c.lose(n, err)
	}
	return nil
}

// lose counts spans that did not arrive, and tells the log once in a while.
func (c *collector) lose(n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost += n
	now := c.now()
	if !c.told.IsZero() && now.Sub(c.told) < tellSpans {
		return
	}
	c.log.Warn("spans were lost on their way to the collector", slog.Int("spans", c.lost), slog.String("err", err.Error()))
	c.told, c.lost = now, 0
}
