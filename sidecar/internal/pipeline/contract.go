package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// Contract is what a client may rely on. It is judged after the rules, for every client that a request concerns; a token
// that breaks it is not issued.
type Contract struct {
	Pos             Pos
	Require         []Required
	Allow           []string // names of claims that rules may set for this client; nil means any
	Peers           []string // clients that may ask for tokens for this one
	MaxGroups       int      // zero means no limit
	MaxPayloadBytes int      // zero means no limit
	TrimGroups      []Glob   // of more groups than MaxGroups only those stay that are like one of these; nil means a refusal
}

// Required is a claim that must be there, with its type: string, bool, integer, number, list or object.
type Required struct {
	Claim, Type string
}

// admits reports whether client may ask for tokens for the holder of the contract.
func (c Contract) admits(client string) bool { return slices.Contains(c.Peers, client) }

// trimmed takes away the groups that the contracts of this request let go, says so in the trace, and returns the patch as it is
// then. It is called before contracts, which get the patch of the rules: what a contract trims no rule has set, so allow is
// not about it.
func (r *run) trimmed(ctx context.Context, patch claims.Patch) (claims.Patch, error) {
	for i, client := range append([]string{r.in.Client}, r.in.Audience...) {
		contract := r.pipeline.Contracts[client]
		if i > 0 && client == r.in.Client || contract.TrimGroups == nil {
			continue
		}
		groups, there := r.state.Claims.Get("groups")
		if !there {
			break
		}
		kept, err := contract.trim(ctx, groups)
		if err != nil {
			return claims.Patch{}, &Error{Class: classOf(err, Internal), Path: "clients." + client, Pos: contract.Pos, Err: err}
		}
		if kept != nil {
			r.explainTrim(client, contract.Pos, groups, kept)
			r.state.Claims.Set("groups", kept)
			r.trace.change(Change{Claim: "groups", Op: "trim", Pos: contract.Pos})
			patch = r.state.Claims.Patch()
		}
	}
	return patch, nil
}

// trim returns what stays of too many groups, in their order; nil when they are not too many. What is still too many is left
// to judge, which refuses it: which of the wanted groups to lose is nobody's to choose.
func (c Contract) trim(ctx context.Context, groups json.RawMessage) (json.RawMessage, error) {
	var list []string
	if err := json.Unmarshal(groups, &list); err != nil {
		return nil, errors.New("trim: claim \"groups\" is not a list of strings")
	}
	if len(list) <= c.MaxGroups {
		return nil, nil
	}
	kept := []string{}
	for _, group := range list {
		wanted, err := c.wants(ctx, group)
		if err != nil {
			return nil, err
		}
		if wanted {
			kept = append(kept, group)
		}
	}
	return marshal(kept)
}

// wants reports whether a group stays. It looks at the deadline before each pattern, and each takes a bounded time.
func (c Contract) wants(ctx context.Context, group string) (bool, error) {
	for _, g := range c.TrimGroups {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if g.Size()*(len(group)+1) > MaxMatch {
			return false, errors.New("trim: a group is too long for a pattern")
		}
		if g.Matches(group) {
			return true, nil
		}
	}
	return false, nil
}

// marshal is json.Marshal without the escaping for HTML.
func marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func (r *run) contracts(patch claims.Patch) error {
	judge := func(client string) error {
		contract, has := r.pipeline.Contracts[client]
		if !has {
			return nil
		}
		if err := contract.judge(r.state.Claims, patch); err != nil {
			return &Error{Class: Internal, Path: "clients." + client, Pos: contract.Pos, Err: err}
		}
		return nil
	}
	if err := judge(r.in.Client); err != nil {
		return err
	}
	for _, audience := range r.in.Audience {
		if audience == r.in.Client {
			continue
		}
		if err := judge(audience); err != nil {
			return err
		}
	}
	return nil
}

func (c Contract) judge(d *claims.Draft, patch claims.Patch) error {
	for _, want := range c.Require {
		value, there := d.Get(want.Claim)
		if !there {
			return fmt.Errorf("require: claim %q %w", want.Claim, errMissing)
		}
		if !hasType(value, want.Type) {
			return fmt.Errorf("require: claim %q is not of type %s", want.Claim, want.Type)
		}
	}
	if c.Allow != nil {
		for _, name := range slices.Sorted(maps.Keys(patch.Set)) {
			if !slices.Contains(c.Allow, name) {
				return fmt.Errorf("allow: claim %q is not listed", name)
			}
		}
	}
	if groups, there := d.Get("groups"); there && c.MaxGroups > 0 {
		if n := elements(groups); n > c.MaxGroups {
			return fmt.Errorf("maxGroups: %d groups are more than %d", n, c.MaxGroups)
		}
	}
	if c.MaxPayloadBytes > 0 {
		if err := fits(d, patch, c.MaxPayloadBytes); err != nil {
			return fmt.Errorf("maxPayloadBytes: %w", err)
		}
	}
	return nil
}

