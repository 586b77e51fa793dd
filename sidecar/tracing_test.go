package sidecar_test

import (
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar"
)

// traced is a configuration with a tracing block.
func traced(tracing string, a ...any) func(string) string {
	return func(dir string) string { return household(dir) + "tracing: {" + fmt.Sprintf(tracing, a...) + "}\n" }
}

// stop ends a sidecar, which sends what is left.
func (r *running) stop() {
	r.t.Helper()
	r.end()
	<-r.done
	if err := r.server.Close(); err != nil {
		r.t.Fatal(err)
	}
}

const (
	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersSpan  = "00f067aa0ba902b7"
)

// ask asks as a caller that is traced itself, if parent says so.
func (r *running) ask(email, requestID, parent string) (*hookv1.ExtendPayloadResponse, error) {
	ctx := r.t.Context()
	if parent != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "traceparent", parent, "tracestate", "vendor=of-the-caller")
	}
	return r.client().ExtendPayload(ctx, with(signIn(email), func(req *hookv1.ExtendPayloadRequest) {
		req.RequestId, req.Identity.UserId, req.Identity.Username = requestID, "user-108a-of-google", "Hippolyta M"
	}))
}

func TestSpans(t *testing.T) {
	// None of these is for claimsmith: what it does is in one file.
	for name, value := range map[string]string{
		"OTEL_TRACES_SAMPLER": "always_off", "OTEL_RESOURCE_ATTRIBUTES": "host=secret-host", "OTEL_SERVICE_NAME": "other", "OTEL_SDK_DISABLED": "true",
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_BSP_MAX_QUEUE_SIZE": "1", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "1",
	} {
		t.Setenv(name, value)
	}
	const request = " client_id=synology connector_id=google stage=token grant=authorization_code outcome="
	tests := []struct {
		name  string
		email string
		want  []seenSpan // without the first one's parent, which is the caller's
	}{
		{"the plugin is asked", "hippolyta@gmail.com", []seenSpan{
			{Name: "ExtendPayload", Kind: "SERVER", Attributes: "decision_id=ID" + request + "patched claims=username groups name", Status: "UNSET "},
			{Name: "pipeline", Parent: "ExtendPayload", Kind: "INTERNAL", Status: "UNSET "},
			{Name: "lookup nas", Parent: "pipeline", Kind: "CLIENT", Attributes: "plugin=nas rule=c.yaml:9 source=plugin age_ms=AGE", Status: "UNSET "},
		}},
		{"the answer is known", "hippolyta@gmail.com", []seenSpan{
			{Name: "ExtendPayload", Kind: "SERVER", Attributes: "decision_id=ID" + request + "patched claims=username groups name", Status: "UNSET "},
			{Name: "pipeline", Parent: "ExtendPayload", Kind: "INTERNAL", Status: "UNSET "},
			{Name: "lookup nas", Parent: "pipeline", Kind: "CLIENT", Attributes: "plugin=nas rule=c.yaml:9 source=cache age_ms=AGE", Status: "UNSET "},
		}},
		{"a refusal", "nobody@gmail.com", []seenSpan{
			{Name: "ExtendPayload", Kind: "SERVER", Attributes: "decision_id=ID" + request + "denied rule=c.yaml:12", Status: "UNSET "},
			{Name: "pipeline", Parent: "ExtendPayload", Kind: "INTERNAL", Status: "UNSET "},
			{Name: "lookup nas", Parent: "pipeline", Kind: "CLIENT", Attributes: "plugin=nas rule=c.yaml:9 source=plugin age_ms=AGE", Status: "UNSET "},
		}},
		{"a failure", "broken@gmail.com", []seenSpan{
			{Name: "ExtendPayload", Kind: "SERVER", Attributes: "decision_id=ID" + request + "failed rule=c.yaml:9", Status: "ERROR Unavailable"},
			{Name: "pipeline", Parent: "ExtendPayload", Kind: "INTERNAL", Status: "ERROR Unavailable"},
			{Name: "lookup nas", Parent: "pipeline", Kind: "CLIENT", Attributes: "plugin=nas rule=c.yaml:9 source=failed", Status: "ERROR Unavailable"},
		}},
	}
	collector := startCollector(t)
	r := serve(t, traced("otlpEndpoint: %q, ratio: 1", "http://"+collector.address))
	traceID := func(i int) string { return fmt.Sprintf("%s%02d", callersTrace[:30], i) }
	for i, test := range tests {
		// What becomes of each is judged elsewhere.
		_, _ = r.ask(test.email, fmt.Sprint("r", i), "00-"+traceID(i)+"-"+callersSpan+"-01")
	}
	_, _ = r.ask("hippolyta@gmail.com", "r", "") // nobody names a trace: it begins one
	r.stop()

	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.want[0].Parent = callersSpan
			if diff := cmp.Diff(test.want, collector.trace(traceID(i))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if want := "service.name=claimsmith service.version=test"; collector.resource != want {
		t.Errorf("sent by %q, want %q", collector.resource, want)
	}
	if n := len(collector.spans); n != 15 {
		t.Errorf("%d spans, want 15", n)
	}
	for _, value := range []string{
		"gmail", "ippolyta", "user-108a", "dex.example.org", "No account", "users", "says no", "nobody", "secret-host", "of-the-caller", "other",
	} {
		if strings.Contains(string(collector.bytes), value) {
			t.Errorf("%q was sent to the collector", value)
		}
	}
}

func TestWhatPluginsHearOfATrace(t *testing.T) {
	tests := []struct {
		name    string
		tracing string
		parent  string
		want    string // where S is the id of the span of the lookup
		spans   int
	}{
		{"a request that the caller traces", ", ratio: 1e-9", "00-" + callersTrace + "-" + callersSpan + "-01", "trace:00-" + callersTrace + "-S-01", 3},
		{"a request that the caller does not trace", ", ratio: 1", "00-" + callersTrace + "-" + callersSpan + "-00", "trace:00-" + callersTrace + "-S-00", 0},
		{"one of many of which few are traced", ", ratio: 1e-9", "", "trace:00-T-S-00", 0},
		{"nonsense is no trace", ", ratio: 1", "00-gmail-01", "trace:00-T-S-01", 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			collector := startCollector(t)
			r := serve(t, traced("otlpEndpoint: %q%s", "http://"+collector.address, test.tracing))
			reply, err := r.ask("traced@gmail.com", "r", test.parent)
			must(t, err)
			r.stop()
			got := strings.Trim(string(reply.GetPatches().GetIdToken().GetSet()["username"]), `"`)
			parts := strings.Split(got, "-")
			if len(parts) != 4 || len(collector.spans) != test.spans {
				t.Fatalf("the plugin heard %q, and %d spans were sent", got, len(collector.spans))
			}
			for _, s := range collector.spans {
				if hex.EncodeToString(s.GetTraceId()) != parts[1] {
					t.Errorf("%s is in another trace", s.GetName())
				}
				if id := hex.EncodeToString(s.GetSpanId()); s.GetName() == "lookup nas" && id != parts[2] {
					t.Errorf("the plugin heard of span %s, the lookup is %s", parts[2], id)
				}
			}
			if want := strings.Replace(strings.Replace(test.want, "S", parts[2], 1), "T", parts[1], 1); got != want {
				t.Errorf("the plugin heard %q, want %q", got, want)
			}
		})
	}
}

