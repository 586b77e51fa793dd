package pipeline

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"
)

// defaultGrants are those in which a person, or the device of a person, is known to have signed in with the connector.
// Token exchange accepts upstream tokens that were issued to any application, and a password grant never saw a browser.
var defaultGrants = []string{"authorization_code", "implicit", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"}

// WithheldGrants are the others of people that Dex knows.
func WithheldGrants() []string {
	return []string{"password", "urn:ietf:params:oauth:grant-type:token-exchange"}
}

// together counts the lookups at the front that need nothing of each other and can be made at the same time.
func together(steps []Step) int {
	n := 1
	for n < len(steps) && steps[n].Lookup != nil {
		for _, earlier := range steps[:n] {
			if slices.Contains(steps[n].Lookup.After, earlier.Lookup.Alias) {
				return n
			}
		}
		n++
	}
	return n
}

// asked is a lookup that is being made.
type asked struct {
	step     *Step
	question Question
	answer   *Answer
	took     time.Duration
	err      error
}

// lookups makes some lookups at the same time. None is given up because another failed; the first error in file order counts.
func (r *run) lookups(ctx context.Context, steps []Step) error {
	var calls []*asked
	for i := range steps {
		call, err := r.question(ctx, &steps[i])
		r.explainQuestion(ctx, &steps[i], call, err)
		if err != nil {
			return err
		}
		if call != nil {
			calls = append(calls, call)
		}
	}
	r.ask(ctx, calls)
	for _, c := range calls {
		r.trace.fact(c)
		r.explainAnswer(c)
		if c.err != nil {
			if c.step.Lookup.OnError != Continue {
				return &Error{Class: classOf(c.err, Unavailable), Path: c.step.Path, Pos: c.step.Pos, Err: c.err}
			}
			c.answer = &Answer{Failed: true, Facts: map[string]any{}}
		}
		r.state.Facts[c.step.Lookup.Alias] = c.answer
	}
	r.state.Version++
	r.pin(ctx, calls)
	return nil
}

// question evaluates when and with. Nil means that the lookup is not made.
func (r *run) question(ctx context.Context, s *Step) (*asked, error) {
	r.visit(s)
	if !r.mayAsk(s.Lookup) {
		r.withheld = append(r.withheld, s)
		return nil, nil
	}
	if ok, err := r.holds(ctx, s); !ok {
		return nil, err
	}
	r.ran()
	params, err := r.params(ctx, s.Lookup.With)
	if err != nil {
		return nil, err
	}
	return &asked{step: s, question: Question{
		Connector: r.in.Connector, Exchange: r.in.RequestID, Params: params, Person: []string{r.in.Identity.Email, r.in.Identity.UserID},
	}}, nil
}

// mayAsk reports whether the request is one in which the lookup is made: people only, and only in its grants.
func (r *run) mayAsk(l *Lookup) bool {
	if !r.in.IsUser() {
		return false
	}
	if r.in.Stage == StageLogin {
		return true
	}
	return AskedIn(l.Grants, r.in.Grant)
}

// AskedIn reports whether a lookup with these grants, nil for the default, is made for a grant.
func AskedIn(grants []string, grant string) bool {
	if grants == nil {
		grants = defaultGrants
	}
	return slices.Contains(grants, grant)
}

// params writes the parameters as an object with sorted keys, so that equal questions are equal bytes.
func (r *run) params(ctx context.Context, with []Assignment) (json.RawMessage, error) {
	object := append(make([]byte, 0, 64*(1+len(with))), '{')
	for i := range with {
		value, err := r.value(ctx, &with[i])
		if err != nil {
			return nil, err
		}
		if i > 0 {
			object = append(object, ',')
		}
		object = append(append(append(object, '"'), with[i].Name...), '"', ':')
		object = append(object, value...)
	}
	return append(object, '}'), nil
}

// ask waits for all calls. An answer that this run already has is not asked for again.
func (r *run) ask(ctx context.Context, calls []*asked) {
	one := func(c *asked) {
		start := time.Now()
		switch given, asking := r.in.Given, r.in.Asking; {
		case given != nil:
			c.answer, c.err = given(c.step.Lookup, c.question)
		case asking != nil:
			ctx, told := asking(ctx, c.step)
			c.answer, c.err = c.step.Lookup.Asker.Ask(ctx, c.question)
			told(c.answer, c.err)
		default:
			c.answer, c.err = c.step.Lookup.Asker.Ask(ctx, c.question)
		}
		c.took = time.Since(start)
	}
	var fresh []*asked
	for _, c := range calls {
		if c.answer = r.answers[c.key()]; c.answer == nil {
			fresh = append(fresh, c)
		}
	}
	if len(fresh) == 1 {
		one(fresh[0])
	} else {
		var all sync.WaitGroup
		for _, c := range fresh {
			all.Go(func() { one(c) })
		}
		all.Wait()
	}
	for _, c := range fresh {
		r.result.Asked = append(r.result.Asked, Asked{
			Alias: c.step.Lookup.Alias, Plugin: c.step.Lookup.Plugin, Params: c.question.Params, Answer: c.answer, Err: c.err,
		})
		if c.err == nil {
			r.answers[c.key()] = c.answer
		}
	}
}

func (c *asked) key() string { return c.step.Lookup.Alias + "\x00" + string(c.question.Params) }

// oneLine keeps a client's id from breaking out of a sentence.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}
