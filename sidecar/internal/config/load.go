package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxFile is how long a configuration may be, in bytes.
const maxFile = 1 << 20

// Options are what the file is compared with.
type Options struct {
	Builtins []string // names of the plugins that come with claimsmith; nil: their names are not compared
}

// Load reads a file. Config and Source are never nil. With problems, Config holds what could be read, so that a caller can
// go on and find problems of its own; it must not be used for anything else. The problems are sorted.
func Load(file string, o Options) (*Config, *Source, []Problem) {
	data, err := read(file)
	if err != nil {
		return &Config{}, newSource(file, ""), []Problem{{File: file, Message: err.Error()}}
	}
	return Parse(file, data, o)
}

// LoadAddresses reads where the sidecar of a file answers, which is all that Config has. It also reads files that YAML cannot, as
// somebody may be writing one: then the problems are those of the file, and what the keys listen and admin say is read by itself.
func LoadAddresses(file string) (*Config, *Source, []Problem) {
	cfg, src, problems := Load(file, Options{})
	if src.root != nil {
		return &Config{Listen: cfg.Listen, Admin: cfg.Admin}, src, problems
	}
	found, _, _ := Parse(file, []byte(src.blocks("listen", "admin")), Options{})
	return &Config{Listen: found.Listen, Admin: found.Admin}, src, problems
}

// blocks are the lines of keys of the whole file, each with what stands below it, as far as each can be read.
func (s *Source) blocks(keys ...string) string {
	var found strings.Builder
	for at := 0; at < len(s.lines); at++ {
		key, _, isKey := strings.Cut(s.lines[at], ":")
		if !isKey || !slices.Contains(keys, key) {
			continue
		}
		end := at + 1
		for end < len(s.lines) && (strings.HasPrefix(s.lines[end], " ") || strings.TrimSpace(s.lines[end]) == "") {
			end++
		}
		if block := strings.Join(s.lines[at:end], "\n") + "\n"; readable([]byte(block)) {
			found.WriteString(block)
		}
	}
	return found.String()
}

func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, reason(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, reason(err)
	}
	return data, nil
}

// reason leaves out the name of the file, which stands before the message anyway.
func reason(err error) error {
	if perr, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", perr.Op, perr.Err)
	}
	return err
}

// Parse reads the text of a file; name is what problems call it, and its folder is where relative names of files begin.
// Results are as Load's.
func Parse(name string, data []byte, o Options) (*Config, *Source, []Problem) {
	text := strings.TrimPrefix(string(data), "\uFEFF")
	src := newSource(name, text)
	cfg := &Config{}
	if problem, ok := unreadable(src, data, text); ok {
		return cfg, src, []Problem{problem}
	}
	root, problem := parseYAML(src, text)
	if problem != nil {
		return cfg, src, []Problem{*problem}
	}
	src.root = root
	d := &decoder{src: src, options: o, kept: map[bool]int{}, bad: map[*yaml.Node]bool{}, strange: map[*yaml.Node]bool{}}
	d.hygiene(item{node: root}, nil, 0)
	d.decode(item{node: root}, reflect.ValueOf(cfg).Elem())
	d.check(cfg)
	cfg.complete(filepath.Dir(name))
	return cfg, src, Sorted(d.problems)
}

// unreadable looks at the text before YAML does.
func unreadable(src *Source, data []byte, text string) (Problem, bool) {
	whole := Problem{File: src.name}
	switch {
	case len(data) > maxFile:
		whole.Message = fmt.Sprintf("the file is larger than %d bytes", maxFile)
		return whole, true
	case !utf8.ValidString(text):
		line, col := badRune(text, func(r rune, size int) bool { return r == utf8.RuneError && size == 1 })
		return Problem{File: src.name, Line: line, Col: col, Message: "the file is not UTF-8 text", Hint: "save it as UTF-8"}, true
	}
	line, col := badRune(text, func(r rune, _ int) bool {
		return r != '\n' && r != '\t' && unicode.IsControl(r) || breaksLine(r) || reordersText(r)
	})
	if line > 0 {
		return Problem{
			File: src.name, Line: line, Col: col, Message: "a character that makes the file look different from what it says",
			Hint: "remove the invisible character; inside double quotes it can be written as \\u and four digits",
		}, true
	}
	return Problem{}, false
}

// badRune returns the place of the first character that is bad, or zeros.
func badRune(text string, bad func(r rune, size int) bool) (line, col int) {
	line, col = 1, 1
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == '\r' && strings.HasPrefix(text[i:], "\r\n") {
			r = ' '
		}
		if bad(r, size) {
			return line, col
		}
		i += size
		col++
		if r == '\n' {
			line, col = line+1, 1
		}
	}
	return 0, 0
}

// breaksLine reports whether YAML begins a line where an editor does not. A carriage return before a line feed is none.
func breaksLine(r rune) bool { return r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029' }

// reordersText reports whether a character changes the order in which others are shown, or cannot be seen at all.
func reordersText(r rune) bool {
	return '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069' || r == '\ufeff'
}
