package rules

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// Error says what is wrong with an expression.
type Error struct {
	Offset  int    // where, in bytes from the start of the source; at most its length
	Message string // lower case, no full stop, without the place
	Hint    string // how to mend it; may be empty
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// failure is what goes wrong while an expression runs. Its text holds no value that the expression has seen.
type failure struct {
	text     string
	complete bool  // the text says enough without a place
	cause    error // a context's error, or a *pipeline.NotAsked
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.cause }

func failuref(format string, args ...any) *failure {
	return &failure{text: fmt.Sprintf(format, args...)}
}

// unfitf is a failure for which a value of the request is to blame.
func unfitf(format string, args ...any) *failure {
	return &failure{text: fmt.Sprintf(format, args...), cause: pipeline.ErrUnfit}
}

// byteOffset turns a place in runes, as package expr counts, into one in bytes.
func byteOffset(src string, runes int) int {
	for i := range src {
		if runes <= 0 {
			return i
		}
		runes--
	}
	return len(src)
}

// lineCol turns an offset in bytes into a line and a column of characters, both from one.
func lineCol(src string, offset int) (line, col int) {
	before := src[:min(offset, len(src))]
	line = 1 + strings.Count(before, "\n")
	return line, 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}
