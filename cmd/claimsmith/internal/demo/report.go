package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Report is what the demo saw. Its JSON is stable.
type Report struct {
	Person      string          `json:"person"`
	Before      json.RawMessage `json:"before"` // claims of the ID token of Dex without the hook
	IDToken     json.RawMessage `json:"idToken"`
	AccessToken json.RawMessage `json:"accessToken"`
	Userinfo    json.RawMessage `json:"userinfo"`
	Changed     []Change        `json:"changed"`
	DecisionID  string          `json:"decisionId"`
	SignedInAs  string          `json:"signedInAs"`
	Refused     []Refusal       `json:"refused"`
	Timings     Timings         `json:"timings"`
}

// Change is a claim that a rule changed, and where that is written.
type Change struct {
	Claim string          `json:"claim"`
	Op    string          `json:"op"`
	Value json.RawMessage `json:"value,omitempty"`
	Rule  string          `json:"rule"`  // file:line
	Facts []string        `json:"facts"` // what the rule read
}

// Refusal is a login that ended on a page.
type Refusal struct {
	User       string `json:"user"`
	Stage      string `json:"stage"`
	HTTPStatus int    `json:"httpStatus"`
	Seen       string `json:"seen"` // the sentence on the page
	DecisionID string `json:"decisionId"`
	Rule       string `json:"rule"`
}

// Timings are in milliseconds.
type Timings struct {
	Dex     int64 `json:"dexMs"`   // to have the hooked Dex: a build, or a look into the cache
	Start   int64 `json:"startMs"` // until everything answers
	SignIn  int64 `json:"signInMs"`
	Refused int64 `json:"refusedMs"` // all refused logins
	Total   int64 `json:"totalMs"`
}

func since(start time.Time) int64 { return time.Since(start).Milliseconds() }

// changes joins what the decision line says with the values in the token.
func changes(d decision, token json.RawMessage) ([]Change, error) {
	claims, _, err := members(token)
	if err != nil {
		return nil, err
	}
	out := make([]Change, 0, len(d.Claims))
	for _, c := range d.Claims {
		out = append(out, Change{Claim: c.Claim, Op: c.Op, Value: claims[c.Claim], Rule: c.Rule, Facts: append([]string{}, c.Facts...)})
	}
	return out, nil
}

// members returns the members of an object, and their names in order.
func members(object json.RawMessage) (map[string]json.RawMessage, []string, error) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(object, &m); err != nil {
		return nil, nil, fmt.Errorf("read claims: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(object))
	var names []string
	if _, err := d.Token(); err != nil {
		return nil, nil, err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, nil, err
		}
		if s, ok := name.(string); ok {
			names = append(names, s)
		}
	}
	return m, names, nil
}

// comparison shows two sets of claims line by line: "-" was only before, "+" is only after, "~" changed.
func comparison(before, after json.RawMessage) (string, error) {
	old, oldNames, err := members(before)
	if err != nil {
		return "", err
	}
	now, names, err := members(after)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, name := range oldNames {
		if _, stays := now[name]; !stays && !slices.Contains(volatile(), name) {
			fmt.Fprintf(&b, "    - %-20s %s\n", name, old[name])
		}
	}
	for _, name := range names {
		mark, was := " ", old[name]
		switch {
		case was == nil:
			mark = "+"
		case !slices.Contains(volatile(), name) && !bytes.Equal(was, now[name]):
			mark = "~"
		}
		fmt.Fprintf(&b, "    %s %-20s %s\n", mark, name, shorten(now[name]))
	}
	return b.String(), nil
}

// volatile are the claims that differ between any two tokens.
func volatile() []string {
	return []string{"iss", "iat", "exp", "jti", "at_hash", "c_hash", "nonce", "auth_time"}
}

func shorten(value json.RawMessage) string {
	if s := []rune(string(value)); len(s) > 70 {
		return string(s[:67]) + "..."
	}
	return string(value)
}
