package answers

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

var errAsleep = errors.New("plugin nas: lookup: unauthenticated: the NAS is asleep")

func asleep() error { return status.Error(codes.Unauthenticated, "the NAS is asleep") }

func none() *pluginv1.LookupResponse { return &pluginv1.LookupResponse{Problem: "none"} }

// seen is what of an answer the cache decides.
type seen struct {
	At     time.Duration // when it was asked, since the start
	Answer string        // found, none, or the error
	Source string
	Stale  bool
	Age    time.Duration
	Calls  int // so far
}

func TestTheCache(t *testing.T) {
	policy := Policy{TTL: 10 * time.Minute, NegativeTTL: 30 * time.Second, MaxStale: time.Hour}
	const m = time.Minute
	tests := []struct {
		name    string
		policy  Policy
		answers []any // of call 1, 2 ...; the last one for ever
		want    []seen
	}{
		{"without a policy every question is asked", Policy{}, []any{found(0)}, []seen{
			{At: 0, Answer: "found", Source: "plugin", Calls: 1},
			{At: 0, Answer: "found", Source: "plugin", Calls: 2},
		}},
		{"what is fresh is not asked", policy, []any{found(0)}, []seen{
			{At: 0, Answer: "found", Source: "plugin", Calls: 1},
			{At: 7 * m, Answer: "found", Source: "cache", Age: 7 * m, Calls: 1},
			{At: 10 * m, Answer: "found", Source: "plugin", Calls: 2},
		}},
		{"what the plugin knew for some time is that old", policy, []any{found(5 * m)}, []seen{
			{At: 0, Answer: "found", Source: "plugin", Age: 5 * m, Calls: 1},
			{At: 1 * m, Answer: "found", Source: "cache", Age: 6 * m, Calls: 1},
		}},
		{"what is older than ttl when it comes is not kept as fresh", policy, []any{found(10 * m)}, []seen{
			{At: 0, Answer: "found", Source: "plugin", Age: 10 * m, Calls: 1},
			{At: 0, Answer: "found", Source: "plugin", Age: 10 * m, Calls: 2},
		}},
		{"nor is an old no", policy, []any{older(none(), m), found(0)}, []seen{
			{At: 0, Answer: "none", Source: "plugin", Age: m, Calls: 1},
			{At: 0, Answer: "found", Source: "plugin", Calls: 2},
		}},
		{"not found has a time of its own", policy, []any{none(), found(0)}, []seen{
			{At: 0, Answer: "none", Source: "plugin", Calls: 1},
			{At: 29 * time.Second, Answer: "none", Source: "cache", Age: 29 * time.Second, Calls: 1},
			{At: 30 * time.Second, Answer: "found", Source: "plugin", Calls: 2},
		}},
		{"a failure is answered with what is stale", policy, []any{found(0), asleep()}, []seen{
			{At: 0, Answer: "found", Source: "plugin", Calls: 1},
			{At: 59 * m, Answer: "found", Source: "stale", Stale: true, Age: 59 * m, Calls: 2},
			{At: 60 * m, Answer: errAsleep.Error(), Calls: 3},
		}},
		{"the age that the plugin gave counts", policy, []any{found(20 * m), asleep()}, []seen{
			{At: 0, Answer: "found", Source: "plugin", Age: 20 * m, Calls: 1},
			{At: 39 * m, Answer: "found", Source: "stale", Stale: true, Age: 59 * m, Calls: 2},
			{At: 40 * m, Answer: errAsleep.Error(), Calls: 3},
		}},
		{"nothing is stale without a limit", Policy{TTL: m}, []any{found(0), asleep()}, []seen{
			{At: 0, Answer: "found", Source: "plugin", Calls: 1},
			{At: m, Answer: errAsleep.Error(), Calls: 2},
		}},
		{"a refusal of yesterday is not told instead of a failure", policy, []any{none(), asleep()}, []seen{
			{At: 0, Answer: "none", Source: "plugin", Calls: 1},
			{At: m, Answer: errAsleep.Error(), Calls: 2},
		}},
		{"a disabled account does not come back from the cache", policy, []any{found(0), none(), asleep()}, []seen{
			{At: 0, Answer: "found", Source: "plugin", Calls: 1},
			{At: 11 * m, Answer: "none", Source: "plugin", Calls: 2},
			{At: 12 * m, Answer: errAsleep.Error(), Calls: 3},
		}},
		{"failures are not kept", policy, []any{asleep(), found(0)}, []seen{
			{At: 0, Answer: errAsleep.Error(), Calls: 1},
			{At: 0, Answer: "found", Source: "plugin", Calls: 2},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Date(2026, 8, 20, 10, 0, 0, 0, time.UTC)
			begin := now
			h := fakeCache(t, Options{Now: func() time.Time { return now }})
			defer h.Close()
			api := &lookups{answer: func(_ context.Context, call int) (*pluginv1.LookupResponse, error) {
				switch a := tt.answers[min(call, len(tt.answers))-1].(type) {
				case error:
					return nil, a
				default:
					return a.(*pluginv1.LookupResponse), nil
				}
			}}
			asker := fakePlugin(t, h, "{}", api).Asker(tt.policy)
			var got []seen
			for _, w := range tt.want {
				now = begin.Add(w.At)
				got = append(got, look(t, asker, question(`{"email":"mum@gmail.com"}`), w.At, api))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func look(t *testing.T, asked pipeline.Asker, q pipeline.Question, at time.Duration, api *lookups) seen {
	t.Helper()
	answer, err := asked.Ask(t.Context(), q)
	if err != nil {
		return seen{At: at, Answer: err.Error(), Calls: api.called()}
	}
	s := seen{At: at, Answer: answer.Problem, Source: answer.Source, Stale: answer.Stale, Age: answer.Age, Calls: api.called()}
	if answer.Found {
		s.Answer = "found"
	}
	return s
}

func TestWhatMakesTwoQuestionsTheSame(t *testing.T) {
	h := fakeCache(t, Options{})
	defer h.Close()
	api := &lookups{answer: func(context.Context, int) (*pluginv1.LookupResponse, error) { return found(0), nil }}
	policy := Policy{TTL: time.Hour}
	one := fakePlugin(t, h, `{"url":"a"}`, api)
	mum := pipeline.Question{Connector: "google", Params: []byte(`{"email":"mum@gmail.com"}`)}
	dad := pipeline.Question{Connector: "google", Params: []byte(`{"email":"dad@gmail.com"}`)}
	github := pipeline.Question{Connector: "github", Params: mum.Params}
	steps := []struct {
		name  string
		asker pipeline.Asker
		q     pipeline.Question
		want  int // calls so far
	}{
		{"the first", one.Asker(policy), mum, 1},
		{"the same again", one.Asker(policy), mum, 1},
		{"another step, same question", one.Asker(Policy{TTL: time.Minute}), mum, 1},
		{"other parameters", one.Asker(policy), dad, 2},
		{"another connector", one.Asker(policy), github, 3},
		{"another configuration", fakePlugin(t, h, `{"url":"b"}`, api).Asker(policy), mum, 4},
	}
	for _, s := range steps {
		if _, err := s.asker.Ask(t.Context(), s.q); err != nil {
			t.Fatal(err)
		}
		if got := api.called(); got != s.want {
			t.Errorf("%s: %d calls, want %d", s.name, got, s.want)
		}
	}
}

func TestOneExchangeGetsOneAnswer(t *testing.T) {
	now := time.Date(2026, 8, 20, 10, 0, 0, 0, time.UTC)
	h := fakeCache(t, Options{Now: func() time.Time { return now }})
	defer h.Close()
	api := &lookups{answer: func(_ context.Context, call int) (*pluginv1.LookupResponse, error) {
		if call > 1 {
			return none(), nil
		}
		return found(0), nil
	}}
	asker := fakePlugin(t, h, "{}", api).Asker(Policy{})
	steps := []struct {
		exchange string
		after    time.Duration
		want     seen
	}{
		{"one", 0, seen{Answer: "found", Source: "plugin", Calls: 1}},
		{"one", exchangeTime, seen{Answer: "found", Source: "plugin", Calls: 1}},
		{"two", 0, seen{Answer: "none", Source: "plugin", Calls: 2}},
		{"one", exchangeTime, seen{Answer: "none", Source: "plugin", Calls: 3}}, // it is long over
	}
	for i, s := range steps {
		now = now.Add(s.after)
		q := question(`{"email":"mum@gmail.com"}`)
		q.Exchange = s.exchange
		if diff := cmp.Diff(s.want, look(t, asker, q, 0, api)); diff != "" {
			t.Errorf("step %d: %s", i, diff)
		}
	}
}

func TestExchangesAreBounded(t *testing.T) {
	x := &exchanges{room: 3 * bookkeeping}
	for i := range 100 {
		x.put(exchangeKey{exchange: string(rune('a' + i))}, &pipeline.Answer{}, time.Time{})
	}
	if n := len(x.young) + len(x.old); n > 6 {
		t.Errorf("%d answers are kept", n)
	}
}

func older(r *pluginv1.LookupResponse, age time.Duration) *pluginv1.LookupResponse {
	r.AgeMs = age.Milliseconds()
	return r
}
