package answers

import (
	"context"
	"strings"
	"sync"
	"time"
)

// shelf is a store in memory. What it does wrong is set before it is used, or under mu.
type shelf struct {
	mu     sync.Mutex
	rows   map[string]shelved
	err    error         // of every call
	slow   time.Duration // every call takes this long
	writes int
}

type shelved struct {
	at    time.Time
	value string
}

func newShelf() *shelf { return &shelf{rows: map[string]shelved{}} }

func (s *shelf) touch(ctx context.Context) error {
	s.mu.Lock()
	slow, err := s.slow, s.err
	s.mu.Unlock()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

func (s *shelf) Load(ctx context.Context, plugin, id string) ([]byte, time.Time, error) {
	if err := s.touch(ctx); err != nil {
		return nil, time.Time{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.rows[plugin+" "+id]
	if !ok {
		return nil, time.Time{}, nil
	}
	return []byte(row.value), row.at, nil
}

func (s *shelf) Save(ctx context.Context, plugin, id string, at time.Time, value []byte) error {
	if err := s.touch(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	s.rows[plugin+" "+id] = shelved{at: at, value: string(value)}
	return nil
}

func (s *shelf) Remove(ctx context.Context, plugin, id string) error {
	if err := s.touch(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.rows, plugin+" "+id)
	return nil
}

func (s *shelf) Erase(ctx context.Context, match func(string, []byte) bool) (n int, err error) {
	if err := s.touch(ctx); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, row := range s.rows {
		if plugin, _, _ := strings.Cut(id, " "); match(plugin, []byte(row.value)) {
			delete(s.rows, id)
			n++
		}
	}
	return n, nil
}

// broken makes every call fail, or not any more.
func (s *shelf) broken(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// held is what is kept: the values, by their plugins.
func (s *shelf) held() (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range s.rows {
		out = append(out, row.value)
	}
	return out
}

// put changes the one row there is.
func (s *shelf) put(change func(*shelved)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, row := range s.rows {
		change(&row)
		s.rows[id] = row
	}
}
