package conform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
)

// word is what a problem must be.
var word = regexp.MustCompile(`^[A-Za-z0-9_-]{0,64}$`)

// answer is one that keeps the contract.
type answer struct {
	found   bool
	problem string
	facts   map[string]any
	raw     string
}

// someone is a question that finds nobody, as far as that can be known.
func (r *runner) someone() json.RawMessage {
	if len(r.o.Unknown) > 0 {
		return r.o.Unknown
	}
	return sample(r.desc.params)
}

// question is the best one there is to be asked often.
func (r *runner) question() json.RawMessage {
	if len(r.o.Known) > 0 {
		return r.o.Known
	}
	return r.someone()
}

// ask asks once. The error of an answer that breaks the contract is no status.
func (r *runner) ask(ctx context.Context, params json.RawMessage) (*answer, error) {
	resp, err := r.api.Lookup(ctx, &pluginv1.LookupRequest{Params: params})
	if err != nil {
		return nil, err
	}
	a := &answer{found: resp.GetFound(), problem: resp.GetProblem(), raw: string(resp.GetFacts())}
	const century = int64(100 * 365 * 24 * time.Hour / time.Millisecond)
	switch {
	case a.found && a.problem != "":
		return nil, errAnswer{"found is true, and there is a problem too"}
	case !word.MatchString(a.problem):
		return nil, errAnswer{"its problem is not one word of letters, digits, - and _, at most 64"}
	case resp.GetAgeMs() < 0 || resp.GetAgeMs() > century:
		return nil, errAnswer{fmt.Sprintf("age_ms is %d", resp.GetAgeMs())}
	}
	if a.facts, err = r.desc.facts.Decode(resp.GetFacts()); err != nil {
		return nil, errAnswer{fmt.Sprintf("its facts do not fit its schema: %v", err)}
	}
	return a, nil
}

// errAnswer is an answer that breaks the contract.
type errAnswer struct{ text string }

func (e errAnswer) Error() string { return e.text }

// unanswered says what came instead of an answer, and judges its text.
func (r *runner) unanswered(err error) verdict {
	if bad := (errAnswer{}); errors.As(err, &bad) {
		return broken("%s", bad.text)
	}
	if repeats(status.Convert(err).Message(), r.values) {
		return broken("its error repeats what it was asked: %s", code(status.Code(err))).but("errors are logged: leave the question out of them")
	}
	return broken("Lookup gave %s", said(err))
}

// replies asks once and does not look at the answer: others did.
func (r *runner) replies(ctx context.Context, params json.RawMessage) error {
	_, err := r.ask(ctx, params)
	if errors.As(err, new(errAnswer)) {
		return nil
	}
	return err
}

// answers judges whether it still answers.
func (r *runner) answers(ctx context.Context, when string) verdict {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := r.replies(ctx, r.question()); err != nil {
		v := r.unanswered(err)
		v.detail = when + ": " + v.detail
		return v
	}
	return kept("")
}

func (r *runner) known(ctx context.Context) verdict {
	if len(r.o.Known) == 0 {
		return untried("no person that is there is known").but(`give a question with --known '{...}'`)
	}
	a, err := r.ask(ctx, r.o.Known)
	if err != nil {
		return r.unanswered(err)
	}
	if !a.found {
		return broken("found is false, with the problem %s", confine.Quote(a.problem))
	}
	if len(r.o.Facts) == 0 {
		return kept("")
	}
	want, err := exact(r.o.Facts)
	if err != nil {
		return broken("--facts: %v", err)
	}
	if name := stranger("", want, r.desc.facts); name != "" {
		return broken("--facts has %s, which is none of its facts", name)
	}
	got, _ := exact([]byte(a.raw)) // ask has decoded it; without facts there is nothing in it
	if wrong := differs("", want, got); wrong != "" {
		return broken("%s", wrong)
	}
	return kept("")
}

func (r *runner) unknown(ctx context.Context) verdict {
	a, err := r.ask(ctx, r.someone())
	switch {
	case err != nil && len(r.o.Unknown) == 0 && (status.Code(err) == codes.InvalidArgument || status.Code(err) == codes.DataLoss):
		return untried("a question made up from its schema was refused: %s", said(err)).but(`give a better one with --unknown '{...}'`)
	case err != nil:
		return r.unanswered(err)
	case a.found && len(r.o.Unknown) == 0:
		return untried("it finds somebody for a question that was made up from its schema").but(`give a better one with --unknown '{...}'`)
	case a.found:
		return broken("found is true")
	case a.problem == "":
		return verdict{outcome: Warning, detail: "rules cannot tell why nobody was found: its problem is empty", hint: `"none" is the usual word`}
	}
	return kept("%s", a.problem)
}

func (r *runner) badParams(ctx context.Context) verdict {
	type try struct{ what, params string }
	tries := []try{
		{"with an unknown name", string(with(r.question(), strange, `"`+mark+`"`))},
		{"that is no JSON", `{"` + mark},
		{"that is a list", `["` + mark + `"]`},
	}
	for _, name := range r.desc.params.Names() {
		value := wrong(r.desc.params.Fields[name])
		tries = append(tries, try{"with " + name + ": " + value, string(with(r.question(), name, value))})
	}
	for _, name := range r.desc.params.Required {
		tries = append(tries, try{"without " + name, string(without(r.question(), name))})
	}
	for _, t := range tries {
		_, err := r.ask(ctx, json.RawMessage(t.params))
		if status.Code(err) != codes.InvalidArgument {
			return broken("a question %s gave %s, not INVALID_ARGUMENT", t.what, said(err))
		}
		if repeats(status.Convert(err).Message(), r.values) {
			return r.unanswered(err)
		}
	}
	return kept("")
}

func (r *runner) numbers(ctx context.Context) verdict {
	const exact, rounded = "9007199254740993", "9007199254740992" // no double is the first
	tried := false
	for _, name := range r.desc.params.Names() {
		if r.desc.params.Fields[name].Kind != facts.Int {
			continue
		}
		tried = true
		if _, err := r.ask(ctx, with(r.question(), name, "1.5")); status.Code(err) != codes.InvalidArgument {
			return broken("%s is an integer, and 1.5 gave %s, not INVALID_ARGUMENT", name, said(err))
		}
		a, err := r.ask(ctx, with(r.question(), name, exact))
		switch {
		case err != nil && status.Code(err) != codes.InvalidArgument && !errors.As(err, new(errAnswer)):
			return r.unanswered(err)
		case err == nil && (strings.Contains(a.raw, rounded) || strings.Contains(a.raw, "9.00719925")):
			return broken("%s: %s came back as another number", name, exact).but("it went through a double: read and write integers as integers")
		}
	}
	if !tried && (len(r.o.Known) == 0 || !hasInt(r.desc.facts)) { // known judged how those of facts are written
		return untried("it is asked for and answers no integers, or there was no --known")
	}
	return kept("")
}
