package sidecar_test

import (
	"strings"
	"testing"
)

// TestAnAddressThatNobodyVerifiedDoesNotDecide: each of these pipelines lets whoever writes an address somewhere be taken for its owner,
// or hold what its owner holds.
func TestAnAddressThatNobodyVerifiedDoesNotDecide(t *testing.T) {
	const (
		boss  = `{groups: '["admin"]'}`
		setup = "listen: unix:///run/c.sock\nstate: {file: /var/lib/c/state.db, keyFile: /etc/c/key}\nplugins: {nas: {builtin: nas}, other: {builtin: nas}}\n"
	)
	refuse := func(deny string) string { return "  - {deny: '" + deny + "', message: No.}\n" }
	tests := []struct {
		name, pipeline string
		at             string // where the problem is
	}{
		// A lookup that is keyed on it.
		{"a claim set from it", "  - set: {addr: identity.unverifiedEmail}\n  - {lookup: nas, with: {email: string(claims.addr)}}\n", "pipeline[1].with.email"},
		{"through a list", "  - set: {l: '[identity.unverifiedEmail]'}\n  - {lookup: nas, with: {email: 'string(claims.l[0])'}}\n", "pipeline[1].with.email"},
		{"through an object", "  - set: {o: '{a: {b: claims.email}}'}\n  - {lookup: nas, with: {email: string(claims.o.a.b)}}\n", "pipeline[1].with.email"},
		{"through two claims", "  - set: {a: claims.email}\n  - set: {b: 'upper(string(claims.a))'}\n  - {lookup: nas, with: {email: string(claims.b)}}\n", "pipeline[2].with.email"},
		{"a claim set in a group", "  - {when: 'scopes == []', steps: [{set: {a: claims.email}}]}\n  - {lookup: nas, with: {email: string(claims.a)}}\n", "pipeline[1].with.email"},
		{"a claim that is sometimes set again", "  - set: {a: claims.email}\n  - {when: 'scopes == []', set: {a: identity.email}}\n  - {lookup: nas, with: {email: string(claims.a)}}\n", "pipeline[2].with.email"},
		{"another claim of the address", "  - set: {email: identity.unverifiedEmail}\n  - {lookup: nas, with: {email: string(claims.email)}}\n", "pipeline[1].with.email"},
		{"a variable", "  - lookup: nas\n    with: {email: 'let a = claims.email; let b = lower(string(a)); b'}\n", "pipeline[0].with.email"},
		{"a choice", "  - lookup: nas\n    with: {email: 'claims.email == \"a@b.example\" ? \"mum@b.example\" : identity.email'}\n", "pipeline[0].with.email"},
		{"an element", "  - lookup: nas\n    with: {email: 'first(filter([\"a@b.example\"], # == claims.email)) ?? \"\"'}\n", "pipeline[0].with.email"},
		{"a name for the person", "  - {lookup: nas, with: {email: identity.username}}\n", "pipeline[0].with.email"},
		{"another one", "  - {lookup: nas, with: {email: identity.preferredUsername}}\n", "pipeline[0].with.email"},
		{"an id that is an address", "  - {lookup: nas, with: {email: identity.userId}}\n", "pipeline[0].with.email"},
		{"a name in the token", "  - {lookup: nas, with: {email: string(claims.preferred_username)}}\n", "pipeline[0].with.email"},
		{"a claim set from a name", "  - set: {u: identity.username}\n  - {lookup: nas, with: {email: string(claims.u)}}\n", "pipeline[1].with.email"},
		{"a parameter of another name", "  - {lookup: nas, with: {email: identity.email, max: len(identity.unverifiedEmail)}}\n", "pipeline[0].with.max"},
		{"all claims", "  - {lookup: nas, with: {email: 'claims[\"em\" + \"ail\"]'}}\n", "pipeline[0].with.email"},
		{"a constant, when", "  - {when: 'claims.email == \"boss@corp.example\"', lookup: nas, with: {email: '\"boss@corp.example\"'}}\n", "pipeline[0].when"},
		{"a link", "  - {lookup: nas, with: {email: identity.email}, pin: {subject: string(claims.email), account: nas.name, id: nas.uid}}\n", "pipeline[0].pin.subject"},
		{"a link by a claim", "  - set: {a: claims.email}\n  - {lookup: nas, with: {email: identity.email}, pin: {subject: string(claims.a), account: nas.name, id: nas.uid}}\n", "pipeline[1].pin.subject"},
		{"a link to an account of its name", "  - {lookup: nas, with: {email: identity.email}, pin: {subject: identity.userId, account: 'claims.email == \"x\" ? nas.name : \"y\"', id: nas.uid}}\n", "pipeline[0].pin.account"},
		{"an administrator", "  - {lookup: nas, with: {email: identity.email}, pin: {subject: identity.userId, account: nas.name, id: nas.uid, explicit: 'nas.admin && claims.email == \"a\"'}}\n", "pipeline[0].pin.explicit"},
		// A gate.
		{"a gate", refuse(`not (claims.email endsWith "@corp.example")`), "pipeline[0].deny"},
		{"a gate on a name", refuse(`not (identity.username endsWith "@corp.example")`), "pipeline[0].deny"},
		{"a gate on the domain of a name", refuse(`emailDomain(identity.preferredUsername) != "corp.example"`), "pipeline[0].deny"},
		{"a gate on a list", refuse(`none(["a@b.example"], # == identity.unverifiedEmail)`), "pipeline[0].deny"},
		{"a gate on a claim that was chosen", "  - {set: {role: 'claims.email == \"boss@corp.example\" ? \"boss\" : \"\"'}}\n" + refuse(`claims.role != "boss"`), "pipeline[1].deny"},
		{"a gate on whether a claim was chosen", "  - {set: {role: 'filter([\"boss\"], claims.email == \"x\")'}}\n" + refuse(`not has(claims.role)`), "pipeline[1].deny"},
		{"a gate that asks for the wrong", refuse(`claims.email_verified == true || not (claims.email endsWith "@corp.example")`), "pipeline[0].deny"},
		{"a gate that is asked too late", refuse(`not (claims.email endsWith "@corp.example")`) + refuse(`claims.email_verified != true`), "pipeline[0].deny"},
		{"a gate behind one for others", "  - {when: 'client.id == \"a\"', steps: [{deny: claims.email_verified != true, message: No.}]}\n" + refuse(`not (claims.email endsWith "@corp.example")`), "pipeline[1].deny"},
		{"a gate that a rule opened", "  - set: {email_verified: 'scopes == []'}\n" + refuse(`claims.email_verified != true || claims.email != "a@b.example"`), "pipeline[1].deny"},
		{"all claims as a value", refuse(`claims == {}`), "pipeline[0].deny"},
		{"the identity as a value", refuse(`let i = identity; i.unverifiedEmail != "x"`), "pipeline[0].deny"},
		// What somebody holds.
		{"groups, when", "  - {when: 'claims.email == \"boss@corp.example\"', set: " + boss + "}\n", "pipeline[0].when"},
		{"groups in a group of steps, when", "  - {when: 'claims.email == \"boss@corp.example\"', steps: [{set: " + boss + "}]}\n", "pipeline[0].when"},
		{"groups, when a claim was set", "  - {set: {boss: 'claims.email == \"boss@corp.example\"'}}\n  - {when: 'claims.boss == true', set: " + boss + "}\n", "pipeline[1].when"},
		{"groups, when a claim is there", "  - {when: 'claims.email == \"x\"', allowUnverifiedEmail: true, set: {boss: true}}\n  - {when: '\"boss\" in claims', set: " + boss + "}\n", "pipeline[1].when"},
		{"groups, when a claim was taken away", "  - {when: 'claims.email == \"x\"', allowUnverifiedEmail: true, remove: [dept]}\n  - {when: 'claims.dept == nil', set: " + boss + "}\n", "pipeline[1].when"},
		{"groups, when a name is an address", "  - {when: 'identity.username == \"boss@corp.example\"', set: " + boss + "}\n", "pipeline[0].when"},
		{"groups, when a name is one of some addresses", "  - {when: 'claims.name in [\"a@b.example\"]', set: " + boss + "}\n", "pipeline[0].when"},
		{"chosen groups", "  - set: {groups: 'claims.email == \"x\" ? [\"admin\"] : []'}\n", "pipeline[0].set.groups"},
		{"groups of a domain", "  - set: {groups: '[emailDomain(identity.unverifiedEmail)]'}\n", "pipeline[0].set.groups"},
		{"groups from a list", "  - set: {groups: 'map([identity.unverifiedEmail], #)'}\n", "pipeline[0].set.groups"},
		{"groups from a table", "  - set: {groups: 'translate([string(claims.email)], {x: \"admin\"})'}\n", "pipeline[0].set.groups"},
		{"groups by a pattern", "  - set: {groups: '[firstMatch([string(claims.email)], \"*@corp.example\", \"admin\", \"none\")]'}\n", "pipeline[0].set.groups"},
		{"a login name", "  - set: {username: string(claims.email)}\n", "pipeline[0].set.username"},
		{"a preferred one", "  - set: {preferred_username: emailLocal(identity.unverifiedEmail)}\n", "pipeline[0].set.preferred_username"},
		{"a login name that is part of a name", "  - set: {username: emailLocal(identity.username)}\n", "pipeline[0].set.username"},
		{"a claim that a client requires", "  - set: {role: 'claims.email == \"x\" ? \"admin\" : \"none\"'}\nclients: {wiki: {require: {role: string}}}\n", "pipeline[0].set.role"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := checked(t, setup+"pipeline:\n"+tt.pipeline)
			if !strings.Contains(got, ": "+tt.at+": ") || strings.Contains(got, "warning: "+tt.at+": ") || !strings.Contains(got, "nobody verified") {
				t.Errorf("no problem at %s:\n%s", tt.at, got)
			}
		})
	}
}

