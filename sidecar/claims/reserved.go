package claims

// reserved are the members that only Dex writes: who the token is about and for, how long it holds, how it was come by,
// and what binds it to another token or key. RFC 7519 4.1, OpenID Connect Core 2, 3.1.3.6, 3.3.2.11, 5.6.2,
// RFC 7800 (cnf), RFC 8693 4 (act, may_act), RFC 9068 2.2 (scope, client_id), RFC 8417 (events),
// OpenID Connect Front-Channel Logout 3 (sid), FAPI 1 part 2 (s_hash); federated_claims is Dex's own, scp is what others call scope.
var reserved = [...]string{
	"iss", "sub", "aud", "azp", "exp", "iat", "nbf", "jti", "nonce", "at_hash", "c_hash", "s_hash", "auth_time", "sid", "acr",
	"amr", "cnf", "act", "may_act", "scope", "scp", "client_id", "events", "_claim_names", "_claim_sources", "federated_claims",
}

// Reserved reports whether a name belongs to Dex. Names are compared as EqualFold does, because decoders that match member names
// loosely (Go's encoding/json is one) take "Sub", and "ſub", for "sub".
func Reserved(name string) bool {
	for _, r := range reserved {
		if EqualFold(r, name) {
			return true
		}
	}
	return false
}

// ReservedNames returns the names that belong to Dex.
func ReservedNames() []string { return append([]string(nil), reserved[:]...) }

// Kind is the type that a claim must keep.
type Kind string

const (
	KindString  Kind = "a string"
	KindBool    Kind = "true or false"
	KindStrings Kind = "a list of strings"
)

// OwnMember returns the type of a member that Dex writes itself and that rules may change. The name is compared exactly.
func OwnMember(name string) (Kind, bool) {
	switch name {
	case "email", "name", "preferred_username":
		return KindString, true
	case "email_verified":
		return KindBool, true
	case "groups":
		return KindStrings, true
	}
	return "", false
}

// onlySo are the names of claims with rules of their own, those that OwnMember knows and username.
var onlySo = [...]string{"email", "email_verified", "groups", "name", "preferred_username", "username"}

// OnlySo returns the claim with rules of its own for which a loose reader takes a name that is spelled in another way, or "".
func OnlySo(name string) string {
	for _, own := range onlySo {
		if alike(own, name) {
			return own
		}
	}
	return ""
}

// OwnMembers returns the names that OwnMember knows.
func OwnMembers() []string {
	var own []string
	for _, name := range onlySo {
		if _, ok := OwnMember(name); ok {
			own = append(own, name)
		}
	}
	return own
}
