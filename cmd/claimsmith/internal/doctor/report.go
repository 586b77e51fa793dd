package doctor

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Status is how a check came out.
type Status string

// The values of Status.
const (
	OK      Status = "ok"
	Warning Status = "warning" // it works, or may work, and is worth a look
	Wrong   Status = "wrong"   // it cannot work
	Unknown Status = "unknown" // people sign in only if it is well, and it could not be found out; the text says why
	Skipped Status = "skipped" // it was not looked at, and no sign-in depends on it; the text says why
)

// Check is one thing that was looked at. As JSON its members keep their names and their meaning.
type Check struct {
	Part   string `json:"part"` // of the chain: configuration, sidecar, NAS and the name of a plugin, Dex, or a person
	Name   string `json:"name"`
	Status Status `json:"status"`
	Text   string `json:"text"`
	Do     string `json:"do,omitempty"` // what to do about it
}

// Verdict is what a run comes to.
type Verdict string

// The values of Verdict.
const (
	Can      Verdict = "people can sign in"
	Cannot   Verdict = "people cannot sign in"
	NotKnown Verdict = "unknown whether people can sign in"
)

// Report is what a run found, in the order of the chain.
type Report struct {
	File   string         `json:"file"`
	Checks []Check        `json:"checks"`
	Count  map[Status]int `json:"count"`
	Result Verdict        `json:"verdict"`
	Form   *Form          `json:"form,omitempty"` // absent when it is not known where Dex is
}

// Failed reports whether anything is wrong.
func (r *Report) Failed() bool { return r.Count[Wrong] > 0 }

// result is as good as the worst of the checks.
func (r *Report) result() Verdict {
	switch {
	case r.Failed():
		return Cannot
	case r.Count[Unknown] > 0:
		return NotKnown
	}
	return Can
}

// width is how long a line of text gets.
const width = 118

// Render writes the report for people.
func (r *Report) Render(w io.Writer) error {
	var b strings.Builder
	part := ""
	for _, c := range r.Checks {
		if c.Part != part {
			if part != "" {
				b.WriteByte('\n')
			}
			b.WriteString(c.Part + "\n")
			part = c.Part
		}
		wrap(&b, fmt.Sprintf("  %-8s %-16s ", c.Status, c.Name), c.Text)
		if c.Do != "" {
			wrap(&b, fmt.Sprintf("  %-8s %-16s ", "", "    what to do:"), c.Do)
		}
	}
	if r.Form != nil {
		r.Form.render(&b)
	}
	fmt.Fprintf(&b, "\n%s\n", r.summary())
	_, err := io.WriteString(w, b.String())
	return err
}

// summary is the last line.
func (r *Report) summary() string {
	said := string(r.Result)
	if n := r.Count[Wrong]; n == 1 {
		said += ": 1 thing is wrong"
	} else if n > 1 {
		said += fmt.Sprintf(": %d things are wrong", n)
	}
	if n := r.Count[Unknown]; n > 0 {
		said += fmt.Sprintf(", %d unknown", n)
	}
	if n := r.Count[Warning]; n > 0 {
		said += fmt.Sprintf(", %d worth a look", n)
	}
	if n := r.Count[Skipped]; n > 0 {
		said += fmt.Sprintf(", %d not looked at", n)
	}
	return said
}

// wrap writes text after a heading, and what does not fit below it.
func wrap(b *strings.Builder, heading, text string) {
	indent := strings.Repeat(" ", utf8.RuneCountInString(heading))
	line := heading
	empty := true
	for _, word := range strings.Fields(text) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			b.WriteString(line + "\n")
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	b.WriteString(line + "\n")
}
