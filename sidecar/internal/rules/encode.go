package rules

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// encode returns v as JSON: members sorted, integers exact, nothing escaped that need not be. What JSON cannot hold, a text
// that is not UTF-8, and a result beyond the limits are failures.
func encode(v any) ([]byte, error) {
	raw, err := appendJSON(nil, v, 0)
	if err != nil {
		return nil, err
	}
	if err := checkResult(raw); err != nil {
		return nil, err
	}
	return raw, nil
}

// checkResult is asked on the way too: a list can be larger than the memory that holds it.
func checkResult(raw []byte) error {
	if len(raw) > maxResult {
		return unfitf("the value is larger than %d bytes", maxResult)
	}
	return nil
}

func appendJSON(dst []byte, v any, depth int) ([]byte, error) {
	if err := checkResult(dst); err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, unfitf("the value is nested deeper than %d", maxDepth)
	}
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case string:
		return appendString(dst, v)
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case float64:
		return appendFloat(dst, v)
	case []string:
		return appendList(dst, v, depth)
	case []any:
		return appendList(dst, v, depth)
	case []bool:
		return appendList(dst, v, depth)
	case []int:
		return appendList(dst, v, depth)
	case []int64:
		return appendList(dst, v, depth)
	case []float64:
		return appendList(dst, v, depth)
	case []map[string]any:
		return appendList(dst, v, depth)
	case map[string]any:
		return appendObject(dst, v, depth)
	case *Table:
		return appendObject(dst, v.values, depth)
	}
	return nil, failuref("the value cannot be written as JSON")
}

func appendList[E any](dst []byte, list []E, depth int) (_ []byte, err error) {
	dst = append(dst, '[')
	begin := len(dst)
	for _, e := range list {
		if any(e) == any(absent{}) {
			continue
		}
		if len(dst) > begin {
			dst = append(dst, ',')
		}
		if dst, err = appendJSON(dst, e, depth+1); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func appendObject(dst []byte, m map[string]any, depth int) (_ []byte, err error) {
	names := make([]string, 0, len(m))
	for name, value := range m {
		if _, out := value.(absent); !out {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	dst = append(dst, '{')
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendString(dst, name); err != nil {
			return nil, err
		}
		if dst, err = appendJSON(append(dst, ':'), m[name], depth+1); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func appendString(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, failuref("a string is not UTF-8: it was cut inside a character")
	}
	dst = append(slices.Grow(dst, len(s)+2), '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = fmt.Appendf(dst, `\u%04x`, c)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"'), nil
}

// appendFloat writes numbers as most JSON encoders do: the shortest text that reads back the same.
func appendFloat(dst []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, unfitf("the value is not a finite number")
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, 64), nil
}
