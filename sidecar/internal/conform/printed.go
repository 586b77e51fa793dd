package conform

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"sync"

	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
)

// kept of what a plugin prints: more says nothing new.
const (
	maxPrinted = 4 << 20
	maxLine    = 64 << 10 // the host cuts longer ones
)

// printed is all that a process wrote to one stream.
type printed struct {
	first  chan string // its first line, once
	report string      // what a line begins with that is not its own

	mu   sync.Mutex
	text []byte
	sent bool
	copy io.Writer // may be nil
}

func newPrinted(also io.Writer) *printed { return &printed{first: make(chan string, 1), copy: also} }

// Write implements io.Writer.
func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.copy != nil {
		_, _ = p.copy.Write(b)
	}
	if room := maxPrinted - len(p.text); room > 0 {
		p.text = append(p.text, b[:min(len(b), room)]...)
	}
	if end := bytes.IndexByte(p.text, '\n'); !p.sent && (end >= 0 || len(p.text) > maxHandshake) {
		p.sent = true
		p.first <- string(p.text[:max(end, min(len(p.text), maxHandshake+1))])
	}
	return len(b), nil
}

// lines are those that are not empty.
func (p *printed) lines() (lines []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for line := range strings.Lines(string(p.text)) {
		if line = strings.TrimSpace(line); line != "" && (p.report == "" || !strings.HasPrefix(line, p.report) && !confine.Echoes(line)) {
			lines = append(lines, line)
		}
	}
	return lines
}

// last is the end of a sentence about a process that did not start.
func (p *printed) last() string {
	var words confine.Words
	for _, line := range p.lines() {
		words.Add(line)
	}
	return words.String()
}

// isRecord reports whether the host would log line.
func isRecord(line string) bool {
	var record map[string]any
	if len(line) > maxLine || json.Unmarshal([]byte(line), &record) != nil {
		return false
	}
	_, level := record["@level"].(string)
	_, message := record["@message"].(string)
	return level && message
}
