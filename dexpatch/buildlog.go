package dexpatch

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// buildLog reads what go build -v writes: a line for each module it downloads and each package it compiles.
type buildLog struct {
	mu                  sync.Mutex
	text                bytes.Buffer
	rest                string
	modules, packages   int
	say                 func(string)
	began               time.Time
	ticker              *time.Ticker
	done, tellerStopped chan struct{}
}

func newBuildLog(say func(string)) *buildLog {
	l := &buildLog{
		say: say, began: time.Now(), ticker: time.NewTicker(5 * time.Second),
		done: make(chan struct{}), tellerStopped: make(chan struct{}),
	}
	go l.tell()
	return l
}

func (l *buildLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	lines := strings.Split(l.rest+string(p), "\n")
	l.rest = lines[len(lines)-1]
	for _, line := range lines[:len(lines)-1] {
		if strings.HasPrefix(line, "go: downloading ") {
			l.modules++
		} else if !strings.ContainsAny(line, " :#\t") {
			l.packages++
		}
	}
	return len(p), nil
}

// tell says how far the build is until stop.
func (l *buildLog) tell() {
	defer close(l.tellerStopped)
	for {
		select {
		case <-l.done:
			return
		case <-l.ticker.C:
			l.say(l.state())
		}
	}
}

func (l *buildLog) state() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := fmt.Sprintf("%s: ", time.Since(l.began).Round(time.Second))
	if l.modules > 0 {
		s += fmt.Sprintf("%d modules downloaded, ", l.modules)
	}
	return s + fmt.Sprintf("%d packages compiled", l.packages)
}

func (l *buildLog) stop() {
	l.ticker.Stop()
	close(l.done)
	<-l.tellerStopped
}

// explain turns the end of a failed build into an error for a person.
func (l *buildLog) explain(version string, err error) error {
	var complaints []string
	for line := range strings.Lines(l.text.String()) {
		if line = strings.TrimRight(line, "\n"); strings.ContainsAny(line, " :\t") && !strings.HasPrefix(line, "go: downloading ") {
			complaints = append(complaints, line)
		}
	}
	text := lastLines(strings.Join(complaints, "\n"), 15)
	if text == "" {
		text = err.Error()
	}
	err = refusal(text)
	switch {
	case errors.Is(err, ErrNoSpace), errors.Is(err, ErrOldGo):
		return err
	case strings.Contains(text, "dial tcp"), strings.Contains(text, "module lookup disabled"), strings.Contains(text, "reading http"),
		strings.Contains(text, "checksum mismatch"), strings.Contains(text, "missing go.sum entry"):
		return err
	}
	return &BuildError{Version: version, Output: text}
}
