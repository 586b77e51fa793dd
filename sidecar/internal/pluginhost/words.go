package pluginhost

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
)

const (
	maxLine  = 64 << 10 // longer lines of stderr are cut
	maxTrace = 8        // lines of a crash

	maxLogged = 256 << 10 // bytes of log records of one process that reach the log in each minute
)

// words takes what a process prints: log records go to the log, everything else is counted. See the package documentation for
// which part is shown when.
type words struct {
	plugin  string
	log     *slog.Logger
	said    *sayings
	raw     io.Writer // may be nil
	wrapped bool      // the first line is the wrapper's
	refuses func(line string) confine.Refusal

	mu      sync.Mutex
	begun   bool            // there was a line
	around  *confine.Report // what the wrapper reported
	secret  bool            // the plugin is configured and may know what must not be logged
	lines   int             // how many there were that did not reach the log
	logged  int             // bytes of records that did since the minute began
	minute  time.Time
	printed confine.Words
	refused confine.Refusal // the last one that it printed
	trace   []string        // of a crash of the Go runtime
	inStack bool            // between the head and the end of the first stack

	warnings int       // logged by the plugin, and not told to the log yet
	noticed  time.Time // when the log was told of some
}

// read takes the lines of r until it ends.
func (w *words) read(r io.Reader) {
	br := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := br.ReadSlice('\n')
		cut := errors.Is(err, bufio.ErrBufferFull)
		if len(line) > 0 {
			w.line(bytes.TrimRight(line, "\r\n"), !cut)
		}
		for cut { // skip the rest of it
			_, err = br.ReadSlice('\n')
			cut = errors.Is(err, bufio.ErrBufferFull)
		}
		if err != nil {
			return
		}
	}
}

func (w *words) line(line []byte, whole bool) {
	if w.first(line) || confine.Echoes(string(line)) {
		return
	}
	if bytes.HasPrefix(line, []byte("{")) && !w.admits(len(line)) {
		return
	}
	if rec, ok := parseRecord(line); ok && whole {
		w.record(rec)
		if rec.level >= slog.LevelWarn {
			w.remember(rec.String())
		}
		return
	}
	if w.raw != nil {
		_, _ = w.raw.Write(append(bytes.Clone(line), '\n'))
	}
	w.mu.Lock()
	w.lines++
	w.stack(string(line))
	w.noteRefusal(string(line))
	w.mu.Unlock()
	w.remember(string(line))
}

// noteRefusal keeps what was refused, if text says that something was. w.mu is held.
func (w *words) noteRefusal(text string) {
	if refused := w.refuses(text); refused.Rule != "" {
		w.refused = refused
	}
}

// admits reports whether another record of n bytes may reach the log, and counts it if not: a plugin does not fill the disk of its host.
func (w *words) admits(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := time.Now(); now.Sub(w.minute) >= time.Minute {
		w.minute, w.logged = now, 0
	}
	if w.logged >= maxLogged {
		w.lines++
		return false
	}
	if w.logged += n; w.logged >= maxLogged {
		w.log.Warn("the plugin logs too much: what it logs in the rest of this minute is counted and left out")
	}
	return true
}

// noticeEvery is how often the log says at most that a plugin logged something.
const noticeEvery = time.Minute

// record passes a log record on: to the log as long as the plugin knows nobody, then to memory. The log says that there are warnings
// and how many, and nothing of what they say.
func (w *words) record(rec record) {
	if !w.said.knowing() {
		rec.emit(w.log, rec.level)
		return
	}
	w.said.line(w.plugin, rec.level.String()+" "+rec.String())
	if rec.level < slog.LevelWarn {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.warnings++
	if now := w.said.now(); w.noticed.IsZero() || now.Sub(w.noticed) >= noticeEvery {
		w.log.Warn("the plugin logged warnings: claimsmith plugin status shows them", slog.Int("warnings", w.warnings))
		w.noticed, w.warnings = now, 0
	}
}

// first reports whether line is the wrapper's report, and keeps it. A plugin cannot say it: it prints later.
func (w *words) first(line []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.begun || !w.wrapped {
		return false
	}
	w.begun = true
	w.around = confine.ParseReport(string(line))
	return w.around != nil
}

// confinement returns what the wrapper reported, or nil.
func (w *words) confinement() *confine.Report {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.around
}

// count takes what a plugin prints where no records are.
func (w *words) count(r io.Reader) {
	_, _ = io.Copy(counter{w}, r)
}

// counter counts the lines that are written to it.
type counter struct{ w *words }

func (c counter) Write(b []byte) (int, error) {
	c.w.mu.Lock()
	c.w.lines += bytes.Count(b, []byte("\n"))
	c.w.noteRefusal(string(b))
	c.w.mu.Unlock()
	if c.w.raw != nil {
		_, _ = c.w.raw.Write(b)
	}
	return len(b), nil
}

func (w *words) remember(line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.secret || strings.TrimSpace(line) == "" {
		return
	}
	w.printed.Add(line)
}

// hush forgets what was said, as from now on it may hold what must not be logged.
func (w *words) hush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secret, w.printed = true, confine.Words{}
}

// lastWords returns the end of a sentence about a plugin that did not start.
func (w *words) lastWords() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.printed.String()
}

// Lines of the Go runtime that hold no values. Arguments of functions are numbers, but some of them are the values of strings.
var (
	runtimePanic = regexp.MustCompile(`^(?:panic: runtime error|fatal error): [A-Za-z0-9 ,:'\[\]()*./-]{1,120}$`)
	goroutine    = regexp.MustCompile(`^goroutine \d+ .*\[[a-z ,0-9()]+\]:$`)
	function     = regexp.MustCompile(`^([A-Za-z0-9_./*()\[\]{}-]{1,150})\([^()]*\)$`)
)

// stack keeps of line what can be shown of a crash. w.mu is held.
func (w *words) stack(line string) {
	switch {
	case len(w.trace) >= maxTrace:
	case runtimePanic.MatchString(line):
		w.trace = append(w.trace, line)
	case strings.HasPrefix(line, "panic: "):
		w.trace = append(w.trace, "panic: (its text may hold personal data)")
	case len(w.trace) == 1 && goroutine.MatchString(line):
		w.inStack = true
	case line == "":
		w.inStack = false
	case w.inStack:
		if m := function.FindStringSubmatch(line); m != nil {
			w.trace = append(w.trace, m[1])
		}
	}
}

// unlogged is how many lines were printed that are no records.
func (w *words) unlogged() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lines
}

// report is how a process ended, as far as it can be told.
type report struct {
	how   string // signal: killed
	lines int    // what it printed and nobody saw
	trace string // of the Go runtime and what was refused, or what stands in their place, after how
	rule  string // by which something was refused; may be empty
}

// LogValue makes r a group of attributes.
func (r report) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("how", r.String()), slog.Int("unlogged_lines", r.lines)}
	if r.rule != "" {
		attrs = append(attrs, slog.String("refused_by", r.rule))
	}
	return slog.GroupValue(attrs...)
}

// String is r in one line.
func (r report) String() string { return r.how + r.trace }

// report returns what can be said of a process that ended so.
func (w *words) report(how string) report {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := report{how: how, lines: w.lines, rule: w.refused.Rule}
	trace := w.trace
	if w.refused.Hint != "" {
		trace = append(slices.Clone(trace), w.refused.Hint)
	}
	if len(trace) > 0 {
		r.trace = w.said.words(w.plugin, strings.Join(trace, "; "))
	}
	return r
}
