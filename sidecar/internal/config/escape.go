package config

import "strconv"

// unescape reads an escape of double-quoted YAML at the beginning of text: its character, and its length.
func unescape(text []rune) (rune, int) {
	if len(text) < 2 {
		return '\\', 1
	}
	switch text[1] {
	case 'x':
		return hex(text, 2)
	case 'u':
		return hex(text, 4)
	case 'U':
		return hex(text, 8)
	}
	return simpleEscape(text[1]), 2
}

func hex(text []rune, digits int) (rune, int) {
	if len(text) < 2+digits {
		return '\\', 1
	}
	n, err := strconv.ParseUint(string(text[2:2+digits]), 16, 32)
	if err != nil {
		return '\\', 1
	}
	return rune(n), 2 + digits
}

func simpleEscape(r rune) rune {
	switch r {
	case '0':
		return 0
	case 'a':
		return '\a'
	case 'b':
		return '\b'
	case 't', '\t':
		return '\t'
	case 'n':
		return '\n'
	case 'v':
		return '\v'
	case 'f':
		return '\f'
	case 'r':
		return '\r'
	case 'e':
		return 0x1b
	case 'N':
		return 0x85
	case '_':
		return 0xa0
	case 'L':
		return 0x2028
	case 'P':
		return 0x2029
	}
	return r
}
