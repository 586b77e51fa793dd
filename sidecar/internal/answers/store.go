package answers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// MaxAge is how old an answer may call itself.
const MaxAge = 100 * 365 * 24 * time.Hour

// Store keeps answers past the end of the process, by plugin and id, which says nothing of what was asked. It is called
// concurrently, and never while somebody waits for longer than a short part of their time. Losing it costs answers that were
// known, and nothing else.
type Store interface {
	// Load returns what is kept, and when it came. Nil: there is nothing, or nothing that can be read.
	Load(ctx context.Context, plugin, id string) (value []byte, at time.Time, err error)
	// Save keeps a value in the place of the one that was there.
	Save(ctx context.Context, plugin, id string, at time.Time, value []byte) error
	// Remove drops a value, if there is one.
	Remove(ctx context.Context, plugin, id string) error
	// Erase drops what matches, and what cannot be read, beyond recovery where the store can do that. It returns how many matched.
	Erase(ctx context.Context, match func(plugin string, value []byte) bool) (int, error)
}

// kept is an answer as it lies in the store. Only "found" is kept, which has no problem.
type kept struct {
	Facts json.RawMessage `json:"facts"`
	Age   time.Duration   `json:"ageNs,omitempty"` // that the plugin gave it
	About [][]byte        `json:"about,omitempty"` // tags of whom it was given to; none: anybody
}

func encodeKept(e *entry) ([]byte, error) {
	facts, err := json.Marshal(e.answer.Facts)
	if err != nil {
		return nil, fmt.Errorf("keep an answer: %w", err)
	}
	out := kept{Facts: facts, Age: e.answer.Age}
	for _, t := range e.about.list() {
		out.About = append(out.About, t[:])
	}
	return json.Marshal(out)
}

// keptAbout reports whether what was kept may be about somebody. What does not tell may be.
func keptAbout(value []byte, who tag) bool {
	var k kept
	if json.Unmarshal(value, &k) != nil || len(k.About) == 0 {
		return true
	}
	return slices.ContainsFunc(k.About, func(t []byte) bool { return bytes.Equal(t, who[:]) })
}

// decodeKept holds what was kept against what p promises, as a live answer is.
func (p *Plugin) decodeKept(value []byte, at time.Time) (*entry, error) {
	var k kept
	if err := json.Unmarshal(value, &k); err != nil {
		return nil, errors.New("it is no kept answer") // err may quote it
	}
	if k.Age < 0 || k.Age > MaxAge {
		return nil, errors.New("the age is out of range")
	}
	values, err := p.facts.Decode(k.Facts)
	if err != nil {
		return nil, fmt.Errorf("facts: %w", err)
	}
	e := &entry{plugin: p.name, answer: &pipeline.Answer{Found: true, Facts: values, Size: len(k.Facts), Age: k.Age, Source: "store"}, at: at, saved: at}
	e.about.any = len(k.About) == 0
	for _, t := range k.About {
		if len(t) != len(tag{}) {
			return nil, errors.New("it is no kept answer")
		}
		e.about.tags = append(e.about.tags, tag(t))
	}
	return e, nil
}
