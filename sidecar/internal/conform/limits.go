package conform

import "strings"

// limited adds a hint to a broken clause that has none.
func (r *runner) limited(v verdict) verdict {
	if v.outcome != Broken || v.hint != "" {
		return v
	}
	text := v.detail
	if r.p != nil && !r.p.running() {
		text += "\n" + strings.Join(r.p.stderr.lines(), "\n")
	}
	if r.o.Hint != nil { // else nothing holds it
		v.hint = r.o.Hint(text)
	}
	return v
}
