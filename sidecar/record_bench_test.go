package sidecar

import (
	"testing"
	"time"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/record"
)

// BenchmarkRemember is what each decision pays to be found by its id.
func BenchmarkRemember(b *testing.B) {
	m := memory{ring: record.NewRing(kept)}
	active := &generation{digest: "0123456789ab", set: &ruleSet{pipeline: &pipeline.Pipeline{}}}
	trace := pipeline.Trace{Changes: make([]pipeline.Change, 4), Facts: make([]pipeline.Fact, 1), Visits: make([]pipeline.Visit, 11)}
	request := &hookv1.ExtendPayloadRequest{ClientId: "synology", ConnectorId: "google", Stage: hookv1.Stage_STAGE_TOKEN}
	d := decision{id: "7K2M-Q9XD", start: time.Now(), request: request, active: active, trace: trace}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.remember(&d)
		}
	})
}
