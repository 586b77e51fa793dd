package directory

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/sidecar/files"
)

// pause is between two looks at the file.
const pause = time.Second

// store keeps the people of a file. It is safe for concurrent use: who asks while the file is read waits for it.
type store struct {
	file     string
	writable bool // whether others may be able to write the file
	empty    bool // whether nobody may be in it
	parse    parser
	keep     time.Duration
	now      func() time.Time
	log      *slog.Logger

	mu     sync.Mutex
	people *people
	digest [sha256.Size]byte // of the content that people come from
	stamp  files.Stamp       // of the content that was read last, good or not
	fault  error             // what is wrong with that content
	looked time.Time         // when the file was looked at last
	good   time.Time         // when the file was last known to say what people say
	broken error             // why it does not; nil: it does
}

// newStore reads the file for the first time.
func newStore(c Config, now func() time.Time, log *slog.Logger) (*store, sdk.Problems) {
	parse, keep, wrong := c.settle()
	if len(wrong) > 0 {
		return nil, wrong
	}
	s := &store{file: c.File, writable: c.AllowWritable, empty: c.AllowEmpty, parse: parse, keep: keep, now: now, log: log}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looked = s.clock()
	var found sdk.Problems
	if err := s.look(); errors.As(err, &found) {
		return nil, found
	} else if err != nil {
		hint := ""
		if errors.As(err, &writableError{}) {
			hint = "or write allowWritable: true, if whoever can write it may decide who everybody is"
		}
		return nil, sdk.Problems{{Path: "file", Message: err.Error(), Hint: hint}}
	}
	if s.writable {
		s.log.Warn("others may be able to write the file of people: allowWritable is set")
	}
	return s, nil
}

// clock is the time on the wall: the other one stands still while a machine sleeps.
func (s *store) clock() time.Time { return s.now().Round(0) }

// current gives the people, and how long it is since the file said so if it does not any more. Then broken says why.
func (s *store) current() (p *people, age time.Duration, broken error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	if since := now.Sub(s.looked); since < 0 || since >= pause {
		s.looked = now
		s.note(s.look())
	}
	if s.broken == nil {
		return s.people, 0, nil
	}
	age = max(now.Sub(s.good), 0)
	if age > s.keep {
		return nil, age, s.broken
	}
	return s.people, age, s.broken
}

// note keeps what came of a look at the file, and tells what is new. s.mu is held.
func (s *store) note(err error) {
	switch {
	case err == nil:
		s.broken = nil
	case s.broken == nil || s.broken.Error() != err.Error():
		s.broken = err
		s.log.Warn("the file of people cannot be used: those who were in it before are answered with", "err", s.broken, "for", s.keep)
	}
}

// look reads the file if it has changed. s.mu is held.
func (s *store) look() error {
	info, err := os.Stat(s.file)
	if err != nil {
		return files.Reason(err)
	}
	if !s.writable {
		if err := files.WritableByOthers(s.file); err != nil {
			return writableError{err}
		}
	}
	if !s.stamp.Same(info) {
		s.fault = s.read()
	}
	if s.fault == nil {
		s.good = s.looked
	}
	return s.fault
}

// read takes the people of the file. s.mu is held.
func (s *store) read() error {
	began := s.clock()
	content, stamp, err := files.Read(s.file, maxFile)
	s.stamp = stamp
	if err != nil {
		return err
	}
	digest := sha256.Sum256(content)
	if s.people != nil && digest == s.digest {
		return nil
	}
	p, found := s.parse(content)
	if len(found) > 0 {
		return problems(filepath.Base(s.file), found)
	}
	if len(p.list) == 0 && !s.empty { // as a file is that was cut off, or came from a query that failed
		return sdk.Problems{{Path: "file", Message: filepath.Base(s.file) + ": nobody is in it", Hint: "write allowEmpty: true if that is meant"}}
	}
	s.people, s.digest = p, digest
	s.log.Info("people read", "people", len(p.list), "addresses", len(p.byAddress), "shared", p.shared(), "took", s.clock().Sub(began))
	return nil
}

// writableError is that of a file that others can write.
type writableError struct{ error }

func (e writableError) Unwrap() error { return e.error }

// unusable is the error for questions that only the new file could answer.
func unusable(why error) error {
	var found sdk.Problems
	if errors.As(why, &found) && len(found) > 0 {
		return fmt.Errorf("the file of people has changed and cannot be used: %s", found[0].Message)
	}
	return fmt.Errorf("the file of people cannot be used any more: %w", why)
}
