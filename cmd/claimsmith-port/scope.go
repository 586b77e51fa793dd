package main

import (
	"maps"
	"slices"
	"strings"
)

// field is something that rules read of a request, and what a sample has there.
type field struct {
	value
	of func(person) any
	// hollow: where nothing is known it is empty, and not missing.
	hollow bool
}

// fields are what --as may name, and what the names of other systems stand for.
var fields = map[string]field{
	"identity.userId":            {atom(kindText, "identity.userId"), func(p person) any { return p.UserID }, false},
	"identity.username":          {atom(kindText, "identity.username"), func(p person) any { return p.Username }, true},
	"identity.preferredUsername": {atom(kindText, "identity.preferredUsername"), func(p person) any { return p.PreferredUsername }, true},
	"identity.email":             {atom(kindText, "identity.email"), func(p person) any { return p.Email }, true},
	"identity.emailVerified":     {atom(kindBool, "identity.emailVerified"), func(p person) any { return p.EmailVerified }, false},
	"identity.groups":            {atom(kindTexts, "identity.groups"), func(p person) any { return texts(p.Groups) }, false},
	"claims.sub":                 {atom(kindText, "claims.sub"), func(person) any { return sampleSubject }, false},
	"claims.iss":                 {atom(kindText, "claims.iss"), func(person) any { return sampleIssuer }, false},
}

// tokenClaims are the claims of a token of Dex, as those see it who get it.
var tokenClaims = map[string]string{
	"sub": "claims.sub", "iss": "claims.iss", "name": "identity.username", "preferred_username": "identity.preferredUsername",
	"email": "identity.email", "email_verified": "identity.emailVerified", "groups": "identity.groups",
}

// scope is what the names of an original mean in rules.
type scope struct {
	names map[string]field // by their whole path, as claims.email
	// strict: what is missing is an error of the original.
	strict bool
	// token: what is empty is missing, as in a token of Dex. Where missing is no error, a list is empty in the place of it: rules see no other.
	token bool
	// sets: lists of groups hold each name once.
	sets bool
	// constants are values that the original has under a name.
	constants map[string]any
	// lost are names that the original makes with a rule that has no equivalent.
	lost map[string]bool
}

// newScope returns what names mean: those of under, with a prefix, and those that the operator says.
func newScope(prefix string, under map[string]string, as map[string]string) *scope {
	s := &scope{names: map[string]field{}, constants: map[string]any{}, lost: map[string]bool{}}
	for name, is := range under {
		s.names[prefix+name] = fields[is]
	}
	for name, is := range as {
		s.names[name] = fields[is]
		s.names[prefix+name] = fields[is]
	}
	return s
}

// read returns what a path is in rules, and how much of the path that takes.
func (s *scope) read(path []string) (f field, length int, ok bool) {
	for n := len(path); n > 0; n-- {
		name := strings.Join(path[:n], ".")
		if s.lost[name] {
			refuse("it reads %s, which has no equivalent here", name)
		}
		if f, ok := s.names[name]; ok {
			return f, n, true
		}
		if c, ok := s.constants[name]; ok {
			return field{value: constant(c)}, n, true
		}
	}
	return field{}, 0, false
}

// unseen refuses a name that rules have nothing for.
func (s *scope) unseen(path []string) {
	name := strings.Join(path, ".")
	if path[0] == "claims" && len(path) > 1 && slices.Contains([]string{"exp", "iat", "nbf", "jti", "at_hash", "c_hash", "nonce", "aud"}, path[1]) {
		refuse("rules do not read %s: Dex writes it when it signs", name)
	}
	refuse("rules have nothing called %s: Dex keeps an id, names, an address and groups of what the upstream says. "+
		"If it is one of these, say so with --as %s=identity.groups; else a lookup can know it", name, name)
}

// sample is what the names of the original are for a person.
func (s *scope) sample(p person) map[string]any {
	root := map[string]any{}
	for _, name := range sortedKeys(s.names) {
		f := s.names[name]
		if f.of == nil {
			continue
		}
		v := f.of(p)
		if v == "" && (s.token || s.strict) || s.token && s.strict && f.kind.isList() && len(v.([]any)) == 0 { // Dex leaves it out
			continue
		}
		put(root, strings.Split(name, "."), v)
	}
	for name, v := range s.constants {
		put(root, strings.Split(name, "."), v)
	}
	return root
}

// put lays a value into nested objects.
func put(into map[string]any, path []string, v any) {
	for _, name := range path[:len(path)-1] {
		inner, ok := into[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			into[name] = inner
		}
		into = inner
	}
	into[path[len(path)-1]] = v
}

func texts(list []string) []any { return each(list, func(s string) any { return s }) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// clone is a scope that later rules do not change.
func (s *scope) clone() *scope {
	c := *s
	c.names, c.lost = maps.Clone(s.names), maps.Clone(s.lost)
	return &c
}
