package replay

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The form of JUnit that build servers read: one suite for a file, one case for a test. What no test shows at work goes to
// system-out, which they show beside the result.
type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
	Out      *junitText  `xml:"system-out"`
}

// junitText is text that people read: lines stay lines.
type junitText struct {
	Text string `xml:",cdata"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	File    string        `xml:"file,attr"`
	Line    int           `xml:"line,attr,omitempty"`
	Failure *junitFailure `xml:"failure"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",cdata"`
}

// JUnit writes the report as build servers read it. suite names it: the file that was tested.
func (r *TestReport) JUnit(w io.Writer, suite string) error {
	s := junitSuite{Name: suite, Tests: len(r.Cases), Failures: r.Failed(), Cases: make([]junitCase, len(r.Cases))}
	if notes := r.Notes(); len(notes) > 0 {
		s.Out = &junitText{strings.Join(notes, "\n")}
	}
	for i, c := range r.Cases {
		s.Cases[i] = c.junit(suite)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(junitSuites{Suites: []junitSuite{s}}); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (c *CaseReport) junit(suite string) junitCase {
	out := junitCase{Name: c.Name, Class: suite, File: c.Place}
	if at := strings.LastIndexByte(c.Place, ':'); at >= 0 {
		if line, err := strconv.Atoi(c.Place[at+1:]); err == nil {
			out.File, out.Line = c.Place[:at], line
		}
	}
	if c.Passed {
		return out
	}
	var what []string
	var text strings.Builder
	for _, d := range c.Diffs {
		what = append(what, d.What)
		d.render(&text, "")
	}
	out.Failure = &junitFailure{Message: strings.Join(what, ", ") + ", at " + c.Stage, Type: "difference", Text: text.String()}
	return out
}
