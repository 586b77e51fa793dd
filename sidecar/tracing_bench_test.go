package sidecar_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// BenchmarkTracing asks a sidecar that traces every request, one that traces one in a hundred and one that traces nothing in turn, and
// reports what tracing costs a call, as the median of many blocks: other work on the machine does not count. The collector takes
// its part of the same machine.
func BenchmarkTracing(b *testing.B) {
	ten := func(dir string) string {
		rules := strings.Repeat("      - {set: {tier: '\"staff\"'}}\n", 7)
		return strings.Replace(household(dir), "budget: 5s\n", "budget: 5s\nlog: {level: error}\n", 1) + rules
	}
	collector := startCollector(b)
	for _, ratio := range []string{"1", "0.01"} {
		b.Run("ratio="+ratio, func(b *testing.B) {
			plain := serve(b, ten).client()
			traced := serve(b, func(dir string) string {
				return ten(dir) + fmt.Sprintf("tracing: {otlpEndpoint: %q, ratio: %s}\n", "http://"+collector.address, ratio)
			}).client()
			const block = 50
			calls := func(c hookv1.ClaimsHookServiceClient) time.Duration {
				start := time.Now()
				for range block {
					if _, err := c.ExtendPayload(b.Context(), with(signIn("mum@gmail.com"), func(r *hookv1.ExtendPayloadRequest) { r.RequestId = "" })); err != nil {
						b.Fatal(err)
					}
				}
				return time.Since(start) / block
			}
			var costs, ratios []float64
			for b.Loop() {
				without, with := calls(plain), calls(traced)
				costs, ratios = append(costs, float64(with-without)), append(ratios, float64(with)/float64(without))
			}
			slices.Sort(costs)
			slices.Sort(ratios)
			b.ReportMetric(costs[len(costs)/2], "ns-for-spans")
			b.ReportMetric(ratios[len(ratios)/2], "x-without")
			b.ReportMetric(0, "ns/op") // an operation is two blocks: it says nothing
		})
	}
}
