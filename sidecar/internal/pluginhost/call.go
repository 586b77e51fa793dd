package pluginhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// word is what a problem must be.
var word = regexp.MustCompile(`^[A-Za-z0-9_-]{0,64}$`)

// lookup asks the plugin. A call that fails while a file of the plugin was replaced is answered by the process that has the new one.
func (p *Plugin) lookup(ctx context.Context, params json.RawMessage, fresh bool) (*pipeline.Answer, error) {
	p.renew(ctx, false)
	p.host.said.ask()
	asked := p.sup.current()
	answer, err := p.once(ctx, params, fresh)
	if err == nil {
		return answer, nil
	}
	p.renew(ctx, true)
	if now := p.sup.current(); asked == nil || len(asked.granted) == 0 || now == asked || asked.granted.replaced() == "" {
		return nil, err
	}
	return p.once(ctx, params, fresh)
}

// once asks the plugin once, or twice if its process died before it answered.
func (p *Plugin) once(ctx context.Context, params json.RawMessage, fresh bool) (*pipeline.Answer, error) {
	resp, err := call(ctx, p, func(inst *instance, opts ...grpc.CallOption) (*pluginv1.LookupResponse, error) {
		return inst.api.Lookup(ctx, &pluginv1.LookupRequest{Params: params, Fresh: fresh}, opts...)
	})
	if err != nil {
		return nil, p.callError("lookup", err, params)
	}
	answer, err := p.answer(resp)
	if err != nil {
		return nil, fmt.Errorf("plugin %s: lookup: its answer: %w", p.Name(), err)
	}
	return answer, nil
}

// answer holds resp against what the plugin promised.
func (p *Plugin) answer(resp *pluginv1.LookupResponse) (*pipeline.Answer, error) {
	switch {
	case resp.GetFound() && resp.GetProblem() != "":
		return nil, errors.New("found and a problem at once")
	case !word.MatchString(resp.GetProblem()):
		return nil, errors.New("the problem is not one word")
	case resp.GetAgeMs() < 0 || resp.GetAgeMs() > int64(answers.MaxAge/time.Millisecond):
		return nil, errors.New("the age is out of range")
	}
	if most, declared := p.MaxAge(); declared && time.Duration(resp.GetAgeMs())*time.Millisecond > most+p.host.o.CallTimeout {
		return nil, errors.New("it is older than the plugin declares") // a call may take as long as that more
	}
	values, err := p.desc.Facts.Decode(resp.GetFacts())
	if err != nil {
		return nil, errors.New("facts that are not in the schema" + p.words(err.Error())) // a name in them may be anything
	}
	return &pipeline.Answer{
		Found: resp.GetFound(), Problem: resp.GetProblem(), Facts: values, Size: len(resp.GetFacts()),
		Age: time.Duration(resp.GetAgeMs()) * time.Millisecond, Source: "plugin",
	}, nil
}

// call asks the current instance, and holds it meanwhile. If its process dies before there is an answer, it asks the next one, once.
func call[R any](ctx context.Context, p *Plugin, ask func(*instance, ...grpc.CallOption) (R, error)) (R, error) {
	for again := false; ; again = true {
		inst, err := p.sup.get(ctx)
		if err != nil {
			var none R
			return none, notAsked{err}
		}
		var header, trailer metadata.MD
		r, err := ask(inst, grpc.Header(&header), grpc.Trailer(&trailer))
		inst.calls.end()
		// A plugin that answers "unavailable" sends metadata with it; a connection that breaks does not.
		answered := len(header) > 0 || len(trailer) > 0
		if err == nil || again || answered || !broken(ctx, err) || !lost(ctx, inst) {
			return r, err
		}
	}
}

// notAsked is why there was nobody to ask. Its text is shown in full.
type notAsked struct{ error }

// broken reports whether err can be that of a connection: it broke, or was closed because its process is dead.
func broken(ctx context.Context, err error) bool {
	c := status.Code(err)
	return c == codes.Unavailable || c == codes.Canceled && ctx.Err() == nil
}

// lost waits for the end of a process whose connection broke. One that lives on without its connection is of no use.
func lost(ctx context.Context, inst *instance) bool {
	if !waitBriefly(inst.exited) {
		inst.kill()
	}
	select {
	case <-inst.exited:
		return true
	case <-ctx.Done():
		return false
	}
}

// words returns what stands in an error in the place of text, which p said.
func (p *Plugin) words(text string) string { return p.host.said.words(p.Name(), text) }

// callError says what kind of failure it was. params are blotted out of what the plugin said, wherever that goes.
func (p *Plugin) callError(what string, err error, params json.RawMessage) error {
	if none := (notAsked{}); errors.As(err, &none) {
		return &answers.CallError{Text: none.Error(), Cause: none.error, Unasked: true}
	}
	st := status.Convert(err)
	text := fmt.Sprintf("plugin %s: %s: ", p.Name(), what)
	switch st.Code() {
	case codes.DeadlineExceeded:
		return &answers.CallError{Text: text + "no answer in time", Cause: context.DeadlineExceeded}
	case codes.Canceled:
		return &answers.CallError{Text: text + "canceled", Cause: context.Canceled}
	}
	return &answers.CallError{Text: text + codeName(st.Code()) + p.launch.refusedBy(st.Message()) + p.words(line(blot(st.Message(), params))), Cause: err}
}

// configureError is callError for a configuration that inst, which may be nil, was given. What a process prints of it may hold
// secrets and is not told: only how it ended is.
func (p *Plugin) configureError(ctx context.Context, inst *instance, err error) error {
	if errors.As(err, new(notAsked)) || !broken(ctx, err) || inst == nil || !waitBriefly(inst.exited) {
		return p.callError("configure", err, nil)
	}
	r := inst.report()
	text := fmt.Sprintf("plugin %s: configure: its process ended (%s)", p.Name(), r)
	if r.lines > 0 {
		text += fmt.Sprintf("; what it printed may hold secrets and is not shown (lines: %d): claimsmith plugin verify --show-output shows it", r.lines)
	}
	return &answers.CallError{Text: text, Cause: err}
}

func codeName(c codes.Code) string {
	var b strings.Builder
	for i, r := range c.String() {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// line returns s as one short line.
func line(s string) string {
	const most = 300
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return s
}

// blot removes the strings of params from text, in any case and as they look inside a URL or a quoted string. Plugins put
// what they were asked into their errors without thinking: the text of an HTTP error is the URL.
func blot(text string, params json.RawMessage) string {
	var forms []string
	confine.EachText(params, func(_, s string) {
		if len(s) < 3 {
			return
		}
		quoted := strconv.Quote(s)
		for _, f := range []string{s, url.QueryEscape(s), url.PathEscape(s), quoted[1 : len(quoted)-1]} {
			forms = append(forms, regexp.QuoteMeta(f))
		}
	})
	if len(forms) == 0 {
		return text
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) }) // the longest first
	re, err := regexp.Compile("(?i)" + strings.Join(forms, "|"))
	if err != nil {
		return "(its text is too long to be checked)"
	}
	return re.ReplaceAllString(text, "…")
}
