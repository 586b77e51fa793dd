package sidecar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/lastgood"
	"github.com/claimsmith/claimsmith/sidecar/internal/links"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/record"
	"github.com/claimsmith/claimsmith/sidecar/internal/state"
	"github.com/claimsmith/claimsmith/sidecar/internal/textfile"
)

// kept is how many decisions are kept in memory, without values.
const kept = 1000

// memory is what a server remembers of its decisions.
type memory struct {
	ring   *record.Ring
	store  *state.Store    // nil: nothing survives a restart
	keeper *record.Keeper  // nil: no values are kept
	links  *links.Store    // nil: links cannot be kept
	facts  *lastgood.Store // nil: facts do not survive a restart
	limits *config.Record  // of keeper
}

// newMemory opens what the configuration asks for. That a store cannot be used now is no error: see state.
func newMemory(cfg *config.Config, log *slog.Logger) (_ memory, err error) {
	m := memory{ring: record.NewRing(kept)}
	if cfg.State == nil {
		return m, nil
	}
	if err := m.open(cfg.State, state.Options{Log: log}); err != nil || cfg.Record == nil {
		return m, err
	}
	key, err := state.ReadKey(cfg.Record.KeyFile)
	if err != nil {
		return memory{}, errors.Join(fmt.Errorf("record: %w", err), m.store.Close())
	}
	m.limits = cfg.Record
	m.keeper = record.NewKeeper(record.KeeperOptions{Store: m.store, Key: key, Max: cfg.Record.Max, MaxAge: cfg.Record.MaxAge, Log: log})
	return m, nil
}

// open opens the store, and the links and facts in it.
func (m *memory) open(at *config.State, o state.Options) (err error) {
	o.File = at.File
	if at.PostgresFile != "" {
		if o.Postgres, err = readLine(at.PostgresFile); err != nil {
			return fmt.Errorf("state: %w", err)
		}
	}
	store, err := state.Open(o)
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	key, err := state.ReadKey(at.KeyFile)
	if err != nil {
		return errors.Join(fmt.Errorf("state: %w", err), store.Close())
	}
	m.store, m.links, m.facts = store, links.New(store, key, at.AnchorFile), lastgood.New(store, key, o.Log)
	return nil
}

func (m *memory) close() error {
	if m.store == nil {
		return nil
	}
	return m.store.Close()
}

func readLine(file string) (string, error) {
	data, err := textfile.Read(file)
	return strings.TrimSpace(string(data)), err
}

// keptProblems are those of the files that state and record name. Nothing is connected to.
func keptProblems(cfg *config.Config, src *config.Source) (found []config.Problem) {
	problem := func(path string, err error) { found = append(found, src.Problem(path, err.Error(), "")) }
	keys := map[string]bool{}
	key := func(path, file string) {
		if file == "" || keys[file] {
			return
		}
		keys[file] = true
		if _, err := state.ReadKey(file); err != nil {
			problem(path, err)
		}
	}
	s := cfg.State
	if s == nil {
		return nil
	}
	key("state.keyFile", s.KeyFile)
	if s.PostgresFile != "" {
		dsn, err := readLine(s.PostgresFile)
		if err == nil {
			_, err = state.Open(state.Options{Postgres: dsn})
		}
		if err != nil {
			problem("state.postgresFile", err)
		}
	}
	if r := cfg.Record; r != nil {
		key("record.keyFile", r.KeyFile)
	}
	return found
}

// remember keeps a decision without its values, and hands the values to the record if there is one.
func (m *memory) remember(d *decision) {
	one := &record.Decision{
		ID: d.id, RequestID: d.request.GetRequestId(), Client: d.request.GetClientId(), Connector: d.request.GetConnectorId(),
		Stage: loggedStage(d.request.GetStage()), Grant: d.request.GetGrantType(), Outcome: record.Outcome(d.outcome()), Rule: d.rule(),
		At: d.start, Took: time.Since(d.start), Changes: d.changes(), Facts: d.trace.Facts, Visits: d.trace.Visits,
	}
	if d.active != nil {
		one.Digest, one.Outline = d.active.digest, d.active.set.pipeline.Outline
	}
	if d.err != nil {
		one.Err = d.err.Error()
	}
	if d.denial != nil {
		one.Refused = d.denial.Path
	}
	if slices.ContainsFunc(one.Facts, func(f pipeline.Fact) bool { return f.Err != nil }) {
		one.Facts = slices.Clone(one.Facts) // the trace is read by others too
		for i, f := range one.Facts {
			if f.Err != nil { // it may hold on to more than its text
				one.Facts[i].Err = errors.New(f.Err.Error())
			}
		}
	}
	m.ring.Add(one)
	if m.keeper == nil {
		return
	}
	request, asked := d.request, d.asked
	m.keeper.Keep(d.id, d.start, func() ([]byte, error) { return encodeRecorded(one, request, asked) })
}

