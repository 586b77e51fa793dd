package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// quoted writes text as YAML and JSON both read it.
func quoted(s string) string { return flow(s) }

// flow writes a value as YAML on one line.
func flow(v any) string {
	raw, err := marshal(v)
	if err != nil {
		return "null" // only for what JSON cannot say, and all of it came from JSON
	}
	var b strings.Builder
	write(&b, raw)
	return b.String()
}

// write adds the spaces that YAML wants to JSON, and takes the quotes from keys that need none.
func write(b *strings.Builder, raw json.RawMessage) {
	switch raw[0] {
	case '{':
		var members map[string]json.RawMessage
		_ = json.Unmarshal(raw, &members) // it was marshalled just now
		b.WriteByte('{')
		for i, name := range slices.Sorted(maps.Keys(members)) {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(key(name) + ": ")
			write(b, members[name])
		}
		b.WriteByte('}')
	case '[':
		var list []json.RawMessage
		_ = json.Unmarshal(raw, &list)
		b.WriteByte('[')
		for i, element := range list {
			if i > 0 {
				b.WriteString(", ")
			}
			write(b, element)
		}
		b.WriteByte(']')
	default:
		shown(b, raw)
	}
}

// shown writes a value such that nothing in it cannot be seen: such characters are escaped, and a configuration with others is not read.
func shown(b *strings.Builder, raw json.RawMessage) {
	for _, r := range string(raw) {
		switch {
		case !claims.Hidden(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(b, `\U%08x`, r)
		default:
			fmt.Fprintf(b, `\u%04x`, r)
		}
	}
}

var bare = regexp.MustCompile(`^[A-Za-z][A-Za-z_]*$`)

// key writes the key of a map. Words that YAML reads as true, false or null are not among the names of claims and facts, but who
// knows.
func key(name string) string {
	switch strings.ToLower(name) {
	case "true", "false", "yes", "no", "on", "off", "y", "n", "null":
		return quoted(name)
	}
	if bare.MatchString(name) {
		return name
	}
	return quoted(name)
}

// marshal is json.Marshal without the escaping for HTML.
func marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
