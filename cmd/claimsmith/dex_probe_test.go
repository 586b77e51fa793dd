package main

import (
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

func TestDexProbe(t *testing.T) {
	socket := filepath.Join(shortDir(t), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	state := health.NewServer()
	s := grpc.NewServer()
	healthv1.RegisterHealthServer(s, state)
	go s.Serve(l)
	t.Cleanup(s.Stop)
	silent, other := socket+"-silent", socket+"-other"
	for name, serve := range map[string]func(net.Listener){silent: func(net.Listener) {}, other: func(l net.Listener) { go grpc.NewServer().Serve(l) }} {
		l, err := net.Listen("unix", name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		serve(l)
	}
	tests := []struct {
		name, address string
		before        func()
		want          int
		says          string
	}{
		{"it serves", "unix://" + socket, func() {}, exitGood, ""},
		{"it is there and does not serve", "unix://" + socket, func() { state.SetServingStatus("", healthv1.HealthCheckResponse_NOT_SERVING) }, exitProblems, "says NOT_SERVING"},
		{"nobody is there", "unix://" + socket + "x", func() {}, exitProblems, "claimsmith: no sidecar answers at unix://" + socket + "x within 500ms: no such file or directory\n"},
		{"somebody is there who never answers", "unix://" + silent, func() {}, exitProblems, "claimsmith: no sidecar answers at unix://" + silent + " within 500ms\n"},
		{"somebody else is there", "unix://" + other, func() {}, exitProblems, "claimsmith: what answers at unix://" + other + " is no sidecar\n"},
		{"no address", "hook.sock", func() {}, exitUsage, "dex probe takes an address: unix:///path or dns:///host:port"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.before()
			var errs strings.Builder
			if got := run([]string{"dex", "probe", "--timeout", "500ms", tt.address}, strings.NewReader(""), io.Discard, &errs); got != tt.want || !strings.Contains(errs.String(), tt.says) {
				t.Errorf("got %d: %s", got, errs.String())
			}
		})
	}
}
