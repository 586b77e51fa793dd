package http

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/sidecar/address"
)

// Answers say where in a reply the facts are, as JSON pointers.
type Answers struct {
	Found     string       `json:"found,omitempty" doc:"where it says whether somebody was found: an object or true says yes; false, null or nothing says no; default: every reply with status 2xx says yes"`
	Ambiguous string       `json:"ambiguous,omitempty" doc:"where a second one would be, like /1 in a list: an object or true there says that more than one was found"`
	Email     string       `json:"email,omitempty" doc:"where the reply repeats the address: if it is another than the one that was asked for, nobody was found"`
	Name      string       `json:"name,omitempty" doc:"a text, for the fact name"`
	Groups    string       `json:"groups,omitempty" doc:"a list of texts, for the fact groups; of a list of objects with * for each of them, like /value/*/displayName"`
	Flag      string       `json:"flag,omitempty" doc:"true or false, for the fact flag"`
	Number    string       `json:"number,omitempty" doc:"a number, for the fact number"`
	Texts     []TextAnswer `json:"texts,omitempty" doc:"texts of any names, for the fact texts: each with name and at"`
	Optional  []string     `json:"optional,omitempty" doc:"which of name, groups, flag and number a reply may lack; the others have to be there when somebody was found"`
}

// TextAnswer says where one of the texts is.
type TextAnswer struct {
	Name string `json:"name" doc:"name among the texts"`
	At   string `json:"at" doc:"JSON pointer to a text, a number, true or false"`
}

// reading is Answers, understood.
type reading struct {
	found, ambiguous, email    pointer // nil: not given
	name, groups, flag, number pointer
	texts                      []textAt
	optional                   map[string]bool
}

type textAt struct {
	name string
	at   pointer
}

// parse understands a; what is wrong goes to check.
func (a Answers) parse(check *checker) *reading {
	r := &reading{optional: map[string]bool{}}
	mapped := map[string]bool{}
	for _, f := range []struct {
		name, given string
		into        *pointer
	}{
		{"found", a.Found, &r.found}, {"ambiguous", a.Ambiguous, &r.ambiguous}, {"email", a.Email, &r.email},
		{"name", a.Name, &r.name}, {"groups", a.Groups, &r.groups}, {"flag", a.Flag, &r.flag}, {"number", a.Number, &r.number},
	} {
		if f.given == "" {
			continue
		}
		p, err := parsePointer(f.given)
		check.bad("answers."+f.name, err, "")
		if n := count(p); n > 1 || n == 1 && f.name != "groups" {
			check.bad("answers."+f.name, errors.New("* can stand once, in groups"), "")
		}
		*f.into, mapped[f.name] = p, true
	}
	for i, t := range a.Texts {
		path := "answers.texts[" + strconv.Itoa(i) + "]"
		p, err := parsePointer(t.At)
		check.bad(path+".at", err, "")
		if count(p) > 0 {
			check.bad(path+".at", errors.New("* can stand once, in groups"), "")
		}
		switch {
		case t.Name == "":
			check.bad(path+".name", errors.New("the name is empty"), "")
		case slices.ContainsFunc(r.texts, func(o textAt) bool { return strings.EqualFold(o.name, t.Name) }):
			check.bad(path+".name", errors.New("another text has this name, up to upper and lower case"), "")
		}
		r.texts = append(r.texts, textAt{t.Name, p})
	}
	for i, name := range a.Optional {
		if !mapped[name] || slices.Contains([]string{"found", "ambiguous", "email"}, name) {
			check.bad("answers.optional["+strconv.Itoa(i)+"]", errors.New("must be one of name, groups, flag and number that is given"), "")
		}
		r.optional[name] = true
	}
	return r
}

// count says how often a pointer goes through all elements of a list.
func count(p pointer) (n int) {
	for _, token := range p {
		if token == each {
			n++
		}
	}
	return n
}

// needed tells whether the body of a reply matters at all.
func (r *reading) needed() bool {
	return r.found != nil || r.ambiguous != nil || r.email != nil || r.name != nil || r.groups != nil || r.flag != nil || r.number != nil || len(r.texts) > 0
}

// ready tells whether a reply can be read with v.
func (r *reading) ready(v values) error {
	if r.email == nil {
		return nil
	}
	_, err := v.text("email")
	return err
}