// fits reports a payload that has become too long.
func fits(d *claims.Draft, patch claims.Patch, most int) error {
	if atMost(d, patch) <= most {
		return nil
	}
	payload, err := d.Object().Apply(d.Patch())
	if err == nil && len(payload) > most {
		err = fmt.Errorf("the payload has %d bytes, more than %d", len(payload), most)
	}
	return err
}

// atMost is a size that the payload cannot exceed, found without writing it: most are far from their limit.
func atMost(d *claims.Draft, patch claims.Patch) int {
	const around = 4  // quotes, colon and comma
	const escaped = 6 // \u0000
	n := len(d.Object().Raw())
	for name, value := range patch.Set {
		n += escaped*len(name) + len(value) + around
	}
	if groups, there := d.Get("groups"); there && patch.Set["groups"] == nil {
		n += len(groups) + len("groups") + around // what a contract trimmed is not in the patch of the rules
	}
	return n
}

// elements counts the elements of a list, which is valid JSON; what is no list has none.
func elements(list json.RawMessage) (n int) {
	depth, quoted, begun := 0, false, false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted, begun = !quoted, true
		case quoted || c == ' ' || c == '\t' || c == '\r' || c == '\n':
		case c == '[' || c == '{':
			if depth == 0 && c == '{' {
				return 0
			}
			begun = depth > 0
			depth++
		case c == ']' || c == '}':
			depth--
		case c == ',' && depth == 1:
			n++
		default:
			begun = true
		}
	}
	if begun && len(list) > 0 && list[0] == '[' {
		n++
	}
	return n
}

// hasType looks at the first byte of a valid JSON value. An empty string is no user name, so it does not satisfy "string".
func hasType(value json.RawMessage, want string) bool {
	if len(value) == 0 {
		return false
	}
	switch value[0] {
	case '"':
		return want == "string" && string(value) != `""`
	case 't', 'f':
		return want == "bool"
	case '[':
		return want == "list"
	case '{':
		return want == "object"
	case 'n':
		return false
	}
	if want == "integer" {
		var n int64
		return json.Unmarshal(value, &n) == nil
	}
	return want == "number"
}

// Glob is a pattern for whole names: * stands for any text, ? for one character, everything else for itself, in this case.
// Contracts and rules write them alike. The zero value matches nothing.
type Glob struct {
	text   string
	prefix bool           // text and anything behind it
	re     *regexp.Regexp // nil where text says enough
	stars  int
	size   int // of re
}

// MaxPattern is how large a pattern may be, as PatternSize counts.
const MaxPattern = 1000

// MaxMatch is how long a text may be that a pattern looks at, times the size of the pattern: package regexp cannot be stopped.
const MaxMatch = 1 << 20

// PatternSize returns how many instructions package regexp makes of a regular expression. To match a text takes no more time than
// it takes to run all of them at each of its bytes.
func PatternSize(re string) int {
	parsed, err := syntax.Parse(re, syntax.Perl)
	if err != nil {
		return 0
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0
	}
	return len(prog.Inst)
}

// NewGlob reads a pattern. An empty one is an error: nothing has an empty name.
func NewGlob(pattern string) (Glob, error) {
	stars := strings.Count(pattern, "*")
	before, isPrefix := strings.CutSuffix(pattern, "*")
	switch {
	case pattern == "":
		return Glob{}, errors.New("it is empty")
	case !strings.ContainsAny(pattern, "*?"):
		return Glob{text: pattern}, nil
	case isPrefix && !strings.ContainsAny(before, "*?"):
		return Glob{text: before, prefix: true, stars: 1}, nil
	}
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for _, r := range pattern {
		switch r {
		case '*':
			b.WriteString(`(.*?)`)
		case '?':
			b.WriteByte('.')
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	b.WriteString(`\z`)
	re, err := regexp.Compile(b.String())
	size := PatternSize(b.String())
	if err != nil || size > MaxPattern {
		return Glob{}, errors.New("it is too large")
	}
	return Glob{re: re, stars: stars, size: size}, nil
}

// Size returns what matching takes, as PatternSize counts.
func (g Glob) Size() int { return max(g.size, 1) }

// Stars returns how many * the pattern has.
func (g Glob) Stars() int { return g.stars }

// Matches reports whether the pattern stands for the whole of s.
func (g Glob) Matches(s string) bool {
	switch {
	case g.re != nil:
		return g.re.MatchString(s)
	case g.prefix:
		return strings.HasPrefix(s, g.text)
	}
	return g.text != "" && s == g.text
}

// Find returns what each * stands for; all but the last take as little as they can.
func (g Glob) Find(s string) (stars []string, ok bool) {
	switch {
	case !g.Matches(s):
		return nil, false
	case g.re != nil:
		return g.re.FindStringSubmatch(s)[1:], true
	case g.prefix:
		return []string{s[len(g.text):]}, true
	}
	return nil, true
}
