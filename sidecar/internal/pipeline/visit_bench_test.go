package pipeline_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// BenchmarkVisits runs ten steps with and without an outline in turn, and reports what noting the visits costs a run, as the
// median of many blocks: other work on the machine does not count.
func BenchmarkVisits(b *testing.B) {
	steps := func() (out []pipeline.Step) {
		for i := range 10 {
			out = append(out, set(i, fmt.Sprintf("c%d", i), always(`"x"`)))
		}
		return out
	}
	plain, noted := &pipeline.Pipeline{Steps: steps()}, &pipeline.Pipeline{Steps: steps()}
	noted.Outline = pipeline.Number(noted.Steps)
	in := input()
	const block = 20
	run := func(p *pipeline.Pipeline) time.Duration {
		start := time.Now()
		for range block {
			if _, err := p.Run(b.Context(), in); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(start) / block
	}
	var costs, ratios []float64
	for b.Loop() {
		without, with := run(plain), run(noted)
		costs, ratios = append(costs, float64(with-without)), append(ratios, float64(with)/float64(without))
	}
	slices.Sort(costs)
	slices.Sort(ratios)
	b.ReportMetric(costs[len(costs)/2], "ns-for-visits")
	b.ReportMetric(ratios[len(ratios)/2], "x-without")
}