// answer makes an answer of a reply. Its errors name places, never values.
func (r *reading) answer(reply any, v values) (sdk.Answer[Facts], error) {
	for _, step := range []func(any, values) (string, error){r.presence, r.onlyOne, r.sameAddress} {
		if problem, err := step(reply, v); problem != "" || err != nil {
			return sdk.Answer[Facts]{Problem: problem}, err
		}
	}
	facts, err := r.facts(reply)
	if err != nil {
		return sdk.Answer[Facts]{}, err
	}
	return sdk.Answer[Facts]{Found: true, Facts: facts}, nil
}

// presence says "none" if nobody was found.
func (r *reading) presence(reply any, _ values) (string, error) {
	if r.found == nil {
		return "", nil
	}
	there, err := says("found", r.found.in(reply))
	if err == nil && !there {
		return none, nil
	}
	return "", err
}

// onlyOne says "ambiguous" if more than one was found.
func (r *reading) onlyOne(reply any, _ values) (string, error) {
	if r.ambiguous == nil {
		return "", nil
	}
	there, err := says("ambiguous", r.ambiguous.in(reply))
	if there {
		return ambiguous, nil
	}
	return "", err
}

func says(what string, v any) (bool, error) {
	switch v := v.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	case map[string]any:
		return true, nil
	}
	return false, fmt.Errorf("answers.%s: the reply has there neither an object nor true or false", what)
}

// sameAddress says "none" if the reply is about another address than the one that was asked for.
func (r *reading) sameAddress(reply any, v values) (string, error) {
	if r.email == nil {
		return "", nil
	}
	given, ok := r.email.in(reply).(string)
	if !ok {
		return "", errors.New("answers.email: the reply has no text there")
	}
	want, good := address.Parse(v.texts["email"])
	got, ok := address.Parse(given)
	if !good || !ok || got != want {
		return none, nil
	}
	return "", nil
}

func (r *reading) facts(reply any) (Facts, error) {
	f := Facts{Groups: []string{}, Texts: []Text{}}
	for _, a := range []struct {
		name string
		at   pointer
		take func(any) error
	}{
		{"name", r.name, func(v any) (err error) { f.Name, err = asText(v); return err }},
		{"groups", r.groups, func(v any) (err error) { f.Groups, err = asTexts(v); return err }},
		{"flag", r.flag, func(v any) (err error) { f.Flag, err = asFlag(v); return err }},
		{"number", r.number, func(v any) (err error) { f.Number, err = asNumber(v); return err }},
	} {
		if a.at == nil {
			continue
		}
		v := a.at.in(reply)
		if v == nil && r.optional[a.name] {
			continue
		}
		if v == nil {
			return Facts{}, fmt.Errorf("answers.%s: the reply has nothing there, or null", a.name)
		}
		if err := a.take(v); err != nil {
			return Facts{}, fmt.Errorf("answers.%s: %w", a.name, err)
		}
	}
	for i, t := range r.texts {
		v := t.at.in(reply)
		if v == nil {
			continue
		}
		value, err := asWritten(v)
		if err != nil {
			return Facts{}, fmt.Errorf("answers.texts[%d]: %w", i, err)
		}
		f.Texts = append(f.Texts, Text{t.name, value})
	}
	return f, nil
}

func asText(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", errors.New("the reply has there something else than a text")
	}
	if strings.ContainsRune(s, utf8.RuneError) {
		return "", errors.New("the text there cannot be decoded")
	}
	return s, nil
}

func asTexts(v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, errors.New("the reply has there something else than a list of texts")
	}
	texts := make([]string, len(list))
	for i, e := range list {
		s, err := asText(e)
		if err != nil {
			return nil, errors.New("the reply has there a list of something else than texts")
		}
		texts[i] = s
	}
	return texts, nil
}

func asFlag(v any) (bool, error) {
	b, ok := v.(bool)
	if !ok {
		return false, errors.New("the reply has there something else than true or false")
	}
	return b, nil
}

// asNumber gives a number, unless it is an integer that a float64 would change.
func asNumber(v any) (float64, error) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, errors.New("the reply has there something else than a number")
	}
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil {
		return 0, errors.New("the number there is too large")
	}
	if i, whole := new(big.Int).SetString(string(n), 10); whole {
		if exact, _ := new(big.Float).SetFloat64(f).Int(nil); exact.Cmp(i) != 0 {
			return 0, errors.New("the integer there would lose digits: take it as one of the texts")
		}
	}
	return f, nil
}

// asWritten gives a text, or a number, true or false as a text.
func asWritten(v any) (string, error) {
	switch v := v.(type) {
	case json.Number:
		return string(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	case string:
		return asText(v)
	}
	return "", errors.New("the reply has there an object or a list")
}
