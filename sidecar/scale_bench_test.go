package sidecar_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// BenchmarkScale is a call as one thing grows: rules of other clients, plugins with a lookup each, groups, the payload. Nothing may grow faster than what it is given.
func BenchmarkScale(b *testing.B) {
	call := func(b *testing.B, text func(string) string, change func(*hookv1.ExtendPayloadRequest)) {
		c := serve(b, text).client()
		req := with(signIn("mum@gmail.com"), change)
		for b.Loop() {
			if _, err := c.ExtendPayload(b.Context(), req); err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, n := range []int{1, 100, 1000, 10_000} {
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			before := heap()
			defer func() { b.ReportMetric(float64(heap()-before)/float64(n), "heap-B/rule") }() // with all else, where there are few
			call(b, func(dir string) string {
				var rules strings.Builder
				for i := range n {
					fmt.Fprintf(&rules, "  - {when: client.id == \"app%d\" and \"staff\" in claims.groups, set: {tier: '\"staff\"'}}\n", i)
				}
				return household(dir) + rules.String()
			}, func(*hookv1.ExtendPayloadRequest) {})
		})
	}
	for _, n := range []int{1, 10, 50} {
		b.Run(fmt.Sprintf("plugins=%d", n), func(b *testing.B) {
			call(b, func(dir string) string {
				var declared, lookups strings.Builder
				for i := range n - 1 {
					fmt.Fprintf(&declared, "  nas%d: {builtin: directory, config: {gate: %s/gate.sock}}\n", i, dir)
					fmt.Fprintf(&lookups, "  - {lookup: nas%d, with: {email: identity.email}, cache: {ttl: 1h}}\n", i)
				}
				return strings.Replace(household(dir), "pipeline:\n", declared.String()+"pipeline:\n"+lookups.String(), 1)
			}, func(*hookv1.ExtendPayloadRequest) {})
		})
	}
	for _, n := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprintf("groups=%d", n), func(b *testing.B) {
			call(b, household, func(r *hookv1.ExtendPayloadRequest) {
				for i := range n {
					r.Identity.Groups = append(r.Identity.Groups, fmt.Sprintf("group-%05d", i))
				}
			})
		})
	}
	for _, n := range []int{512, 8 << 10, 60 << 10} {
		b.Run(fmt.Sprintf("payload=%d", n), func(b *testing.B) {
			call(b, household, func(r *hookv1.ExtendPayloadRequest) {
				var payload map[string]any
				_ = json.Unmarshal(r.Payload, &payload) // it is the test's own
				payload["large"] = strings.Repeat("x", n)
				r.Payload, _ = json.Marshal(payload)
			})
		})
	}
}
