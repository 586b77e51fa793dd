package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// Request is a recorded request with its values, as it is sealed.
type Request struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	Digest  string    `json:"digest"`
	Outcome Outcome   `json:"outcome"`
	Rule    string    `json:"rule,omitempty"`
	Wire    []byte    `json:"request"` // ExtendPayloadRequest
	Asked   []Lookup  `json:"asked,omitempty"`

	Request *hookv1.ExtendPayloadRequest `json:"-"` // of Wire
}

// Lookup is a question and what came of it.
type Lookup struct {
	Alias   string          `json:"alias"`
	Plugin  string          `json:"plugin"`
	Params  json.RawMessage `json:"params"`
	Answer  *Answer         `json:"answer,omitempty"` // nil when it failed
	Err     string          `json:"err,omitempty"`
	Bond    pipeline.Bond   `json:"bond,omitempty"` // of its link
	Issuer  string          `json:"issuer,omitempty"`
	Subject string          `json:"subject,omitempty"` // whom the link is for, or would be
}

// Answer is what a plugin found.
type Answer struct {
	Found   bool            `json:"found"`
	Problem string          `json:"problem,omitempty"`
	Stale   bool            `json:"stale,omitempty"`
	Age     time.Duration   `json:"ageNs,omitempty"`
	Source  string          `json:"source"`
	Facts   json.RawMessage `json:"facts"`
}

func encode(e *Entry, v *Values) ([]byte, error) {
	wire, err := proto.Marshal(v.Request)
	if err != nil {
		return nil, err
	}
	out := Request{ID: e.ID, At: e.At, Digest: e.Digest, Outcome: e.Outcome, Rule: e.Rule, Wire: wire}
	for _, a := range v.Asked {
		one := Lookup{Alias: a.Alias, Plugin: a.Plugin, Params: a.Params, Bond: a.Bond, Issuer: a.Issuer, Subject: a.Subject}
		if a.Err != nil {
			one.Err = a.Err.Error()
		} else {
			facts, err := json.Marshal(a.Answer.Facts)
			if err != nil {
				return nil, err
			}
			one.Answer = &Answer{
				Found: a.Answer.Found, Problem: a.Answer.Problem, Stale: a.Answer.Stale, Age: a.Answer.Age, Source: a.Answer.Source, Facts: facts,
			}
		}
		out.Asked = append(out.Asked, one)
	}
	return json.Marshal(out)
}

func decode(data []byte) (*Request, error) {
	r := &Request{Request: &hookv1.ExtendPayloadRequest{}}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	if err := proto.Unmarshal(r.Wire, r.Request); err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	return r, nil
}

// Found are the lookups as the run made them, typed by what the plugins' answers are typed by now. unusable are plugins whose facts do
// not fit that any more.
func (r *Request) Found(types map[string]*facts.Type) (asked []pipeline.Asked, unusable map[string]bool) {
	unusable = make(map[string]bool)
	for _, a := range r.Asked {
		one := pipeline.Asked{Alias: a.Alias, Plugin: a.Plugin, Params: a.Params, Bond: a.Bond, Issuer: a.Issuer, Subject: a.Subject}
		if a.Answer == nil {
			one.Err = errors.New(a.Err)
			asked = append(asked, one)
			continue
		}
		t := types[a.Plugin]
		if t == nil {
			continue
		}
		values, err := t.Decode(a.Answer.Facts)
		if err != nil {
			unusable[a.Plugin] = true
			continue
		}
		one.Answer = &pipeline.Answer{
			Found: a.Answer.Found, Problem: a.Answer.Problem, Stale: a.Answer.Stale, Age: a.Answer.Age, Source: a.Answer.Source, Facts: values,
		}
		asked = append(asked, one)
	}
	return asked, unusable
}

func (r *Request) person(j *Journal) *Person {
	var asked []pipeline.Asked
	for _, q := range r.Asked {
		asked = append(asked, pipeline.Asked{Plugin: q.Plugin, Subject: q.Subject})
	}
	id := r.Request.GetIdentity()
	return j.person(r.Request.GetConnectorId(), pipeline.Identity{UserID: id.GetUserId(), Email: id.GetEmail()}, asked)
}
