package config

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parseYAML reads the one document of a file.
func parseYAML(src *Source, text string) (*yaml.Node, *Problem) {
	dec := yaml.NewDecoder(strings.NewReader(text))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && empty(doc.Content[0]) {
		return nil, &Problem{File: src.name, Message: "the file is empty", Hint: "begin with: listen: unix:///run/claimsmith/hook.sock"}
	}
	if err != nil {
		return nil, syntaxProblem(src, err)
	}
	err = dec.Decode(&second)
	switch {
	case errors.Is(err, io.EOF):
		return doc.Content[0], nil
	case err != nil:
		return nil, syntaxProblem(src, err)
	}
	return nil, &Problem{
		File: src.name, Line: second.Line, Col: second.Column, Message: "a second document begins here; a configuration is one",
		Hint: "remove the line with ---, or keep the documents in files of their own",
	}
}

// syntaxProblem says in our words, and with the right place, what the YAML reader could not read: its own message
// often names another line, or none.
func syntaxProblem(src *Source, err error) *Problem {
	line := brokenLine(src)
	col, message, hint := explain(src.Line(line), libraryMessage(err))
	hint = src.discreet(Pos{Line: line}, hint)
	return &Problem{File: src.name, Line: line, Col: col, Message: message, Hint: hint}
}

var linePrefix = regexp.MustCompile(`^(yaml: )?(line \d+: )?`)

func libraryMessage(err error) string {
	text := err.Error()
	return text[len(linePrefix.FindString(text)):]
}

// brokenLine finds the line after which the file cannot be read any more: the text up to the line before can be read, the
// text up to and with it cannot.
func brokenLine(src *Source) int {
	reads := func(lines int) bool {
		return readable([]byte(strings.Join(src.lines[:lines], "\n") + "\n"))
	}
	good, bad := 0, upTo(src)
	for back := 1; good < bad-back; back *= 2 {
		if reads(bad - back) {
			good = bad - back
			break
		}
		bad -= back
	}
	for good+1 < bad {
		if middle := (good + bad) / 2; reads(middle) {
			good = middle
		} else {
			bad = middle
		}
	}
	return bad
}

// readable reports whether each document of a text can be read.
func readable(text []byte) bool {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var n yaml.Node
		if err := dec.Decode(&n); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

// upTo is the line that the YAML reader had come to when it gave up.
func upTo(src *Source) int {
	r := &counted{text: []byte(strings.Join(src.lines, "\n"))}
	dec := yaml.NewDecoder(r)
	for {
		var n yaml.Node
		if err := dec.Decode(&n); err != nil {
			break
		}
	}
	return min(bytes.Count(r.text[:r.at], []byte("\n"))+1, len(src.lines))
}

// counted hands out one byte at a time, so that it knows how much has been read.
type counted struct {
	text []byte
	at   int
}

func (c *counted) Read(p []byte) (int, error) {
	if c.at == len(c.text) || len(p) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:1], c.text[c.at:])
	c.at += n
	return n, nil
}
