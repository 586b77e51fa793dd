package config

import (
	"fmt"
	"slices"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/fold"
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
		if other, again := seen[fold.Key(v.Name)]; again {
			c.wrongKey(v.Path, fmt.Sprintf("claim %q differs from %q only in case", v.Name, other), "")
		}
		seen[fold.Key(v.Name)] = v.Name
		if message := badValue(v); message != "" {
			c.wrong(v.Path, message, "")
		}
	}
	path := member(s.Path, "remove")
	for i, name := range s.Remove {
		c.addresses = c.addresses || name == "email"
		if name == "email_verified" && !slices.Contains(s.Remove, "email") {
			c.unflagged = append(c.unflagged, element(path, i))
		}
		if message, hint := badClaim(name); message != "" {
			c.wrong(element(path, i), message, hint)
		}
	}
	c.repeated(path, s.Remove)
}

// checkFlags reports steps that would leave an address without the word of whether it is verified, which some take for yes.
func (c *stepChecker) checkFlags() {
	for _, path := range c.unflagged {
		if !c.addresses {
			c.wrong(path, `claim "email_verified" can only be removed together with email`, "set it to false, or write remove: [email, email_verified]")
		}
	}
}

// badClaim says why rules may not touch a claim.
func badClaim(name string) (message, hint string) {
	switch {
	case claims.Reserved(name):
		return fmt.Sprintf("claim %q is reserved for Dex", name), ""
	case len(name) > maxClaim:
		return fmt.Sprintf("the name of a claim is longer than %d bytes", maxClaim), ""
	}
	if err := claims.CheckName(name); err != nil {
		return err.Error(), "write it with characters that can be seen"
	}
	if own := claims.OnlySo(name); own != "" {
		return fmt.Sprintf("claim %q differs from %q only in case", name, own), "write " + own
	}
	return "", ""
}

// badValue says why a claim cannot have a constant value.
func badValue(v Value) string {
	kind, own := claims.OwnMember(v.Name)
	switch {
	case v.Expr != nil, v.Const == nil, !own:
	case v.Name == "email_verified" && v.Const == true:
		return `claim "email_verified" can only be set to false`
	case !fitsKind(kind, v.Const):
		return fmt.Sprintf("claim %q must be %s", v.Name, kind)
	}
	return ""
}

func fitsKind(kind claims.Kind, value any) bool {
	switch kind {
	case claims.KindBool:
		_, ok := value.(bool)
		return ok
	case claims.KindStrings:
		list, ok := value.([]any)
		return ok && len(list) == 0
	}
	return false // a constant in the file holds no string: a string is an expression
}