// recorded is a request with its values, as it is sealed.
type recorded struct {
	ID      string           `json:"id"`
	At      time.Time        `json:"at"`
	Digest  string           `json:"digest"`
	Outcome record.Outcome   `json:"outcome"`
	Rule    string           `json:"rule,omitempty"`
	Request []byte           `json:"request"` // ExtendPayloadRequest
	Asked   []recordedLookup `json:"asked,omitempty"`
	request *hookv1.ExtendPayloadRequest
}

// recordedLookup is a question and what came of it.
type recordedLookup struct {
	Alias   string          `json:"alias"`
	Plugin  string          `json:"plugin"`
	Params  json.RawMessage `json:"params"`
	Answer  *recordedAnswer `json:"answer,omitempty"`
	Err     string          `json:"err,omitempty"`
	Bond    pipeline.Bond   `json:"bond,omitempty"` // of its link
	Issuer  string          `json:"issuer,omitempty"`
	Subject string          `json:"subject,omitempty"` // whom the link is for, or would be
}

type recordedAnswer struct {
	Found   bool            `json:"found"`
	Problem string          `json:"problem,omitempty"`
	Stale   bool            `json:"stale,omitempty"`
	Age     time.Duration   `json:"ageNs,omitempty"`
	Source  string          `json:"source"`
	Facts   json.RawMessage `json:"facts"`
}

func encodeRecorded(d *record.Decision, request *hookv1.ExtendPayloadRequest, asked []pipeline.Asked) ([]byte, error) {
	wire, err := proto.Marshal(request)
	if err != nil {
		return nil, err
	}
	out := recorded{ID: d.ID, At: d.At, Digest: d.Digest, Outcome: d.Outcome, Rule: d.Rule, Request: wire}
	for _, a := range asked {
		one := recordedLookup{Alias: a.Alias, Plugin: a.Plugin, Params: a.Params, Bond: a.Bond, Issuer: a.Issuer, Subject: a.Subject}
		if a.Err != nil {
			one.Err = a.Err.Error()
		} else {
			facts, err := json.Marshal(a.Answer.Facts)
			if err != nil {
				return nil, err
			}
			one.Answer = &recordedAnswer{
				Found: a.Answer.Found, Problem: a.Answer.Problem, Stale: a.Answer.Stale, Age: a.Answer.Age, Source: a.Answer.Source, Facts: facts,
			}
		}
		out.Asked = append(out.Asked, one)
	}
	return json.Marshal(out)
}

func decodeRecorded(data []byte) (*recorded, error) {
	r := &recorded{request: &hookv1.ExtendPayloadRequest{}}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	if err := proto.Unmarshal(r.Request, r.request); err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	return r, nil
}

// frozen answers with what was found then. Plugins whose facts have other types now cannot be used.
func (r *recorded) frozen(set *ruleSet) *frozen {
	types := set.sources()
	out := &frozen{usable: make(map[string]bool)}
	for name := range types {
		out.usable[name] = true
	}
	for _, a := range r.Asked {
		one := pipeline.Asked{Alias: a.Alias, Plugin: a.Plugin, Params: a.Params, Bond: a.Bond, Issuer: a.Issuer, Subject: a.Subject}
		if a.Answer == nil {
			one.Err = errors.New(a.Err)
			out.asked = append(out.asked, one)
			continue
		}
		t := types[a.Plugin]
		if t == nil {
			continue
		}
		values, err := t.Decode(a.Answer.Facts)
		if err != nil {
			out.usable[a.Plugin] = false
			continue
		}
		one.Answer = &pipeline.Answer{
			Found: a.Answer.Found, Problem: a.Answer.Problem, Stale: a.Answer.Stale, Age: a.Answer.Age, Source: a.Answer.Source, Facts: values,
		}
		out.asked = append(out.asked, one)
	}
	return out
}

// replay decides a recorded request once more and explains it. The note says what is not as it was.
func (set *ruleSet) replay(ctx context.Context, r *recorded, digest string) (_ *Explanation, note string, err error) {
	in, err := input(r.request)
	if err != nil {
		return nil, "", fmt.Errorf("the request made no sense: %w", err)
	}
	given := r.frozen(set)
	given.freeze(in)
	in.Explain = true
	start := time.Now()
	result, runErr := set.pipeline.Run(ctx, in)
	e, err := explanation(in, result, runErr, time.Since(start))
	if err != nil {
		return nil, "", err
	}
	var notes []string
	if r.Digest != digest {
		notes = append(notes, fmt.Sprintf("The configuration changed since: %s decided, and this is what %s makes of it.", r.Digest, digest))
	}
	if missing := given.notAsked(); len(missing) > 0 {
		notes = append(notes, "Nobody asked then: "+strings.Join(missing, ", ")+".")
	}
	if e.Outcome != string(r.Outcome) {
		notes = append(notes, fmt.Sprintf("It came out %s then, and %s now.", r.Outcome, e.Outcome))
	}
	return e, strings.Join(notes, " "), nil
}
