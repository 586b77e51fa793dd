package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// requests makes what Dex may send to the rules of a configuration, with what its lookups find.
func requests(known map[string]*facts.Type) *rapid.Generator[*replay.Request] {
	return rapid.Custom(func(t *rapid.T) *replay.Request {
		m := &maker{t: t}
		r := &replay.Request{
			Client: m.pick("cli", "web", "api"), Connector: m.pick("google", "google", "google", "ldap", ""), Stage: m.pick("token", "token", "token", "login"),
			Scopes: slices.Clone([][]string{{"openid", "profile", "email", "groups"}, {"openid"}, {"openid", "groups"}, {"openid", "email", "profile"}}[m.index(4)]), Facts: map[string]json.RawMessage{},
		}
		r.Audience = [][]string{{r.Client}, {r.Client}, {r.Client, "other"}, {"other", r.Client}}[m.index(4)]
		switch {
		case r.Connector == "":
			r.Grant, r.Stage = "client_credentials", "token"
		case r.Stage == "token":
			r.Grant = m.pick("authorization_code", "refresh_token", "implicit", "password")
		}
		r.Identity = replay.RequestIdentity{
			UserID: m.textValue(), Username: m.textValue(), PreferredUsername: m.textValue(), Email: m.pick("", "ada@x.org", "Ada@X.ORG", "zoë@x.org", "b@other.example", "no address"),
			EmailVerified: m.oneIn(2), Groups: m.textValues(),
		}
		if r.Connector == "" {
			r.Identity = replay.RequestIdentity{UserID: r.Client, Username: r.Client}
		}
		for _, alias := range slices.Sorted(maps.Keys(known)) {
			r.Facts[alias] = m.answer(known[alias])
		}
		return r
	})
}

func (m *maker) textValue() string {
	if m.oneIn(40) {
		return strings.Repeat(m.pick("long ", "é", "a", "\t"), 1+m.index(200))
	}
	if m.oneIn(60) {
		return m.pick("\u202eabc", " spaced ", "a\x00b", "\ufeff", "a\u200bb", " ", "a\nb")
	}
	return m.pick("a", "", "Ada", "Zoë", "e\u0301-x", "😀 b", "dev-a", "x@y.org", "12", "-1", "1e400", "9007199254740993", "CN=Müller\\, Ada,OU=x", "a\"b\\c",
		"名前", "dev", "null", "STRAßE", "ada@x.org", "1.50", "ops", "שלום", "DEV", "a,b;c")
}

func (m *maker) textValues() []string {
	out := []string{}
	for range m.index(5) {
		out = append(out, m.textValue())
	}
	if m.oneIn(50) {
		for i := range 300 {
			out = append(out, fmt.Sprintf("dev-%d", i))
		}
	}
	return out
}

// answer is what a lookup finds, as a test gives it.
func (m *maker) answer(t *facts.Type) json.RawMessage {
	answer := map[string]json.RawMessage{}
	switch m.index(8) {
	case 7:
		return json.RawMessage(`{"failed": true}`)
	case 6:
		answer["found"], answer["problem"] = json.RawMessage("false"), json.RawMessage(`"none"`)
	case 5:
		answer["found"], answer["stale"], answer["age"] = json.RawMessage("true"), json.RawMessage("true"), json.RawMessage(`"90s"`)
		m.members(t, answer)
	default:
		answer["found"] = json.RawMessage("true")
		m.members(t, answer)
	}
	return jsonOf(answer)
}

func (m *maker) members(t *facts.Type, into map[string]json.RawMessage) {
	for _, name := range t.Names() {
		if !m.oneIn(3) {
			into[name] = m.jsonValue(t.Fields[name])
		}
	}
}

func (m *maker) jsonValue(t *facts.Type) json.RawMessage {
	switch t.Kind {
	case facts.String:
		return jsonOf(m.textValue())
	case facts.Bool:
		return json.RawMessage(m.pick("true", "false"))
	case facts.Int:
		return json.RawMessage(m.pick("0", "1", "-1", "7", "256", "9007199254740993", "-9007199254740993", "9007199254740991", "9223372036854775807", "-9223372036854775808"))
	case facts.Float:
		return json.RawMessage(m.pick("0", "0.5", "-1.5", "1e300", "9007199254740992", "-0.0", "5", "1e-9"))
	case facts.List:
		list := []json.RawMessage{}
		for range m.index(4) {
			list = append(list, m.jsonValue(t.Elem))
		}
		return jsonOf(list)
	}
	members := map[string]json.RawMessage{}
	if m.members(t, members); t.Fields["value"] != nil {
		members["name"] = jsonOf(m.pick("quota", "other", "Quota"))
	}
	return jsonOf(members)
}

func jsonOf(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}

// ascii writes JSON such that YAML reads the same: with no character that cannot be seen.
func ascii(raw json.RawMessage) string {
	var b strings.Builder
	for _, r := range string(raw) {
		switch {
		case r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// testCase is a request as a case of the tests block.
func testCase(name string, r *replay.Request, now time.Time, want string) string {
	given := map[string]any{"client": r.Client, "scopes": r.Scopes, "audience": r.Audience, "stage": r.Stage, "now": now.UTC().Format("2006-01-02T15:04Z"), "facts": r.Facts}
	if r.Grant != "" {
		given["grant"] = r.Grant
	}
	if id := r.Identity; r.Connector != "" {
		given["connector"] = r.Connector
		given["identity"] = map[string]any{"userId": id.UserID, "username": id.Username, "preferredUsername": id.PreferredUsername, "email": id.Email, "emailVerified": id.EmailVerified, "groups": id.Groups}
	} else {
		given["identity"] = map[string]any{"userId": id.UserID, "username": id.Username}
	}
	return fmt.Sprintf("  - name: %s\n    given: %s\n    want: %s\n", name, ascii(jsonOf(given)), want)
}