func TestWithoutTracingNothingIsSaidToAnybody(t *testing.T) {
	collector := startCollector(t)
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		t.Setenv(name, "http://"+collector.address)
	}
	t.Setenv("OTEL_TRACES_SAMPLER", "always_on")
	r := serve(t, household)
	reply, err := r.ask("traced@gmail.com", "r", "00-"+callersTrace+"-"+callersSpan+"-01")
	must(t, err)
	r.stop()
	if got := string(reply.GetPatches().GetIdToken().GetSet()["username"]); got != `"trace:"` {
		t.Errorf("the plugin heard %s", got)
	}
	if len(collector.spans) > 0 {
		t.Errorf("%d spans were sent", len(collector.spans))
	}
}

func TestACollectorThatIsNotThere(t *testing.T) {
	tests := []struct {
		name   string
		behave func(net.Listener)
		want   string // in the log
	}{
		{"nobody listens", func(l net.Listener) { l.Close() }, "connection refused"},
		{"somebody never answers", func(net.Listener) {}, "code = "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			must(t, err)
			defer listener.Close()
			test.behave(listener)
			r := serve(t, traced("otlpEndpoint: %q, ratio: 1", "http://"+listener.Addr().String()))
			client := r.client()
			for range 1000 { // more than are kept
				if _, err := client.ExtendPayload(t.Context(), signIn("mum@gmail.com")); err != nil {
					t.Fatal(err)
				}
			}
			r.stop()
			if line := r.log.wait(t, "spans were lost on their way to the collector"); !strings.Contains(line, test.want) {
				t.Errorf("the log does not say why: %s", line)
			}
			if n := strings.Count(r.log.String(), "spans were lost"); n != 1 {
				t.Errorf("the log says it %d times", n)
			}
		})
	}
}

