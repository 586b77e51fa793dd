package conform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
)

// differs says where got is not what want has of it, digit by digit, or "". Objects may have more members than want, at any depth;
// lists are as long as want has them. Null in want stands for what is absent, which is neither 0 nor "".
func differs(path string, want, got any) string {
	switch w := want.(type) {
	case map[string]any:
		if g, ok := got.(map[string]any); ok {
			for _, name := range slices.Sorted(maps.Keys(w)) {
				if wrong := differs(strings.TrimPrefix(path+"."+name, "."), w[name], g[name]); wrong != "" {
					return wrong
				}
			}
			return ""
		}
	case []any:
		g, ok := got.([]any)
		if ok && len(g) == len(w) {
			for i := range w {
				if wrong := differs(fmt.Sprintf("%s[%d]", path, i), w[i], g[i]); wrong != "" {
					return wrong
				}
			}
			return ""
		}
	default:
		if want == got {
			return ""
		}
	}
	if got == nil {
		return fmt.Sprintf("the fact %s is not as --facts has it: it is absent", path)
	}
	text, _ := json.Marshal(got) // it was JSON
	return fmt.Sprintf("the fact %s is not as --facts has it: %s", path, text)
}

// exact reads JSON and keeps the digits of numbers.
func exact(data []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// stranger is a member of v that t does not have, at any depth, or "".
func stranger(path string, v any, t *facts.Type) string {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if t.Fields[name] == nil {
				return path + name
			}
			if found := stranger(path+name+".", v[name], t.Fields[name]); found != "" {
				return found
			}
		}
	case []any:
		for _, e := range v {
			if t.Elem != nil {
				if found := stranger(path, e, t.Elem); found != "" {
					return found
				}
			}
		}
	}
	return ""
}

// hasInt reports whether there is an integer in t, at any depth.
func hasInt(t *facts.Type) bool {
	if t == nil {
		return false
	}
	return t.Kind == facts.Int || hasInt(t.Elem) || slices.ContainsFunc(slices.Collect(maps.Values(t.Fields)), hasInt)
}
