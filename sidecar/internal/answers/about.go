package answers

import (
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
)

// tag is a digest of what a person is known by, so that no cache holds an address.
type tag [16]byte

func tagOf(person string) tag {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.TrimSpace(person))))
	return tag(sum[:16])
}

func tagsOf(people []string) (out []tag) {
	for _, p := range people {
		if p != "" {
			out = append(out, tagOf(p))
		}
	}
	return out
}

// maxAbout is for how many an answer is remembered by name. One that more have got is about nobody in particular.
const maxAbout = 8

// about is to whom an answer was given.
type about struct {
	mu   sync.Mutex
	tags []tag
	any  bool // more than can be remembered, or nobody knows: whoever is to be dropped may be among them
}

// add notes somebody, and reports whether that is new.
func (a *about) add(tags []tag) (news bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range tags {
		switch {
		case a.any || slices.Contains(a.tags, t):
		case len(a.tags) == maxAbout:
			a.any, a.tags, news = true, nil, true
		default:
			a.tags, news = append(a.tags, t), true
		}
	}
	return news
}

// has reports whether t may be among them.
func (a *about) has(t tag) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.any || slices.Contains(a.tags, t)
}

// list returns nil when there are too many.
func (a *about) list() []tag {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.tags)
}
