package config

import (
	"fmt"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// maxClaim is how long the name of a claim may be, in bytes.
const maxClaim = 256

// checkClaims looks at the names that a step sets or removes, and at constants, whose type is known already.
func (c *stepChecker) checkClaims(s *Step) {
	seen := map[string]string{}
	for _, v := range s.Set {
		if message, hint := badClaim(v.Name); message != "" {
			c.wrongKey(v.Path, message, hint)
			continue
		}
		if other, again := seen[fold(v.Name)]; again {
			c.wrongKey(v.Path, fmt.Sprintf("claim %q differs from %q only in case", v.Name, other), "")
		}
		seen[fold(v.Name)] = v.Name
		if message, hint := badValue(v); message != "" {
			c.wrong(v.Path, message, hint)
		}
	}
	path := member(s.Path, "remove")
	for i, name := range s.Remove {
		if message, hint := badClaim(name); message != "" {
			c.wrong(element(path, i), message, hint)
		}
	}
	c.repeated(path, s.Remove)
}

// badClaim says why rules may not touch a claim.
func badClaim(name string) (message, hint string) {
	switch {
	case claims.Reserved(name):
		return fmt.Sprintf("claim %q is reserved for Dex", name), ""
	case len(name) > maxClaim:
		return fmt.Sprintf("the name of a claim is longer than %d bytes", maxClaim), ""
	}
	for _, own := range claims.OwnMembers() {
		if own != name && strings.EqualFold(own, name) {
			return fmt.Sprintf("claim %q differs from %q only in case", name, own), "write " + own
		}
	}
	return "", ""
}

// badValue says why a claim cannot have a value that is known without a request.
func badValue(v Value) (message, hint string) {
	kind, own := claims.OwnMember(v.Name)
	switch {
	case v.Expr != nil:
		if text := strings.TrimSpace(v.Expr.Value); loginName(v.Name) && (text == `""` || text == `''`) {
			return fmt.Sprintf("claim %q must not be empty", v.Name), "to take it away use remove: [" + v.Name + "]"
		}
	case v.Const == nil || !own:
	case v.Name == "email_verified" && v.Const == true:
		return `claim "email_verified" can only be set to false`, ""
	case !fitsKind(kind, v.Const):
		return fmt.Sprintf("claim %q must be %s", v.Name, kind), ""
	}
	return "", ""
}

// loginName reports whether a relying party may take a claim for the name of an account.
func loginName(claim string) bool { return claim == "username" || claim == "preferred_username" }

func fitsKind(kind claims.Kind, value any) bool {
	switch kind {
	case claims.KindBool:
		_, ok := value.(bool)
		return ok
	case claims.KindStrings:
		list, ok := value.([]any)
		for _, e := range list {
			_, text := e.(string)
			ok = ok && text
		}
		return ok
	}
	return false // a constant in the file is never a string: a string is an expression
}
