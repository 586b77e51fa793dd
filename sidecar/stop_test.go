package sidecar_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar"
)

type outcome struct {
	reply *hookv1.ExtendPayloadResponse
	err   error
}

func TestACallUnderWayIsFinishedBeforeItStops(t *testing.T) {
	r := serve(t, household)
	gate := r.gate()
	client := r.client()
	answered := make(chan outcome, 1)
	go func() {
		reply, err := client.ExtendPayload(context.Background(), signIn("slow@gmail.com"))
		answered <- outcome{reply, err}
	}()
	waiting, err := gate.Accept() // the plugin is in the middle of the lookup
	must(t, err)
	r.end()
	r.log.wait(t, `"msg":"stopping"`)
	select {
	case <-r.done:
		t.Error("it did not wait for the call")
	case got := <-answered:
		t.Errorf("it was answered before the plugin did: %v, %v", got.reply, got.err)
	default:
	}
	must(t, waiting.Close())
	got := <-answered
	if got.err != nil || string(got.reply.GetPatches().GetIdToken().GetSet()["username"]) != `"slow"` {
		t.Errorf("got %v, %v", got.reply, got.err)
	}
	<-r.done
	if _, err := r.client().ExtendPayload(t.Context(), signIn("mum@gmail.com")); status.Code(err) != codes.Unavailable {
		t.Errorf("somebody still listens: %v", err)
	}
}

func TestACallThatDoesNotEndDoesNotKeepItFromStopping(t *testing.T) {
	r := serve(t, func(dir string) string { return plain(dir) + "budget: 10ms\n" })
	// A client that watches the health of the sidecar is a call that never ends.
	watch, err := r.health().Watch(t.Context(), &healthv1.HealthCheckRequest{})
	must(t, err)
	_, err = watch.Recv()
	must(t, err)
	r.end()
	<-r.done
	for err == nil {
		_, err = watch.Recv()
	}
	if status.Code(err) != codes.Unavailable {
		t.Errorf("%v", err)
	}
}

func TestHealth(t *testing.T) {
	r := serve(t, plain)
	health := r.health()
	for service, want := range map[string]healthv1.HealthCheckResponse_ServingStatus{
		"": healthv1.HealthCheckResponse_SERVING, hookv1.ClaimsHookService_ServiceDesc.ServiceName: healthv1.HealthCheckResponse_SERVING,
	} {
		got, err := health.Check(t.Context(), &healthv1.HealthCheckRequest{Service: service})
		if err != nil || got.GetStatus() != want {
			t.Errorf("%q: %v, %v", service, got, err)
		}
	}
	if _, err := health.Check(t.Context(), &healthv1.HealthCheckRequest{Service: "other"}); status.Code(err) != codes.NotFound {
		t.Errorf("a service that is not there: %v", err)
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	watch, err := health.Watch(ctx, &healthv1.HealthCheckRequest{Service: hookv1.ClaimsHookService_ServiceDesc.ServiceName})
	must(t, err)
	for _, want := range []healthv1.HealthCheckResponse_ServingStatus{healthv1.HealthCheckResponse_SERVING, healthv1.HealthCheckResponse_NOT_SERVING} {
		got, err := watch.Recv()
		if err != nil || got.GetStatus() != want {
			t.Fatalf("got %v, %v; want %v", got, err, want)
		}
		r.end() // what is watched then changes
	}
}

func TestReflection(t *testing.T) {
	services := func(r *running) ([]string, error) {
		stream, err := reflectionv1.NewServerReflectionClient(r.dial()).ServerReflectionInfo(t.Context())
		must(t, err)
		err = stream.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}})
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		got, err := stream.Recv()
		var names []string
		for _, s := range got.GetListServicesResponse().GetService() {
			names = append(names, s.GetName())
		}
		return names, errors.Join(err, stream.CloseSend())
	}
	t.Run("is off", func(t *testing.T) {
		if _, err := services(serve(t, plain)); status.Code(err) != codes.Unimplemented {
			t.Errorf("%v", err)
		}
	})
	t.Run("can be switched on, with a warning", func(t *testing.T) {
		r := serve(t, plain, func(o *sidecar.Options) { o.Reflection = true })
		names, err := services(r)
		if err != nil || len(names) != 4 || names[0] != "claimsmith.hook.v1.ClaimsHookService" {
			t.Errorf("%v, %v", names, err)
		}
		r.log.wait(t, `"level":"WARN","msg":"reflection is on: whoever reaches the socket can look around"`)
	})
}
