package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/pluginhost"
)

// metrics are the numbers of a server. What happens often is counted as it happens; what a scrape can read, it reads.
type metrics struct {
	registry  *prometheus.Registry
	decisions map[[2]string]prometheus.Counter // by stage and outcome, resolved once
	other     prometheus.Counter               // of a stage that is not known here
	took      prometheus.Histogram
	reloads   *prometheus.CounterVec
}

func newMetrics(s *Server) *metrics {
	m := &metrics{registry: prometheus.NewRegistry(), decisions: map[[2]string]prometheus.Counter{}}
	decisions := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "claimsmith_decisions_total", Help: "Decisions, by stage (login, token) and outcome (patched, unchanged, denied, failed).",
	}, []string{"stage", "outcome"})
	for _, stage := range []string{"login", "token"} {
		for _, outcome := range []string{"patched", "unchanged", "denied", "failed"} {
			m.decisions[[2]string{stage, outcome}] = decisions.WithLabelValues(stage, outcome)
		}
	}
	m.other = decisions.WithLabelValues("unknown", "failed")
	m.took = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "claimsmith_decision_seconds", Help: "How long decisions take.",
		Buckets: []float64{.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 2, 5},
	})
	m.reloads = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "claimsmith_reloads_total", Help: "Reloads of the configuration, by result (taken, refused).",
	}, []string{"result"})
	m.reloads.WithLabelValues("taken")
	m.reloads.WithLabelValues("refused")
	m.registry.MustRegister(decisions, m.took, m.reloads, stateCollector{s}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// count counts a decision.
func (m *metrics) count(e *journal.Entry) {
	counter, known := m.decisions[[2]string{e.Stage, string(e.Outcome)}]
	if !known {
		counter = m.other
	}
	counter.Inc()
	m.took.Observe(e.Took.Seconds())
}

func (m *metrics) reloaded(err error) {
	if err != nil {
		m.reloads.WithLabelValues("refused").Inc()
		return
	}
	m.reloads.WithLabelValues("taken").Inc()
}

// serveMetrics serves /metrics until ctx ends, where the configuration wants it.
func (s *Server) serveMetrics(ctx context.Context, c *config.Metrics) error {
	if c == nil {
		return nil
	}
	listener, err := net.Listen("tcp", c.Address)
	if err != nil {
		return fmt.Errorf("serve metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.Log.WarnContext(ctx, "metrics are not served any more", "err", err)
		}
	}()
	context.AfterFunc(ctx, func() { _ = server.Close() }) // scrapes under way have no claim to finish
	s.Log.InfoContext(ctx, "serving metrics", "address", listener.Addr().String())
	return nil
}

// stateCollector reads what a scrape asks for: which configuration is served since when, and how the plugins are.
type stateCollector struct{ server *Server }

// pluginNumber is a number of a plugin and how it is read.
type pluginNumber struct {
	name, help string
	kind       prometheus.ValueType
	read       func(pluginhost.Status) float64
}

func pluginNumbers() []pluginNumber {
	count := func(name, help string, read func(answers.Counters) int64) pluginNumber {
		return pluginNumber{name, help, prometheus.CounterValue, func(s pluginhost.Status) float64 { return float64(read(s.Counters)) }}
	}
	return []pluginNumber{
		{"claimsmith_plugin_up", "Whether the plugin runs.", prometheus.GaugeValue, func(s pluginhost.Status) float64 {
			if s.State == pluginhost.Running {
				return 1
			}
			return 0
		}},
		{"claimsmith_plugin_failing", "Whether its last call brought no answer, as when the NAS sleeps or DSM does not let its account in.", prometheus.GaugeValue, func(s pluginhost.Status) float64 {
			if s.Failing != nil {
				return 1
			}
			return 0
		}},
		{"claimsmith_plugin_crashes_total", "How often its process crashed.", prometheus.CounterValue, func(s pluginhost.Status) float64 { return float64(s.Crashes) }},
		count("claimsmith_plugin_calls_total", "Lookups that reached the plugin.", func(c answers.Counters) int64 { return c.Calls }),
		count("claimsmith_plugin_failures_total", "Lookups that reached it and brought no answer.", func(c answers.Counters) int64 { return c.Failures }),
		count("claimsmith_plugin_breaker_opened_total", "How often it was left alone because it kept failing.", func(c answers.Counters) int64 { return c.Opened }),
		count("claimsmith_lookups_fresh_total", "Lookups answered from what was known and fresh.", func(c answers.Counters) int64 { return c.Hits + c.Exchange }),
		count("claimsmith_lookups_missed_total", "Lookups for which nothing fresh was known.", func(c answers.Counters) int64 { return c.Misses }),
		count("claimsmith_lookups_stale_total", "Of the missed: answered with what is old, because the plugin failed.", func(c answers.Counters) int64 { return c.Stale }),
		count("claimsmith_lookups_unanswered_total", "Of the missed: not answered.", func(c answers.Counters) int64 { return c.Unanswered }),
		count("claimsmith_facts_loaded_total", "Answers that were known before the start and came from the store.", func(c answers.Counters) int64 { return c.Loaded }),
		count("claimsmith_facts_unloaded_total", "Looks into the store that brought nothing because it was slow, failed, or held what cannot be used.", func(c answers.Counters) int64 { return c.Unloaded }),
		count("claimsmith_facts_unsaved_total", "Answers that did not get into the store.", func(c answers.Counters) int64 { return c.Unsaved }),
	}
}

// Describe sends nothing: the plugins of a configuration change with it.
func (stateCollector) Describe(chan<- *prometheus.Desc) {}

// Collect reads the state as it is.
func (c stateCollector) Collect(out chan<- prometheus.Metric) {
	gauge := func(name, help string, value float64, labels ...string) {
		// Names of labels, then their values.
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, labels[:len(labels)/2], nil), prometheus.GaugeValue, value, labels[len(labels)/2:]...)
	}
	gauge("claimsmith_build_info", "The version of claimsmith and of the Go that built it.", 1, "version", "goversion", c.server.Options.Version, runtime.Version())
	if certs := c.server.Certs; certs != nil {
		end, failed := certs.State()
		gauge("claimsmith_certificate_not_after_timestamp_seconds", "When the certificate of the sidecar ends, as seconds since 1970.", float64(end.Unix()))
		stale := 0.
		if failed != nil {
			stale = 1
		}
		gauge("claimsmith_certificate_stale", "Whether the certificate files cannot be used, so that those before them go on serving.", stale)
	}
	g := c.server.Acquire()
	if g == nil {
		return
	}
	defer g.Release()
	if s := c.server; s.Kept.Journal.Records() {
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc("claimsmith_record_dropped_total", "Requests that were not recorded, because the store was slow or failed and memory was full.", nil, nil),
			prometheus.CounterValue, float64(s.Kept.Journal.Dropped()))
	}
	gauge("claimsmith_configuration_info", "The configuration that is served: the beginning of its SHA-256, with the files of its tables.", 1, "digest", g.Digest)
	gauge("claimsmith_configuration_loaded_timestamp_seconds", "When it was loaded, as seconds since 1970.", float64(g.loaded.Unix()))
	for _, n := range pluginNumbers() {
		desc := prometheus.NewDesc(n.name, n.help, []string{"plugin"}, nil)
		for _, p := range g.Plugins {
			out <- prometheus.MustNewConstMetric(desc, n.kind, n.read(p.Plugin.Status()), p.Plugin.Name())
		}
	}
}
