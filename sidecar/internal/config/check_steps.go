package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/duration"
)

// stepChecker goes through the pipeline and remembers who took which name.
type stepChecker struct {
	*decoder
	plugins map[string]bool
	aliases map[string]string // name of the facts → path of the lookup

	unflagged []string // paths where email_verified is removed and email is not
	addresses bool     // some step removes email
}

func newStepChecker(d *decoder, plugins []Plugin) *stepChecker {
	c := &stepChecker{decoder: d, plugins: map[string]bool{}, aliases: map[string]string{}}
	for _, p := range plugins {
		c.plugins[p.Name] = true
	}
	return c
}

func (c *stepChecker) checkAll(steps []Step) {
	for i := range steps {
		if !c.sound(steps[i].Place) || c.full() {
			continue
		}
		c.check(&steps[i])
		c.checkAll(steps[i].Steps)
	}
}

var (
	actionKeys = [...]string{"lookup", "set", "remove", "deny", "steps"}
	lookupKeys = [...]string{"as", "with", "cache", "onError", "grants", "pin"}
)

func (c *stepChecker) check(s *Step) {
	if s.From != nil && s.Until != nil && !s.From.Time.IsZero() && !s.Until.Time.IsZero() && !s.From.Time.Before(s.Until.End()) {
		c.wrong(member(s.Path, "until"), "the step is over before it begins", "until: is the last day, or the minute at which it is over")
	}
	var actions []string
	for _, key := range actionKeys {
		if s.has(key) {
			actions = append(actions, key)
		}
	}
	switch len(actions) {
	case 0:
		if !c.strange[s.node] {
			c.wrong(s.Path, "the step does nothing", "it needs one of "+strings.Join(actionKeys[:], ", "))
		}
		return
	case 1:
	default:
		c.wrongKey(member(s.Path, actions[1]), "a step does one thing; this one has "+strings.Join(actions, " and "),
			"write a step for each; steps puts them under one when")
	}
	if s.has("lookup") {
		c.checkLookup(s)
	} else {
		c.misplaced(s.Place, "this belongs to a step with lookup", lookupKeys[:]...)
	}
	switch {
	case s.has("deny") && !s.has("message"):
		c.wrongKey(member(s.Path, "deny"), "a refusal needs words for the person who is refused", "add message: and a sentence")
	case s.has("message") && !s.has("deny"):
		c.misplaced(s.Place, "this belongs to a step with deny", "message")
	}
	if s.AllowUnverifiedEmail {
		c.warn(member(s.Path, "allowUnverifiedEmail"), "whoever can claim an address at the connector is taken for its owner", "")
	}
	if s.Message != nil && cutOff(*s.Message) {
		c.warn(member(s.Path, "message"), `in YAML " #" starts a comment, so the sentence ends before it`, "put the whole sentence in quotes")
	}
	c.checkClaims(s)
}

func (c *stepChecker) checkLookup(s *Step) {
	c.checkAlias(s)
	if s.Lookup != "" && !c.plugins[s.Lookup] {
		hint := Suggest(s.Lookup, slices.Sorted(maps.Keys(c.plugins)))
		if len(c.plugins) == 0 {
			hint = "declare it under plugins"
		}
		c.wrong(member(s.Path, "lookup"), fmt.Sprintf("no plugin is called %q", s.Lookup), hint)
	}
	for i, name := range s.Grants {
		c.checkGrant(element(member(s.Path, "grants"), i), name)
	}
	c.repeated(member(s.Path, "grants"), s.Grants)
	if s.has("pin") && !c.src.has("state") {
		c.wrongKey(member(s.Path, "pin"), "pin needs state, which says where links are kept", "write state: {file: /var/lib/claimsmith/state.db, keyFile: ...}")
	}
	if s.Cache != nil && s.Cache.MaxStale > 0 && s.Cache.MaxStale < max(s.Cache.TTL, s.Cache.NegativeTTL) {
		c.wrong(member(s.Cache.Path, "maxStale"), "maxStale is shorter than the time for which an answer holds anyway",
			"write more than "+duration.Short(max(s.Cache.TTL, s.Cache.NegativeTTL)))
	}
}

func (c *stepChecker) checkAlias(s *Step) {
	alias, path := s.Alias(), member(s.Path, "lookup")
	if alias == "" || s.has("as") && s.As == "" {
		return
	}
	if s.As != "" {
		path = member(s.Path, "as")
		if message, hint := badName(s.As); message != "" {
			c.wrong(path, message, hint)
			return
		}
		if s.As != s.Lookup && c.plugins[s.As] {
			c.wrong(path, fmt.Sprintf("%q is the name of another plugin", s.As), "")
		}
	}
	if first, taken := c.aliases[alias]; taken {
		c.wrong(path, fmt.Sprintf("%q is already what %s calls its facts", alias, first), "give these another name: as: "+alias+"2")
		return
	}
	c.aliases[alias] = s.Path
}

// grants are the grant types that Dex knows.
var grants = [...]string{
	"authorization_code", "refresh_token", "implicit", "password", "client_credentials",
	"urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange",
}

// checkGrant lets other URNs pass: newer versions of Dex may know more.
func (d *decoder) checkGrant(path, name string) {
	if !slices.Contains(grants[:], name) && !strings.HasPrefix(name, "urn:") {
		d.wrong(path, fmt.Sprintf("%q is not a grant type", name), grantHint(name))
	}
}

func grantHint(name string) string {
	for _, g := range grants {
		if strings.HasSuffix(g, ":"+strings.ReplaceAll(name, "-", "_")) || strings.HasSuffix(g, ":"+strings.ReplaceAll(name, "_", "-")) {
			return fmt.Sprintf("did you mean %q?", g)
		}
	}
	return Suggest(name, grants[:])
}
