package claimshook

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// version is that of the hook, for its build info.
const version = "1"

// metrics are counted on Dex's registry. Labels have few values, and all of them exist from the start, so that an alert on one
// does not wait for the first time it happens.
type metrics struct {
	calls     map[callKey]prometheus.Counter
	seconds   map[string]prometheus.Observer
	unchanged prometheus.Counter
}

type callKey struct{ stage, outcome string }

func newMetrics(r prometheus.Registerer, l *link) (*metrics, error) {
	calls := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "dex", Subsystem: "claims_hook", Name: "calls_total",
		Help: "Decisions of the claims hook by stage and outcome: answered, refused, failed, or unusable after an answer.",
	}, []string{"stage", "outcome"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "dex", Subsystem: "claims_hook", Name: "call_duration_seconds",
		Help:    "How long a decision took, with waiting for a connection and a second try.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
	}, []string{"stage"})
	unchanged := prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "dex", Subsystem: "claims_hook", Name: "signed_unchanged_total",
		Help: "Exchanges signed without the service, because it was away and signUnchanged names the client.",
	})
	m := &metrics{calls: map[callKey]prometheus.Counter{}, seconds: map[string]prometheus.Observer{}, unchanged: unchanged}
	for _, stage := range []string{"login", "token"} {
		m.seconds[stage] = seconds.WithLabelValues(stage)
		for _, outcome := range []string{"answered", "refused", "failed", "unusable"} {
			m.calls[callKey{stage, outcome}] = calls.WithLabelValues(stage, outcome)
		}
	}
	if r == nil {
		return m, nil
	}
	for _, c := range append(linkGauges(l), calls, seconds, unchanged) {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
	}
	return m, nil
}

// linkGauges are read when somebody scrapes.
func linkGauges(l *link) []prometheus.Collector {
	gauge := func(name, help string, labels prometheus.Labels, read func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "dex", Subsystem: "claims_hook", Name: name, Help: help, ConstLabels: labels,
		}, read)
	}
	all := []prometheus.Collector{gauge("build_info", "The version of the hook.", prometheus.Labels{"version": version}, func() float64 { return 1 })}
	for _, state := range states {
		all = append(all, gauge("endpoints", "Services behind the address by state: idle until the first question, connecting, serving, draining before a stop, or silent.",
			prometheus.Labels{"state": state}, func() float64 { return float64(l.count()[state]) }))
	}
	if l.files == nil {
		return all
	}
	return append(all,
		gauge("certificate_not_after_timestamp_seconds", "When the certificate that the hook shows ends, as seconds since 1970.", nil, func() float64 {
			end, _ := l.files.state()
			return float64(end.Unix())
		}),
		gauge("certificate_stale", "Whether the certificate files cannot be used, so that those before them go on.", nil, func() float64 {
			if _, stale := l.files.state(); stale {
				return 1
			}
			return 0
		}))
}

func stageName(s hookv1.Stage) string {
	if s == hookv1.Stage_STAGE_LOGIN {
		return "login"
	}
	return "token"
}

// asked counts a call by its outcome.
func (m *metrics) asked(s hookv1.Stage, err error, took time.Duration) {
	name, outcome := stageName(s), "answered"
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		outcome = "refused"
	case err != nil:
		outcome = "failed"
	}
	m.calls[callKey{name, outcome}].Inc()
	m.seconds[name].Observe(took.Seconds())
}

// unusable counts an answer that no token may take.
func (m *metrics) unusable(s hookv1.Stage) { m.calls[callKey{stageName(s), "unusable"}].Inc() }

// signedUnchanged counts an exchange that went on without the service.
func (m *metrics) signedUnchanged() { m.unchanged.Inc() }
