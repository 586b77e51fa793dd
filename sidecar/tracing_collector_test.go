package sidecar_test

import (
	"context"
	"encoding/hex"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// otlpCollector takes spans as the contract of OTLP says.
type otlpCollector struct {
	collectorv1.UnimplementedTraceServiceServer
	t       testing.TB
	address string

	mu       sync.Mutex
	resource string
	spans    []*tracev1.Span
	bytes    []byte // of all messages
}

func startCollector(t testing.TB, options ...grpc.ServerOption) *otlpCollector {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &otlpCollector{t: t, address: listener.Addr().String()}
	server := grpc.NewServer(options...)
	collectorv1.RegisterTraceServiceServer(server, c)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return c
}

func (c *otlpCollector) Export(_ context.Context, req *collectorv1.ExportTraceServiceRequest) (*collectorv1.ExportTraceServiceResponse, error) {
	raw, err := proto.Marshal(req)
	if err != nil || len(req.ProtoReflect().GetUnknown()) > 0 {
		c.t.Errorf("a message that is not in the contract: %v, %v", req, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes = append(c.bytes, raw...)
	for _, r := range req.GetResourceSpans() {
		c.resource = attributes(r.GetResource().GetAttributes())
		for _, s := range r.GetScopeSpans() {
			c.spans = append(c.spans, s.GetSpans()...)
		}
	}
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

func attributes(list []*commonv1.KeyValue) string {
	var out []string
	for _, a := range list {
		var value string
		switch v := a.GetValue().GetValue().(type) {
		case *commonv1.AnyValue_StringValue:
			value = v.StringValue
		case *commonv1.AnyValue_IntValue:
			value = strconv.FormatInt(v.IntValue, 10)
		case *commonv1.AnyValue_ArrayValue:
			var items []string
			for _, item := range v.ArrayValue.GetValues() {
				items = append(items, item.GetStringValue())
			}
			value = strings.Join(items, " ")
		}
		switch {
		case a.GetKey() == "claimsmith.decision_id" && decisionID.MatchString(value):
			value = "ID"
		case a.GetKey() == "claimsmith.age_ms":
			value = "AGE"
		case a.GetKey() == "claimsmith.rule":
			value = filepath.Base(value) // the folder of the test is another one each time
		}
		out = append(out, strings.TrimPrefix(a.GetKey(), "claimsmith.")+"="+value)
	}
	return strings.Join(out, " ")
}

// seenSpan is a span as a person sees it.
type seenSpan struct {
	Name, Parent, Kind, Attributes, Status string
}

// trace returns the spans of a trace, each before those below it. Parents that did not come are shown by their ids.
func (c *otlpCollector) trace(id string) (out []seenSpan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := map[string]string{}
	var spans []*tracev1.Span
	for _, s := range c.spans {
		if hex.EncodeToString(s.GetTraceId()) == id {
			names[string(s.GetSpanId())] = s.GetName()
			spans = append(spans, s)
		}
	}
	slices.SortFunc(spans, func(a, b *tracev1.Span) int { return int(a.GetStartTimeUnixNano()) - int(b.GetStartTimeUnixNano()) })
	for _, s := range spans {
		if s.GetEndTimeUnixNano() < s.GetStartTimeUnixNano() {
			c.t.Errorf("%s ends before it begins", s.GetName())
		}
		parent, known := names[string(s.GetParentSpanId())]
		if !known {
			parent = hex.EncodeToString(s.GetParentSpanId())
		}
		if len(s.GetEvents())+len(s.GetLinks()) > 0 {
			c.t.Errorf("%s has events or links", s.GetName())
		}
		out = append(out, seenSpan{
			Name: s.GetName(), Parent: parent, Kind: strings.TrimPrefix(s.GetKind().String(), "SPAN_KIND_"), Attributes: attributes(s.GetAttributes()),
			Status: strings.TrimPrefix(s.GetStatus().GetCode().String(), "STATUS_CODE_") + " " + s.GetStatus().GetMessage(),
		})
	}
	return out
}
