package dsm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// What an answer can be that is not DSM's. Callers test with errors.Is.
var (
	ErrWebPage    = errors.New("the answer is a web page, not DSM's Web API: check host and port of url (DSM is usually at 5001), and any proxy before the NAS")
	ErrEmpty      = errors.New("the answer is empty: DSM may be starting, or something else listens at this address")
	ErrTruncated  = errors.New("the answer ends in the middle: the connection was cut")
	ErrTooLong    = errors.New("the answer is longer than 16 MiB")
	ErrPlainHTTP  = errors.New("this port speaks https: write https:// in url")
	ErrRedirect   = errors.New("the answer is a redirect")
	ErrUnexpected = errors.New("the answer is not what DSM answers here")
)

// reply is an answer as it came.
type reply struct {
	status int
	body   []byte
}

// envelope is what DSM puts around every answer.
type envelope struct {
	Success *bool           `json:"success"`
	Data    json.RawMessage `json:"data"`
	Error   struct {
		Code   code            `json:"code"`
		Errors json.RawMessage `json:"errors"` // a list, an object or nothing; may hold tokens and names, so it is not kept
	} `json:"error"`
}

// code is a number that some versions send as a string.
type code int

func (c *code) UnmarshalJSON(data []byte) error {
	n, err := strconv.Atoi(string(bytes.Trim(data, `"`)))
	if err != nil {
		return nil // an answer without a code that can be read is one with code 0
	}
	*c = code(n)
	return nil
}

// decode reads an answer by what is in it: content type and status are not to be relied on. A refusal is an *Error
// without API and Method.
func decode(r reply, out any) error {
	body := bytes.TrimSpace(r.body)
	var e envelope
	switch err := json.Unmarshal(body, &e); {
	case len(body) == 0:
		return withStatus(ErrEmpty, r.status)
	case r.status == 400 && (bytes.Contains(body, []byte("to HTTPS port")) || bytes.Contains(body, []byte("to an HTTPS server"))):
		return ErrPlainHTTP
	case body[0] == '<':
		return withStatus(ErrWebPage, r.status)
	case err != nil:
		return withStatus(notJSON(err), r.status)
	case e.Success == nil:
		return withStatus(ErrUnexpected, r.status)
	case !*e.Success:
		return &Error{Code: int(e.Error.Code)}
	case out == nil:
		return nil
	}
	if len(e.Data) == 0 || bytes.Equal(e.Data, []byte("null")) {
		return fmt.Errorf("%w: no data in it", ErrUnexpected)
	}
	if err := json.Unmarshal(e.Data, out); err != nil {
		return fmt.Errorf("%w: %s", ErrUnexpected, shape(err))
	}
	return nil
}

// notJSON tells a cut answer from another one, without repeating any of it.
func notJSON(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) && syntax.Error() == "unexpected end of JSON input" {
		return ErrTruncated
	}
	return fmt.Errorf("%w: %s", ErrUnexpected, shape(err))
}

// shape says what is wrong with JSON without repeating any value of it.
func shape(err error) string {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		if kind.Field == "" {
			return "another kind of value was wanted"
		}
		return fmt.Sprintf("member %s is of another kind", kind.Field)
	}
	return "it is not JSON"
}

// withStatus adds the HTTP status where it says more than 200.
func withStatus(err error, status int) error {
	if status == 200 {
		return err
	}
	return fmt.Errorf("%w (HTTP status %d)", err, status)
}
