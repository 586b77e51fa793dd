package pluginhost

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
)

// barePlugin is the floor: the same process behind go-plugin and nothing else.
func barePlugin(b *testing.B) pluginv1.LookupServiceClient {
	b.Helper()
	client := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  goplugin.HandshakeConfig{ProtocolVersion: protocolVersion, MagicCookieKey: confine.CookieKey, MagicCookieValue: cookieValue},
		Plugins:          goplugin.PluginSet{serviceName: transport{}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         true,
		Cmd:              exec.Command(os.Args[0], asPlugin, "good"),
		Logger:           hclog.NewNullLogger(),
	})
	b.Cleanup(client.Kill)
	api, err := dispense(client)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := api.Configure(b.Context(), &pluginv1.ConfigureRequest{Config: []byte(`{}`)}); err != nil {
		b.Fatal(err)
	}
	return api
}

// BenchmarkPluginLookup compares a lookup that no cache answers with the bare call, turn by turn, so that both see the same
// machine. x-floor is the ratio.
func BenchmarkPluginLookup(b *testing.B) {
	asker := start(b, newTestHost(b, Options{Log: (&logBuffer{}).logger()}), playing("good")).Asker(answers.Policy{})
	bare := barePlugin(b)
	q := question(`{"email":"mum@gmail.com"}`)
	var floor, ours time.Duration
	for b.Loop() {
		t0 := time.Now()
		if _, err := bare.Lookup(b.Context(), &pluginv1.LookupRequest{Params: q.Params}); err != nil {
			b.Fatal(err)
		}
		t1 := time.Now()
		if _, err := asker.Ask(b.Context(), q); err != nil {
			b.Fatal(err)
		}
		floor += t1.Sub(t0)
		ours += time.Since(t1)
	}
	b.ReportMetric(float64(floor.Nanoseconds())/float64(b.N), "floor-ns/op")
	b.ReportMetric(float64(ours)/float64(floor), "x-floor")
}

// BenchmarkCachedLookup is what a lookup costs that the cache answers.
func BenchmarkCachedLookup(b *testing.B) {
	asker := start(b, newTestHost(b, Options{Log: (&logBuffer{}).logger()}), playing("good")).Asker(answers.Policy{TTL: time.Hour})
	q := question(`{"email":"mum@gmail.com"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := asker.Ask(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}
