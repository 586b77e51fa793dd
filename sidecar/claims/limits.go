package claims

import "fmt"

// Limit is how much of something a request may hold.
type Limit struct {
	What  string // "request id", "groups" ...
	Bytes int    // of each
	Count int    // how many; zero: there is one
}

const (
	// MaxPayload is how many bytes a payload may have, before and after the patch. Tokens travel in HTTP headers and cookies; one of this
	// size is beyond use already.
	MaxPayload = 64 << 10
	// MaxMessage is how many bytes a whole request or reply may have on the wire.
	MaxMessage = 1 << 20
)

// The limits of a request. They are the same wherever it comes from: Dex, a test, a file, a flag.
const (
	idBytes   = 256
	textBytes = 1024
)

// limits is the one table, in the order of the fields of a request.
var limits = [...]Limit{
	{"payload", MaxPayload, 0}, {"user id", textBytes, 0}, {"username", textBytes, 0}, {"preferred username", textBytes, 0},
	{"e-mail address", textBytes, 0}, {"groups", textBytes, 10_000}, {"connector id", idBytes, 0}, {"client id", idBytes, 0},
	{"audience", idBytes, 100}, {"scopes", textBytes, 100}, {"grant type", idBytes, 0}, {"request id", idBytes, 0},
	{"features", idBytes, 32},
}

// Limits are those of a request.
func Limits() []Limit { return append([]Limit(nil), limits[:]...) }

// Fields are the fields of a request that have a limit.
type Fields struct {
	Payload                                    int // bytes
	UserID, Username, PreferredUsername, Email string
	Groups                                     []string
	Connector, Client                          string
	Audience, Scopes                           []string
	Grant, RequestID                           string
	Features                                   []string
}

// Check says which limit a request is beyond, or returns nil. Errors name fields, never values.
func (f *Fields) Check() error {
	if n := f.Payload; n > MaxPayload {
		return fmt.Errorf("the payload has %d bytes, more than %d", n, MaxPayload)
	}
	for i := 1; i < len(limits); i++ {
		if err := limits[i].check(f.at(i)); err != nil {
			return err
		}
	}
	return nil
}

// at returns what the i-th limit is about.
func (f *Fields) at(i int) (one string, many []string) {
	switch i {
	case 5:
		return "", f.Groups
	case 8:
		return "", f.Audience
	case 9:
		return "", f.Scopes
	case 12:
		return "", f.Features
	}
	return [...]string{1: f.UserID, 2: f.Username, 3: f.PreferredUsername, 4: f.Email, 6: f.Connector, 7: f.Client, 10: f.Grant, 11: f.RequestID}[i], nil
}

func (l Limit) check(one string, many []string) error {
	if len(one) > l.Bytes {
		return fmt.Errorf("the %s has %d bytes, more than %d", l.What, len(one), l.Bytes)
	}
	if len(many) > l.Count {
		return fmt.Errorf("the %s are %d, more than %d", l.What, len(many), l.Count)
	}
	for _, text := range many {
		if len(text) > l.Bytes {
			return fmt.Errorf("one of the %s has %d bytes, more than %d", l.What, len(text), l.Bytes)
		}
	}
	return nil
}