// TestWhatAnAddressThatNobodyVerifiedMayDo: it may be shown, and decide where somebody asked whether it is verified, or said that it may.
func TestWhatAnAddressThatNobodyVerifiedMayDo(t *testing.T) {
	refuse := func(deny string) string {
		return "  - {deny: '" + deny + "', message: 'Not ${identity.unverifiedEmail}.'}\n"
	}
	const gate = `not (claims.email endsWith "@corp.example")`
	tests := []struct{ name, pipeline string }{
		{"shown", "  - set: {contact: optional(claims.email), all: '{a: [identity.unverifiedEmail]}', display: identity.username, email: identity.unverifiedEmail}\n"},
		{"chosen for show", "  - set: {logo: 'claims.email endsWith \"@corp.example\" ? \"corp\" : \"none\"'}\n"},
		{"told", refuse(`identity.email == ""`)},
		{"whether there is one", refuse(`identity.unverifiedEmail == "" or claims.email == nil or not has(claims.email) or not ("email" in claims)`)},
		{"a gate that asks", refuse(`claims.email_verified != true || ` + gate)},
		{"a gate that asks at its end", refuse(gate + ` || claims.email_verified != true`)},
		{"a gate that asks the identity", refuse(`not identity.emailVerified || ` + gate)},
		{"a gate that asks for the trusted address", refuse(`identity.email == "" || ` + gate)},
		{"a gate behind a gate", refuse(`claims.email_verified != true`) + refuse(gate)},
		{"a gate behind a gate, in a group", "  - when: client.id == \"a\"\n    steps:\n    - {deny: identity.email == \"\", message: No.}\n    - {deny: '" + gate + "', message: No.}\n"},
		{"a gate in a group that asks", "  - when: identity.email != \"\"\n    steps:\n    - {deny: '" + gate + "', message: No.}\n"},
		{"groups, when it asks", "  - {when: 'claims.email_verified == true && claims.email == \"boss@corp.example\"', set: {groups: '[\"admin\"]'}}\n"},
		{"groups, when it asks in a choice", "  - set: {groups: 'claims.email_verified == true ? (claims.email == \"a\" ? [\"admin\"] : []) : []'}\n"},
		{"groups, when it asks with not", "  - set: {groups: 'not (claims.email_verified == true) ? [] : [optional(claims.email)]'}\n"},
		{"groups, when it asks with a variable", "  - set: {groups: 'let ok = identity.emailVerified; ok && claims.email == \"a\" ? [\"admin\"] : []'}\n"},
		{"groups, when it asks with ??", "  - {when: '(claims.email_verified ?? false) == true && claims.email == \"a\"', set: {groups: '[\"admin\"]'}}\n"},
		{"a claim that was set again", "  - set: {a: optional(claims.email)}\n  - set: {a: identity.email}\n  - {lookup: nas, with: {email: string(claims.a)}}\n"},
		{"a claim that was taken away", "  - set: {a: optional(claims.email)}\n  - remove: [a]\n" + refuse(`claims.a == "x"`)},
		{"the address after it was set", "  - set: {email: identity.email}\n  - {lookup: nas, with: {email: string(claims.email)}}\n"},
		{"the trusted address", "  - {lookup: nas, with: {email: lower(identity.email)}}\n  - {lookup: other, with: {email: nas.name}}\n"},
		{"the trusted address in a group's address", "  - {when: '\"family@corp.example\" in claims.groups', set: {groups: '[\"a\"]'}}\n"},
		{"names", "  - {when: 'identity.username == \"mum\"', set: {username: identity.username, preferred_username: 'default(claims.name, \"\")'}}\n"},
		{"facts of a lookup that may", "  - {lookup: nas, allowUnverifiedEmail: true, with: {email: 'default(claims.email, \"\")'}}\n" + refuse(`not nas.found`) + "  - set: {username: nas.name}\n"},
		{"a gate that may", "  - {deny: '" + gate + "', message: No., allowUnverifiedEmail: true}\n"},
		{"groups that may", "  - {when: 'claims.email == \"x\"', allowUnverifiedEmail: true, set: {groups: '[\"a\"]'}}\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, line := range strings.Split(checked(t, "listen: unix:///run/c.sock\nplugins: {nas: {builtin: nas}, other: {builtin: nas}}\npipeline:\n"+tt.pipeline), "\n") {
				if strings.HasPrefix(line, "t.yaml:") && !strings.Contains(line, ": warning: ") {
					t.Error(line)
				}
			}
		})
	}
}
