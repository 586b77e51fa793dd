package claims

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// Object is a JSON object whose members keep their bytes. It does not change once parsed, so it may be shared.
type Object struct {
	raw     []byte
	members []member
}

// member is a name with the places of its key and value in raw.
type member struct {
	name              string
	key, value, after int // offsets: the key's quote, the value's first byte, the byte after it
}

// Parse reads a payload. It refuses what two readers could understand differently: anything but one object, bytes that are
// no UTF-8, members that are equal under case folding or whose names hold hidden characters (at any depth), lone surrogates, and
// nesting beyond 32 levels.
// Errors name members, never values. The Object keeps data; the caller must not change it any more.
func Parse(data []byte) (*Object, error) {
	o := &Object{raw: data}
	s := scanner{data: data}
	s.space()
	if s.peek() != '{' {
		return nil, fmt.Errorf("payload is not a JSON object")
	}
	o.members = make([]member, 0, 16) // as many as a token of Dex has
	if err := s.object(1, func(m member) { o.members = append(o.members, m) }); err != nil {
		return nil, err
	}
	return o, s.end()
}

// Valid checks a single JSON value by the rules of Parse.
func Valid(value []byte) error {
	s := scanner{data: value}
	s.space()
	if err := s.value(2); err != nil { // as deep as it would stand in a payload
		return err
	}
	return s.end()
}

// Raw returns the bytes that were parsed. The caller must not change them.
func (o *Object) Raw() []byte { return o.raw }

// Len returns the number of members.
func (o *Object) Len() int { return len(o.members) }

// Names returns the names of the members in their order.
func (o *Object) Names() []string {
	names := make([]string, len(o.members))
	for i, m := range o.members {
		names[i] = m.name
	}
	return names
}

// Get returns the value of the member that is spelled exactly like name.
func (o *Object) Get(name string) (json.RawMessage, bool) {
	for _, m := range o.members {
		if m.name == name {
			return o.raw[m.value:m.after], true
		}
	}
	return nil, false
}

// Apply returns the object with the patch laid over it: members that the patch does not name keep their bytes and order,
// replaced ones keep their place, new ones follow in the order of their names. It checks nothing; see Check.
func (o *Object) Apply(p Patch) ([]byte, error) {
	if p.Empty() {
		return o.raw, nil
	}
	out := bytes.NewBuffer(make([]byte, 0, len(o.raw)+p.size()))
	out.WriteByte('{')
	for _, m := range o.members {
		value, replaced := p.Set[m.name]
		if !replaced && slices.Contains(p.Remove, m.name) {
			continue
		}
		if !replaced {
			value = o.raw[m.value:m.after]
		}
		separate(out)
		out.Write(o.raw[m.key : m.key+keyLen(o.raw[m.key:])])
		out.WriteByte(':')
		out.Write(value)
	}
	for _, name := range p.Names() {
		if _, exists := o.Get(name); exists {
			continue
		}
		key, err := quote(name)
		if err != nil {
			return nil, fmt.Errorf("write claim %q: %w", name, err)
		}
		separate(out)
		out.Write(key)
		out.WriteByte(':')
		out.Write(p.Set[name])
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

func separate(out *bytes.Buffer) {
	if out.Len() > 1 {
		out.WriteByte(',')
	}
}

// quote is json.Marshal without the escaping for HTML.
func quote(s string) ([]byte, error) {
	if plain(s) {
		return []byte(`"` + s + `"`), nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// plain reports whether a string stands in JSON as it is.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
