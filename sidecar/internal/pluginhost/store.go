package pluginhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

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
	// Erase drops all, beyond recovery where the store can do that.
	Erase(ctx context.Context) error
}

// kept is an answer as it lies in the store. Only "found" is kept, which has no problem.
type kept struct {
	Facts json.RawMessage `json:"facts"`
	Age   time.Duration   `json:"ageNs,omitempty"` // that the plugin gave it
}

func encodeKept(a *pipeline.Answer) ([]byte, error) {
	facts, err := json.Marshal(a.Facts)
	if err != nil {
		return nil, fmt.Errorf("keep an answer: %w", err)
	}
	return json.Marshal(kept{Facts: facts, Age: a.Age})
}

// decodeKept holds what was kept against what p promises, as a live answer is.
func (p *Plugin) decodeKept(value []byte) (*pipeline.Answer, error) {
	var k kept
	if err := json.Unmarshal(value, &k); err != nil {
		return nil, errors.New("it is no kept answer") // err may quote it
	}
	if k.Age < 0 || k.Age > maxAge {
		return nil, errors.New("the age is out of range")
	}
	values, err := p.desc.Facts.Decode(k.Facts)
	if err != nil {
		return nil, fmt.Errorf("facts: %w", err)
	}
	return &pipeline.Answer{Found: true, Facts: values, Age: k.Age, Source: "store"}, nil
}
