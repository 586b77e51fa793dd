package pluginhost

import (
	"crypto/rand"
	"encoding/base32"
	"regexp"
	"slices"
	"sync"
	"time"
)

// What a plugin says, or what is behind it, may hold a person in any form: in pieces, encoded, reversed. No filter finds that. So
// once a host has asked a question, no word of a plugin is part of an error, a log line or a status: an id stands in its place, and
// the words are kept here, for whoever may see them.

const (
	saidFor  = time.Hour // how long words are kept
	maxSaid  = 64        // errors of each plugin
	maxLines = 20        // log records of each plugin
)

// Saying is something that a plugin said.
type Saying struct {
	ID   string // stands in an error in the place of the words; empty: they were a log record
	At   time.Time
	Text string // one short line
}

// sayings are what plugins said lately.
type sayings struct {
	now func() time.Time

	mu     sync.Mutex
	asked  bool                // somebody may be in what is said from now on
	errors map[string][]Saying // by plugin, the oldest first
	lines  map[string][]Saying
}

func newSayings(now func() time.Time) *sayings {
	return &sayings{now: now, errors: map[string][]Saying{}, lines: map[string][]Saying{}}
}

// ask notes that plugins get to know people.
func (s *sayings) ask() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = true
}

// knowing reports whether plugins may know people.
func (s *sayings) knowing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// words returns what stands in an error in the place of text, which plugin said. Before the first question that is the text: a
// plugin that knows nobody yet says why it does not start.
func (s *sayings) words(plugin, text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.asked {
		return ": " + text
	}
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	id := base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").EncodeToString(random[:])[:6]
	s.errors[plugin] = s.added(s.errors[plugin], Saying{ID: id, Text: line(text)}, maxSaid)
	return " (words " + id + ")"
}

// line keeps a log record.
func (s *sayings) line(plugin, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines[plugin] = s.added(s.lines[plugin], Saying{Text: line(text)}, maxLines)
}

// added returns list with one more, and without what is too old or too much.
func (s *sayings) added(list []Saying, one Saying, most int) []Saying {
	one.At = s.now()
	list = append(s.young(list), one)
	return slices.Delete(list, 0, max(0, len(list)-most))
}

func (s *sayings) young(list []Saying) []Saying {
	return slices.DeleteFunc(list, func(one Saying) bool { return s.now().Sub(one.At) >= saidFor })
}

// of returns what a plugin said, the oldest first.
func (s *sayings) of(plugin string) []Saying {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errors[plugin], s.lines[plugin] = s.young(s.errors[plugin]), s.young(s.lines[plugin])
	all := slices.Concat(s.errors[plugin], s.lines[plugin])
	slices.SortStableFunc(all, func(a, b Saying) int { return a.At.Compare(b.At) })
	return all
}

// forget drops all.
func (s *sayings) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.errors)
	clear(s.lines)
}

var hidden = regexp.MustCompile(` \(words ([0-9A-Z]{6})\)`)

// Reveal puts the words of plugins back into the text of an error, as far as they are still kept. What comes of it is for whoever
// may see personal data, and for no log.
func (h *Host) Reveal(text string) string {
	return hidden.ReplaceAllStringFunc(text, func(found string) string {
		id := hidden.FindStringSubmatch(found)[1]
		h.said.mu.Lock()
		defer h.said.mu.Unlock()
		for plugin, list := range h.said.errors {
			list = h.said.young(list)
			h.said.errors[plugin] = list
			for _, one := range list {
				if one.ID == id {
					return ": " + one.Text
				}
			}
		}
		return found
	})
}
