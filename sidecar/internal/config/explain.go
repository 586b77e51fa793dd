package config

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// beforeValue is what stands on a line before its value: indentation, list dashes and a key.
var beforeValue = regexp.MustCompile(`^\s*(- +)*([^\s:#"'\[\]{}][^:#]*:( +|$))?`)

// badCharacter finds a character that cannot begin a value where one could begin.
var badCharacter = regexp.MustCompile("[\\s\\[{,][%@`]")

// explain puts a complaint of the YAML reader about a line into words for the person who wrote the line.
func explain(line, complaint string) (col int, message, hint string) {
	start := len(beforeValue.FindString(line))
	value := strings.TrimRight(line[start:], " \t")
	at := func(i int) int { return utf8.RuneCountInString(line[:i]) + 1 }

	if message, hint := badStart(line[:start], value); message != "" {
		return at(start), message, hint
	}
	if tab := strings.IndexByte(line, '\t'); tab >= 0 && strings.Trim(line[:tab], " -") == "" {
		return at(tab), "a tab where YAML wants spaces", "indent with spaces"
	}
	if end := closingQuote(value); end > 0 && more(value[end:]) {
		return at(start + end), "text after the closing quote", "quote the whole value: " + quoteYAML(value)
	}
	if i, message, hint := flowTrap(value); i >= 0 {
		return at(start + i), message, hint
	}
	switch {
	case strings.Contains(complaint, "mapping values are not allowed"):
		if i := strings.Index(value, ": "); i >= 0 && !strings.ContainsAny(value[:1], `{["'`) {
			return at(start + i), `": " inside a text starts a new key`, "quote the text: " + quoteYAML(value)
		}
		return at(indentation(line)), "a key where none can stand", "compare the indentation of this line with the line above"
	case strings.Contains(complaint, "cannot start any token"):
		if i := badCharacter.FindStringIndex(line); i != nil {
			return at(i[1] - 1), fmt.Sprintf("%q cannot begin a value", line[i[1]-1:i[1]]), "put the value in quotes"
		}
	case strings.Contains(complaint, "max depth"):
		return at(indentation(line)), "nested too deep", ""
	case strings.Contains(complaint, "unknown escape"):
		return at(unknownEscape(line)), "an unknown escape in double quotes", `write \\ for a backslash, or use single quotes`
	case strings.Contains(complaint, "block sequence entries"):
		return at(start), "a list item on the line of its key", "begin the list on a line of its own"
	case strings.Contains(complaint, "expected ',' or"):
		return at(max(strings.IndexAny(line, "[{"), indentation(line))), "a [ or { that is not closed here", ""
	case strings.Contains(complaint, "unexpected end of stream"):
		return at(max(strings.IndexAny(line, `"'`), indentation(line))), "a quote that is not closed", ""
	case strings.Contains(complaint, "could not find expected ':'"):
		return at(indentation(line)), "neither a key nor a list item", "a key is followed by a colon and a space"
	case strings.Contains(complaint, "did not find expected"):
		return at(indentation(line)), "this line does not fit what is above it", "compare its indentation with the lines above"
	}
	return at(indentation(line)), "not YAML: " + complaint, ""
}

// blockHeader is what may stand behind > and | before a block of text.
var blockHeader = regexp.MustCompile(`^[>|][-+0-9]*([ \t]+#.*)?$`)

// badStart explains characters that mean something to YAML at the beginning of a value.
func badStart(before, value string) (message, hint string) {
	if value == "" {
		return "", ""
	}
	switch value[0] {
	case '!':
		return tagMessage, tagHint(strings.TrimLeft(before, " -"), value)
	case '*':
		return aliasMessage, "quote the value: " + quoteYAML(value)
	case '&':
		return anchorMessage, "quote the value: " + quoteYAML(value)
	case '>', '|':
		if len(value) > 1 && !blockHeader.MatchString(value) {
			return fmt.Sprintf("%q starts a block of text here", value[:1]), "quote the value: " + quoteYAML(value)
		}
	case '?':
		if strings.HasPrefix(value, "? ") {
			return `"? " starts a key here`, "quote the value: " + quoteYAML(value)
		}
	case '%', '@', '`', ']', '}':
		return fmt.Sprintf("%q cannot begin a value", value[:1]), "quote the value: " + quoteYAML(value)
	}
	return "", ""
}

const (
	tagMessage    = `"!" starts a YAML tag here, not an expression`
	aliasMessage  = `"*" starts a YAML alias here; aliases are not allowed`
	anchorMessage = `"&" starts a YAML anchor here; anchors are not allowed`
)

// tagHint is the way out of an exclamation mark that YAML took for a tag. The key stands with its colon.
func tagHint(key, value string) string {
	key = strings.TrimRight(key, " ")
	if key != "deny:" && key != "when:" {
		return "quote the value: " + strings.TrimLeft(key+" ", " ") + quoteYAML(value)
	}
	return fmt.Sprintf("quote it: %s %s, or write %s not %s", key, quoteYAML(value), key, strings.TrimLeft(value, "! "))
}

// closingQuote returns the length of a quoted text at the beginning of value, or 0.
func closingQuote(value string) int {
	if value == "" || value[0] != '"' && value[0] != '\'' {
		return 0
	}
	for i := 1; i < len(value); i++ {
		switch {
		case value[i] == '\\' && value[0] == '"':
			i++
		case value[i] == value[0] && value[0] == '\'' && strings.HasPrefix(value[i+1:], "'"):
			i++
		case value[i] == value[0]:
			return i + 1
		}
	}
	return 0
}

// more reports whether something other than a comment follows.
func more(rest string) bool {
	trimmed := strings.TrimLeft(rest, " \t")
	return trimmed != "" && trimmed[0] != '#'
}

var escapes = regexp.MustCompile(`\\.`)

// unknownEscape finds the first backslash that double quotes give no meaning.
func unknownEscape(line string) int {
	for _, pair := range escapes.FindAllStringIndex(line, -1) {
		if !strings.ContainsAny(line[pair[0]+1:pair[1]], "0abt\tnvfre \"'\\N_LPxuU") {
			return pair[0]
		}
	}
	return max(strings.IndexByte(line, '\\'), 0)
}

func indentation(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }
