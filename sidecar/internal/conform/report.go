package conform

import (
	"fmt"
	"io"
	"strings"
)

// Outcome is how a check went.
type Outcome string

const (
	Kept    Outcome = "kept"
	Broken  Outcome = "broken"
	Warning Outcome = "warning" // kept by the letter, but whoever wrote the plugin should look
	Untried Outcome = "untried" // what the check needs was not given
)

// Check is one clause of the contract and what became of it.
type Check struct {
	ID      string  `json:"id"`
	Name    string  `json:"name"`
	Outcome Outcome `json:"outcome"`
	Detail  string  `json:"detail,omitempty"` // what was seen; why it was not tried
	Hint    string  `json:"hint,omitempty"`
}

// Report is what a plugin made of the contract.
type Report struct {
	Plugin  string  `json:"plugin"` // as it describes itself; empty when it does not
	Version string  `json:"version"`
	Checks  []Check `json:"checks"`
}

// Failed returns how many clauses were broken.
func (r *Report) Failed() int { return r.count(Broken) }

func (r *Report) count(o Outcome) (n int) {
	for _, c := range r.Checks {
		if c.Outcome == o {
			n++
		}
	}
	return n
}

// labels are what people see.
func (o Outcome) label() string {
	switch o {
	case Kept:
		return "ok  "
	case Broken:
		return "FAIL"
	case Warning:
		return "warn"
	}
	return "--  "
}

// Render writes the report for people.
func (r *Report) Render(w io.Writer) error {
	var b strings.Builder
	if r.Plugin != "" {
		fmt.Fprintf(&b, "%s %s\n\n", r.Plugin, r.Version)
	}
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "%s  %s", c.Outcome.label(), c.Name)
		if c.Outcome == Kept && c.Detail != "" {
			fmt.Fprintf(&b, " (%s)", c.Detail)
		}
		b.WriteByte('\n')
		if c.Outcome != Kept && c.Detail != "" {
			fmt.Fprintf(&b, "      %s\n", c.Detail)
		}
		if c.Hint != "" {
			fmt.Fprintf(&b, "      hint: %s\n", c.Hint)
		}
	}
	fmt.Fprintf(&b, "\n%d kept, %d broken", r.count(Kept), r.count(Broken))
	for _, more := range []struct {
		outcome Outcome
		text    string
	}{{Warning, "to look at"}, {Untried, "not tried"}} {
		if n := r.count(more.outcome); n > 0 {
			fmt.Fprintf(&b, ", %d %s", n, more.text)
		}
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

// verdict is what a check says about itself.
type verdict struct {
	outcome      Outcome
	detail, hint string
}

func kept(format string, args ...any) verdict {
	return verdict{outcome: Kept, detail: fmt.Sprintf(format, args...)}
}

func broken(format string, args ...any) verdict {
	return verdict{outcome: Broken, detail: fmt.Sprintf(format, args...)}
}

func untried(format string, args ...any) verdict {
	return verdict{outcome: Untried, detail: fmt.Sprintf(format, args...)}
}

// but adds how to mend it.
func (v verdict) but(hint string) verdict {
	v.hint = hint
	return v
}