func TestTheCollectorIsVerified(t *testing.T) {
	ours, others := newAuthority(t), newAuthority(t)
	cert, key := ours.issue("localhost")
	dir := shortDir(t)
	for name, pem := range map[string][]byte{"c.crt": cert, "c.key": key, "ours.crt": ours.pem, "others.crt": others.pem} {
		must(t, os.WriteFile(filepath.Join(dir, name), pem, 0o600))
	}
	creds, err := credentials.NewServerTLSFromFile(filepath.Join(dir, "c.crt"), filepath.Join(dir, "c.key"))
	must(t, err)
	tests := []struct {
		name, ca string
		spans    int
	}{
		{"by the authority of caFile", ", caFile: " + dir + "/ours.crt", 3},
		{"not by another authority", ", caFile: " + dir + "/others.crt", 0},
		{"not by those of the system", "", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			collector := startCollector(t, grpc.Creds(creds))
			_, port, err := net.SplitHostPort(collector.address)
			must(t, err)
			r := serve(t, traced("otlpEndpoint: %q, ratio: 1%s", "https://localhost:"+port, test.ca))
			_, err = r.ask("mum@gmail.com", "r", "")
			must(t, err)
			r.stop()
			if len(collector.spans) != test.spans {
				t.Errorf("%d spans were sent", len(collector.spans))
			}
			if test.spans == 0 {
				r.log.wait(t, "certificate signed by unknown authority")
			}
		})
	}
	t.Run("a file without a certificate is refused with its place", func(t *testing.T) {
		dir := shortDir(t)
		file := written(t, dir, plain(dir)+"tracing: {otlpEndpoint: \"https://localhost:4317\", caFile: c.yaml}\n")
		_, err := sidecar.New(t.Context(), file, program(t, newLogBuffer()))
		want := file + ":2:59: tracing.caFile: load the authority of the collector: " + file + ": no certificate in PEM form in it"
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}

func TestAnotherCollectorTakesEffectWithTheNextStart(t *testing.T) {
	collector := startCollector(t)
	r := serve(t, traced("otlpEndpoint: %q, ratio: 1", "http://"+collector.address))
	r.put(household(r.dir))
	r.log.wait(t, `"msg":"what changed takes effect with the next start","keys":["tracing"]`)
	r.log.wait(t, `"msg":"configuration reloaded"`)
	_, err := r.ask("mum@gmail.com", "r", "")
	must(t, err)
	r.stop()
	if n := len(collector.spans); n != 3 {
		t.Errorf("%d spans, want 3", n)
	}
}
