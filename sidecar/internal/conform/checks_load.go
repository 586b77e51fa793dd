package conform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
)

const (
	crowd  = 64              // questions at once
	growth = int64(8 << 20)  // bytes that memory may grow by: less is noise of a garbage collector
	soon   = 2 * time.Second // for an answer by a plugin that should be idle
	short  = 300 * time.Millisecond
)

// padded is a question of about n bytes.
func (r *runner) padded(n int) json.RawMessage {
	text := `"` + strings.Repeat("x", n) + `"`
	for _, name := range r.desc.params.Names() {
		if r.desc.params.Fields[name].Kind == facts.String {
			return with(r.question(), name, text)
		}
	}
	return with(r.question(), strange, text)
}

func (r *runner) sizes(ctx context.Context) verdict {
	_, err := r.ask(ctx, r.padded(maxMessage*3/4))
	switch status.Code(err) {
	case codes.ResourceExhausted:
		return broken("a question of 3 MiB gave %s", said(err)).but("the limit for messages is 4 MiB in both directions")
	}
	if v := r.answers(ctx, "after a question of 3 MiB"); v.outcome != Kept {
		return v
	}
	if _, err := r.ask(ctx, r.padded(maxMessage+maxMessage/4)); status.Code(err) != codes.ResourceExhausted {
		return broken("a question of 5 MiB gave %s, not RESOURCE_EXHAUSTED", said(err)).but("the limit for messages is 4 MiB in both directions")
	}
	return r.answers(ctx, "after a question of 5 MiB")
}

func (r *runner) concurrency(ctx context.Context) verdict {
	want, err := r.ask(ctx, r.question())
	if bad := (errAnswer{}); errors.As(err, &bad) {
		return untried("its answers do not fit")
	}
	if err != nil {
		return r.unanswered(err)
	}
	var all errgroup.Group
	for range crowd {
		all.Go(func() error {
			for range 5 {
				got, err := r.ask(ctx, r.question())
				if err != nil {
					return err
				}
				if got.found != want.found || got.problem != want.problem || !reflect.DeepEqual(got.facts, want.facts) {
					return errAnswer{"asked at the same time the same question gets another answer"}
				}
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		return r.unanswered(err)
	}
	return kept("")
}

func (r *runner) canceled(ctx context.Context) verdict {
	var all sync.WaitGroup
	for i := range 2 * crowd {
		all.Go(func() {
			impatient, cancel := context.WithTimeout(ctx, time.Millisecond)
			defer cancel()
			if i%2 == 0 {
				time.AfterFunc(100*time.Microsecond, cancel)
			}
			_, _ = r.ask(impatient, r.question())
		})
	}
	all.Wait()
	return r.answers(ctx, "after calls that were canceled")
}

func (r *runner) slow(ctx context.Context) verdict {
	if len(r.o.Slow) == 0 {
		return untried("no slow question is known").but(`give one that takes longer than a second with --slow '{...}'`)
	}
	var all errgroup.Group
	for range crowd {
		all.Go(func() error {
			impatient, cancel := context.WithTimeout(ctx, short)
			defer cancel()
			if _, err := r.ask(impatient, r.o.Slow); impatient.Err() == nil && status.Code(err) != codes.DeadlineExceeded {
				return fmt.Errorf("--slow is not slow: it gave %s within %s", said(err), short)
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		return verdict{outcome: Warning, detail: err.Error()}
	}
	next, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	if err := r.replies(next, r.question()); err != nil {
		if status.Code(err) == codes.DeadlineExceeded {
			return broken("after %d slow questions that nobody waits for any more, the next one got no answer within %s", crowd, soon).
				but("a lookup ends when its call is canceled or its deadline has passed")
		}
		return r.unanswered(err)
	}
	return kept("")
}

// askSoon asks a question that should be answered in no time.
func (r *runner) askSoon(ctx context.Context, q json.RawMessage) error {
	ctx, cancel := context.WithTimeout(ctx, 2*soon)
	defer cancel()
	return r.replies(ctx, q)
}

// memory compares what the plugin holds early and late. A heap grows for a while before its collector is content, so growth
// counts if it goes on: what three rounds in a row add is not given back.
func (r *runner) memory(ctx context.Context) verdict {
	if _, ok := r.p.resident(); !ok {
		return untried("this system does not tell how much memory a process has")
	}
	const rounds = 3
	var first, last int64
	for n := range rounds {
		early, late, err := r.round(ctx, n*r.o.Calls)
		switch {
		case err != nil:
			return r.unanswered(err)
		case late-early <= growth:
			return kept("%d MiB", late>>20)
		case n == 0:
			first = early
		}
		last = late
	}
	return broken("it grew from %d MiB to %d MiB, and goes on", first>>20, last>>20).
		but(fmt.Sprintf("that is about %d bytes for each call", (last-first)/int64(rounds*r.o.Calls)))
}

// round makes calls, side by side, and returns what the plugin holds early and late in it. Half of the questions are different
// ones, numbered from base, which a cache without limit would keep.
func (r *runner) round(ctx context.Context, base int) (early, late int64, err error) {
	const parts, lanes = 20, 8
	held := make([]int64, parts)
	for part := range parts {
		var all errgroup.Group
		for lane := range lanes {
			all.Go(func() error {
				for n := lane; n < r.o.Calls/parts; n += lanes {
					q := r.question()
					if n%2 == 0 {
						q = varied(r.someone(), r.desc.params, base+part*r.o.Calls/parts+n)
					}
					if err := r.askSoon(ctx, q); status.Code(err) == codes.DeadlineExceeded || !r.p.running() {
						return err
					}
				}
				return nil
			})
		}
		if err := all.Wait(); err != nil {
			return 0, 0, err
		}
		held[part], _ = r.p.resident()
	}
	return slices.Max(held[parts/5 : parts/5+3]), slices.Min(held[parts-3:]), nil
}
