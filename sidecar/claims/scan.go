package claims

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// maxDepth is how deep objects and lists may be nested.
const maxDepth = 32

// scanner walks over JSON (RFC 8259) once, without building values.
type scanner struct {
	data []byte
	pos  int
}

func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) broken() error {
	if s.pos >= len(s.data) {
		return fmt.Errorf("JSON ends too early")
	}
	return fmt.Errorf("JSON is broken at byte %d", s.pos)
}

// end expects nothing more.
func (s *scanner) end() error {
	s.space()
	if s.pos != len(s.data) {
		return fmt.Errorf("something follows the JSON at byte %d", s.pos)
	}
	return nil
}

func (s *scanner) value(depth int) error {
	switch c := s.peek(); {
	case c == '{':
		return s.object(depth, nil)
	case c == '[':
		return s.list(depth)
	case c == '"':
		_, err := s.skipText()
		return err
	case c == '-' || '0' <= c && c <= '9':
		return s.number()
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
			s.pos += len(word)
			return nil
		}
	}
	return s.broken()
}

// object walks over an object and hands its members to found, which may be nil.
func (s *scanner) object(depth int, found func(member)) error {
	if depth > maxDepth {
		return unfitf("JSON is nested deeper than %d levels", maxDepth)
	}
	s.pos++ // {
	s.space()
	if s.peek() == '}' {
		s.pos++
		return nil
	}
	var seen names
	for {
		s.space()
		m := member{key: s.pos}
		if s.peek() != '"' {
			return s.broken()
		}
		var err error
		if m.name, err = s.text(); err != nil {
			return err
		}
		if err := checkMember(m, depth); err != nil {
			return err
		}
		if other, again := seen.add(m.name); again {
			return sameMember(m, other, depth)
		}
		s.space()
		if s.peek() != ':' {
			return s.broken()
		}
		s.pos++
		s.space()
		m.value = s.pos
		if err := s.value(depth + 1); err != nil {
			return err
		}
		m.after = s.pos
		if found != nil {
			found(m)
		}
		if done, err := s.more('}'); done || err != nil {
			return err
		}
	}
}

// checkMember refuses names with hidden characters. As sameMember does, it names claims and gives the place of what is in them.
func checkMember(m member, depth int) error {
	err := CheckName(m.name)
	if err != nil && depth > 1 {
		return unfitf("a name inside a claim holds a character that cannot be seen, at byte %d", m.key)
	}
	return err
}

// sameMember names the members of a payload, which are claims. Further down the name of a member may be a value, such as an
// address that something is keyed by, so only its place is named.
func sameMember(m member, other string, depth int) error {
	switch {
	case depth > 1:
		return unfitf("members inside a claim are equal but for case, the second at byte %d", m.key)
	case m.name == other:
		return fmt.Errorf("member %q is there twice", m.name)
	}
	return fmt.Errorf("members %q and %q differ only in case", other, m.name)
}

func (s *scanner) list(depth int) error {
	if depth > maxDepth {
		return unfitf("JSON is nested deeper than %d levels", maxDepth)
	}
	s.pos++ // [
	s.space()
	if s.peek() == ']' {
		s.pos++
		return nil
	}
	for {
		s.space()
		if err := s.value(depth + 1); err != nil {
			return err
		}
		if done, err := s.more(']'); done || err != nil {
			return err
		}
	}
}

// more steps over a comma, or over the closing byte and reports that it was there.
func (s *scanner) more(closing byte) (done bool, err error) {
	s.space()
	switch s.peek() {
	case ',':
		s.pos++
		return false, nil
	case closing:
		s.pos++
		return true, nil
	}
	return false, s.broken()
}

// text walks over a string and returns what it says.
func (s *scanner) text() (string, error) {
	start := s.pos
	escaped, err := s.skipText()
	if err != nil {
		return "", err
	}
	quoted := s.data[start:s.pos]
	if !escaped {
		return string(quoted[1 : len(quoted)-1]), nil
	}
	var said string
	err = json.Unmarshal(quoted, &said) // cannot fail: skipText looked at every escape
	return said, err
}

// skipText walks over a string and reports whether it holds escapes.
func (s *scanner) skipText() (escaped bool, err error) {
	start := s.pos
	for s.pos++; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return escaped, s.checkText(start, escaped)
		case c == '\\':
			escaped = true
			s.pos++
		case c < ' ':
			return false, s.broken()
		}
	}
	s.pos = len(s.data)
	return false, s.broken()
}

// checkText looks into the string that begins at start and ends before pos.
func (s *scanner) checkText(start int, escaped bool) error {
	quoted := s.data[start:s.pos]
	switch {
	case !utf8.Valid(quoted):
		return fmt.Errorf("JSON is not UTF-8 in the string at byte %d", start)
	case escaped && !json.Valid(quoted):
		return fmt.Errorf("JSON is broken in the string at byte %d", start)
	case escaped && loneSurrogate(quoted):
		return fmt.Errorf("JSON has half a character in the string at byte %d", start)
	}
	return nil
}

// loneSurrogate finds a \ud800 that has no other half: decoders differ in what they make of it. The string is valid JSON.
func loneSurrogate(quoted []byte) bool {
	for i := 0; i+1 < len(quoted); i++ {
		if quoted[i] != '\\' {
			continue
		}
		i++
		if quoted[i] != 'u' {
			continue
		}
		switch unit := hex4(quoted[i+1:]); {
		case unit >= 0xdc00 && unit < 0xe000:
			return true
		case unit >= 0xd800 && unit < 0xdc00:
			rest := quoted[i+5:]
			if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' {
				return true
			}
			if low := hex4(rest[2:]); low < 0xdc00 || low >= 0xe000 {
				return true
			}
			i += 6
		}
		i += 4
	}
	return false
}

func hex4(b []byte) (n int) {
	for _, c := range b[:4] {
		n <<= 4
		switch {
		case c <= '9':
			n += int(c - '0')
		default:
			n += int(c|0x20-'a') + 10
		}
	}
	return n
}

func (s *scanner) number() error {
	if s.peek() == '-' {
		s.pos++
	}
	switch c := s.peek(); {
	case c == '0':
		s.pos++
	case '1' <= c && c <= '9':
		s.digits()
	default:
		return s.broken()
	}
	if s.peek() == '.' {
		s.pos++
		if s.digits() == 0 {
			return s.broken()
		}
	}
	if s.peek()|0x20 == 'e' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if s.digits() == 0 {
			return s.broken()
		}
	}
	return nil
}

func (s *scanner) digits() (n int) {
	for c := s.peek(); '0' <= c && c <= '9'; c = s.peek() {
		s.pos++
		n++
	}
	return n
}

// keyLen returns the length of the string literal that b, which is valid JSON, begins with.
func keyLen(b []byte) int {
	for i := 1; ; i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}
