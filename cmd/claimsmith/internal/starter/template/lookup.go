package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// Config is what the operator writes below "config:". A field is required unless its tag says omitempty. A password would be
// a string with the tag secret:"true": it is then given as the name of a file. A plugin may read the files that its configuration
// names with keys that are "file" or end in "File", and else what limits: {readable: [...]} lists.
type Config struct {
	People []Person `json:"people,omitempty" doc:"everybody there is"`
}

// Person is somebody of the configuration.
type Person struct {
	Email  string   `json:"email" doc:"address, as it is written in tokens"`
	Name   string   `json:"name" doc:"name of the account"`
	Groups []string `json:"groups,omitempty" doc:"groups of the account"`
}

// Params is what rules ask, below "with:".
type Params struct {
	Email string `json:"email" doc:"address that somebody verified"`
}

// Facts is what rules read of the answer, such as NAME.account.
type Facts struct {
	Account string   `json:"account" doc:"name of the account"`
	Groups  []string `json:"groups" doc:"groups of the account"`
}

// directory answers questions. It is asked by many goroutines at the same time and does not change.
type directory struct {
	people map[string]Person // by address in lower case
}

// open checks a configuration and prepares for questions. It may open files, but it does not call other machines: they may be
// asleep while claimsmith starts.
func open(_ context.Context, h sdk.Host, c Config) (sdk.Lookup[Params, Facts], error) {
	d := directory{people: make(map[string]Person, len(c.People))}
	var problems sdk.Problems
	for i, p := range c.People {
		key := strings.ToLower(p.Email)
		switch _, twice := d.people[key]; {
		case !strings.Contains(p.Email, "@"):
			problems = append(problems, sdk.Problem{Path: fmt.Sprintf("people[%d].email", i), Message: "this is no address", Hint: "write name@example.org"})
		case twice:
			problems = append(problems, sdk.Problem{Path: fmt.Sprintf("people[%d].email", i), Message: "somebody else has this address"})
		}
		d.people[key] = p
	}
	if len(problems) > 0 {
		return nil, problems
	}
	h.Log.Info("directory opened", "people", len(d.people)) // numbers and names of things, never personal data
	return d, nil
}

// Lookup answers one question. Here you would ask your own system: pass ctx on, so that nothing works for somebody who does not
// wait any more, and return an error if it cannot tell. An error means "I don't know"; its text is logged.
func (d directory) Lookup(_ context.Context, p Params) (sdk.Answer[Facts], error) {
	person, ok := d.people[strings.ToLower(p.Email)]
	if !ok {
		return sdk.Answer[Facts]{Problem: "none"}, nil
	}
	return sdk.Answer[Facts]{Found: true, Facts: Facts{Account: person.Name, Groups: person.Groups}}, nil
}
