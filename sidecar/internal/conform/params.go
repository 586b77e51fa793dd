package conform

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
)

// mark is a value that stands for personal data.
const mark = "claimsmith-verify@example.org"

// members are those of a JSON object, as they are written; nil for anything else.
func members(data json.RawMessage) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(data, &m) != nil {
		return nil
	}
	return m
}

// with returns the object data with one member set, its others as they are written.
func with(data json.RawMessage, name, value string) json.RawMessage {
	m := members(data)
	if m == nil {
		m = map[string]json.RawMessage{}
	}
	m[name] = json.RawMessage(value)
	return object(m)
}

func without(data json.RawMessage, names ...string) json.RawMessage {
	m := members(data)
	for _, name := range names {
		delete(m, name)
	}
	return object(m)
}

// object writes members in the order of their names, values as they are.
func object(m map[string]json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Quote(name) + ":")
		b.Write(m[name])
	}
	b.WriteByte('}')
	return b.Bytes()
}

// sample is a value of type t that most probably nobody has.
func sample(t *facts.Type) json.RawMessage {
	switch t.Kind {
	case facts.String:
		return json.RawMessage(`"claimsmith-verify-nobody"`)
	case facts.Bool:
		return json.RawMessage("false")
	case facts.Int:
		return json.RawMessage("2147483646")
	case facts.Float:
		return json.RawMessage("0.5")
	case facts.List:
		return json.RawMessage("[" + string(sample(t.Elem)) + "]")
	}
	m := map[string]json.RawMessage{}
	for name, f := range t.Fields {
		m[name] = sample(f)
	}
	return object(m)
}

// wrong is a value of another type than t.
func wrong(t *facts.Type) string {
	if t.Kind == facts.Bool || t.Kind == facts.Int || t.Kind == facts.Float {
		return strconv.Quote(mark)
	}
	return "4711"
}

// telling is how long a text is at least that is looked for in what a plugin prints: shorter ones stand there by chance.
const telling = 4

// texts are the strings in data: those that can be looked for, and how many are too short.
func texts(data json.RawMessage) (found []string, short int) {
	var tree any
	if json.Unmarshal(data, &tree) != nil {
		return nil, 0
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			if len(v) >= telling {
				found = append(found, v)
			} else if v != "" {
				short++
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(tree)
	return found, short
}

// repeats returns whether text holds one of values, in any case.
func repeats(text string, values []string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc(values, func(v string) bool { return strings.Contains(text, strings.ToLower(v)) })
}

// varied is the question with its strings made the n-th of their kind.
func varied(question json.RawMessage, t *facts.Type, n int) json.RawMessage {
	for name, raw := range members(question) {
		var s string
		if f := t.Fields[name]; f == nil || f.Kind != facts.String || json.Unmarshal(raw, &s) != nil {
			continue
		}
		local, domain, mail := strings.Cut(s, "@")
		if s = local + strconv.Itoa(n); mail {
			s += "@" + domain
		}
		quoted, err := json.Marshal(s)
		if err == nil {
			question = with(question, name, string(quoted))
		}
	}
	return question
}

func anyRepeats(lines, values []string) bool {
	return slices.ContainsFunc(lines, func(line string) bool { return repeats(line, values) })
}

func plural(n int) string {
	if n == 1 {
		return "1 line is"
	}
	return strconv.Itoa(n) + " lines are"
}
