package config

import "strings"

const (
	flowHint    = "inside { } and [ ] put an expression like this in quotes, or write it on a line of its own"
	flowComment = `in YAML " #" starts a comment, so a bracket is not closed`
)

// flowTrap looks at a value in { } or [ ] that YAML could not read, for what goes wrong there with expressions. The place is
// negative when it finds nothing.
func flowTrap(value string) (at int, message, hint string) {
	if value == "" || value[0] != '{' && value[0] != '[' {
		return -1, "", ""
	}
	depth, begins, keyed := 0, true, false // begins: nothing of the entry was read; keyed: its key was
	question := -1                         // where the first ? inside a text is: it ends the text, if nothing else is wrong
	found := func() (int, string, string) {
		if question < 0 {
			return -1, "", ""
		}
		return question, `"?" inside a text starts a new key in { } and [ ]`, flowHint
	}
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case strings.HasPrefix(value[i:], " #"):
			return i + 1, flowComment, flowHint
		case c == ' ' || c == '\t':
			continue
		case begins && c == '!':
			return i, tagMessage, flowHint + `, or write not instead of !`
		case begins && (c == '"' || c == '\''):
			end := closingQuote(value[i:])
			if end == 0 {
				return -1, "", ""
			}
			if i += end; i < len(value) && !endsEntry(value[i:]) {
				return i, "text after the closing quote", flowHint
			}
			i--
			begins = false
			continue
		case c == '{' || c == '[':
			depth, keyed = depth+1, false
			begins = true
			continue
		case c == '}' || c == ']':
			if depth--; depth <= 0 {
				if more(value[i+1:]) {
					return i + 1, "text after the closing bracket", "quote the whole value: " + quoteYAML(value)
				}
				return found()
			}
			keyed = true
		case c == ',':
			begins, keyed = true, false
			continue
		case c == ':' && (i+1 == len(value) || value[i+1] == ' '):
			if keyed {
				return i, `": " inside a text starts a new key`, flowHint
			}
			begins, keyed = true, true
			continue
		case c == '?' && !begins && question < 0:
			question = i
		}
		begins = false
	}
	return found()
}

// endsEntry reports whether what follows a quoted text ends it, as a key or as a value.
func endsEntry(rest string) bool {
	rest = strings.TrimLeft(rest, " \t")
	return rest == "" || strings.ContainsAny(rest[:1], ",}]:#")
}
