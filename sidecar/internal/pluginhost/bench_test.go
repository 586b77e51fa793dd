package pluginhost

import (
	"context"
	"os"
	"os/exec"
	"slices"
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

// BenchmarkPluginLookup compares a lookup that no cache answers with the bare call under the same deadline, in blocks that take turns, so
// that both see the same machine. x-floor is the median of the blocks' ratios.
func BenchmarkPluginLookup(b *testing.B) {
	const block = 64
	asker := start(b, newTestHost(b, Options{Log: (&logBuffer{}).logger()}), playing("good")).Asker(answers.Policy{})
	api := barePlugin(b)
	q := question(`{"email":"mum@gmail.com"}`)
	bare := func() error {
		ctx, cancel := context.WithTimeout(b.Context(), 2*time.Second)
		defer cancel()
		_, err := api.Lookup(ctx, &pluginv1.LookupRequest{Params: q.Params})
		return err
	}
	ours := func() error {
		_, err := asker.Ask(b.Context(), q)
		return err
	}
	took := func(call func() error) time.Duration {
		began := time.Now()
		for range block {
			if err := call(); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(began)
	}
	var ratios []float64
	for b.Loop() {
		var x, y time.Duration
		if len(ratios)%2 == 0 {
			x = took(ours)
			y = took(bare)
		} else {
			y = took(bare)
			x = took(ours)
		}
		ratios = append(ratios, float64(x)/float64(y))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-floor")
	b.ReportMetric(0, "ns/op") // an operation is two blocks: it says nothing
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
