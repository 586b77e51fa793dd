package engine

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// condition is a rule of a test.
type condition func(context.Context, *pipeline.State) (bool, error)

func (f condition) Holds(ctx context.Context, s *pipeline.State) (bool, error) { return f(ctx, s) }
func (condition) Reads() pipeline.Reads                                        { return pipeline.Reads{} }

// deciding is a service whose only rule is given.
func deciding(budget time.Duration, log *slog.Logger, rule condition) *service {
	steps := []pipeline.Step{{Path: "pipeline[0]", Pos: pipeline.Pos{File: "c.yaml", Line: 3}, Deny: &pipeline.Deny{If: rule}}}
	set := &compile.Set{Pipeline: &pipeline.Pipeline{Steps: steps}, Budget: budget}
	return &service{acquire: func() *Generation {
		g := &Generation{Set: set}
		g.calls.RLock()
		return g
	}, log: log}
}

func anyRequest() *hookv1.ExtendPayloadRequest {
	return &hookv1.ExtendPayloadRequest{
		Payload: []byte(`{"sub":"a"}`), Identity: &hookv1.Identity{Email: "mum@gmail.com"}, ClientId: "c", Audience: []string{"c"},
		Stage: hookv1.Stage_STAGE_TOKEN, TokenKinds: []hookv1.TokenKind{hookv1.TokenKind_TOKEN_KIND_ID},
	}
}

// A request ends with its budget, or a little before the deadline of the caller, who then still hears why.
func TestTheTimeOfARequest(t *testing.T) {
	tests := []struct {
		name     string
		budget   time.Duration
		deadline time.Duration // of the caller; zero means none
		want     time.Duration
	}{
		{"a caller without deadline leaves the budget", 2 * time.Second, 0, 2 * time.Second},
		{"a patient caller leaves the budget", 2 * time.Second, time.Minute, 2 * time.Second},
		{"an answer needs a tenth of a short deadline", 2 * time.Second, 500 * time.Millisecond, 450 * time.Millisecond},
		{"and no more than 100 ms of a long one", time.Minute, 3 * time.Second, 2900 * time.Millisecond},
		{"a deadline that is over leaves nothing", 2 * time.Second, -time.Second, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.deadline != 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.deadline)
					defer cancel()
				}
				waits := func(ctx context.Context, _ *pipeline.State) (bool, error) {
					<-ctx.Done()
					return false, ctx.Err()
				}
				start := time.Now()
				_, err := deciding(test.budget, slog.New(slog.DiscardHandler), waits).ExtendPayload(ctx, anyRequest())
				if took := time.Since(start); took != test.want {
					t.Errorf("took %v, want %v", took, test.want)
				}
				if status.Code(err) != codes.DeadlineExceeded {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

func TestABugCostsOneRequestAndTellsNothing(t *testing.T) {
	var log strings.Builder
	s := deciding(time.Second, slog.New(slog.NewTextHandler(&log, nil)), func(_ context.Context, s *pipeline.State) (bool, error) {
		panic("cannot compare " + s.In.Identity.Email)
	})
	reply, err := s.ExtendPayload(t.Context(), anyRequest())
	got := status.Convert(err)
	if reply != nil || got.Code() != codes.Internal || got.Message() != "a bug in claimsmith kept it from deciding" {
		t.Errorf("%v, %v", reply, err)
	}
	if !strings.Contains(log.String(), "this is a bug in claimsmith, please report it") || !strings.Contains(log.String(), "request_test.go") {
		t.Errorf("the log does not say where:\n%s", log.String())
	}
	if strings.Contains(log.String(), "gmail") {
		t.Errorf("the log holds an address:\n%s", log.String())
	}
}

func TestNoConfiguration(t *testing.T) {
	s := &service{acquire: func() *Generation { return nil }, log: slog.New(slog.DiscardHandler)}
	_, err := s.ExtendPayload(t.Context(), anyRequest())
	if got := status.Convert(err); got.Code() != codes.FailedPrecondition || got.Message() != "no configuration is active" {
		t.Errorf("%v", err)
	}
}

func TestCodes(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		err  error
		want codes.Code
	}{
		{"a lookup that is down", t.Context(), &pipeline.Error{Class: pipeline.Unavailable, Err: errors.New("x")}, codes.Unavailable},
		{"time that is over", over, &pipeline.Error{Class: pipeline.Deadline, Err: errors.New("x")}, codes.DeadlineExceeded},
		{"a plugin that gave up while there was time", t.Context(), &pipeline.Error{Class: pipeline.Deadline, Err: errors.New("x")}, codes.Unavailable},
		{"a rule that failed", t.Context(), &pipeline.Error{Err: errors.New("x")}, codes.Internal},
		{"anything else", t.Context(), errors.New("x"), codes.Internal},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := journal.Code(test.ctx, test.err); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// What is decided again, by a candidate or a reload, is decided as of the time at which the request came.
func TestADecisionIsMadeAgainAsOfItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []time.Time
		s := deciding(time.Minute, slog.New(slog.DiscardHandler), func(_ context.Context, s *pipeline.State) (bool, error) {
			seen = append(seen, s.In.Now)
			return false, nil
		})
		set, acquire := s.acquire().Set, s.acquire
		s.acquire = func() *Generation {
			time.Sleep(time.Second)
			return acquire()
		}
		var c *call
		s.noted = func(over *call) { c = over }
		start, req := time.Now().UTC(), anyRequest()
		req.ConnectorId, req.Identity.UserId = "g", "7"
		if _, err := s.ExtendPayload(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		shadow := newShadow(slog.New(slog.DiscardHandler))
		shadow.guarded(t.Context(), &shadowJob{candidate: &candidate{set: set, tally: &shadowTally{}}, call: c})
		j := journal.New(journal.Options{})
		j.Remember(&journal.Visit{At: c.At, Values: c.Values})
		if out := lockout(t.Context(), j, set); out.Recent != 1 {
			t.Errorf("%+v", out)
		}
		if want := []time.Time{start, start, start}; !slices.Equal(seen, want) {
			t.Errorf("decided at %v, want %v", seen, want)
		}
	})
}
