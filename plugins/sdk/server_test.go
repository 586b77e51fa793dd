package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

type (
	none    struct{}
	address struct {
		Email string `json:"email"`
	}
	person struct {
		Name   string   `json:"name"`
		Groups []string `json:"groups"`
	}
)

// answering is a plugin whose lookups are f.
func answering(f func(context.Context, string) (sdk.Answer[person], error)) sdk.Plugin {
	return sdk.Spec[none, address, person]{Name: "test", Version: "1", Open: func(context.Context, sdk.Host, none) (sdk.Lookup[address, person], error) {
		return sdk.Func[address, person](func(ctx context.Context, p address) (sdk.Answer[person], error) { return f(ctx, p.Email) }), nil
	}}
}

func TestWhatALookupBecomes(t *testing.T) {
	type answer = sdk.Answer[person]
	tests := []struct {
		name   string
		f      func(context.Context, string) (answer, error)
		params string
		want   string // code: message; or empty
	}{
		{"nobody", func(context.Context, string) (answer, error) { return answer{Problem: "none"}, nil }, `{"email":"a"}`, ""},
		{"an error", func(context.Context, string) (answer, error) { return answer{}, errors.New("the NAS is asleep") }, `{"email":"a"}`,
			"Unavailable: the NAS is asleep"},
		{"a record that does not fit", func(context.Context, string) (answer, error) {
			return answer{}, fmt.Errorf("read the person: %w", sdk.Unanswerable(errors.New("groups is no list")))
		}, `{"email":"a"}`, "DataLoss: read the person: groups is no list"},
		{"no time for a record", func(context.Context, string) (answer, error) {
			return answer{}, sdk.Unanswerable(context.DeadlineExceeded)
		}, `{"email":"a"}`, "DeadlineExceeded: context deadline exceeded"},
		{"no error", func(context.Context, string) (answer, error) { return answer{}, sdk.Unanswerable(nil) }, `{"email":"a"}`, ""},
		{"no time", func(context.Context, string) (answer, error) { return answer{}, context.DeadlineExceeded }, `{"email":"a"}`,
			"DeadlineExceeded: context deadline exceeded"},
		{"a panic of the runtime", func(_ context.Context, email string) (answer, error) { return answer{}, errors.New(email[7:]) }, `{"email":"a"}`,
			"Internal: panic in Lookup: runtime error: slice bounds out of range [7:1]"},
		{"a panic with a value", func(_ context.Context, email string) (answer, error) { panic("unknown: " + email) }, `{"email":"a"}`,
			"Internal: panic in Lookup: string"},
		{"found and a problem", func(context.Context, string) (answer, error) { return answer{Found: true, Problem: "none"}, nil }, `{"email":"a"}`,
			"Internal: the plugin broke the contract of an answer: found and a problem at once"},
		{"a sentence as problem", func(context.Context, string) (answer, error) { return answer{Problem: "no such user"}, nil }, `{"email":"a"}`,
			"Internal: the plugin broke the contract of an answer: the problem is not one word"},
		{"a negative age", func(context.Context, string) (answer, error) { return answer{Age: -1}, nil }, `{"email":"a"}`,
			"Internal: the plugin broke the contract of an answer: the age is negative"},
		{"bad parameters", nil, `{"mail":"mum@gmail.com"}`, "InvalidArgument: parameters do not fit the schema: an unknown name\nemail is missing"},
		{"too much", nil, `{"email":"` + strings.Repeat("x", 4<<20) + `"}`, "ResourceExhausted: trying to send message larger than max (4194321 vs. 4194304)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := sdktest.Start(t, answering(tt.f), nil)
			_, _, err := c.Lookup(t.Context(), []byte(tt.params), nil)
			got := ""
			if err != nil {
				got = status.Code(err).String() + ": " + status.Convert(err).Message()
			}
			if got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
			// It lives.
			if _, _, err := c.Lookup(t.Context(), []byte(`[]`), nil); status.Code(err) != codes.InvalidArgument {
				t.Error(err)
			}
		})
	}
}

func TestAnAnswerArrivesWhole(t *testing.T) {
	c := sdktest.Start(t, answering(func(context.Context, string) (sdk.Answer[person], error) {
		return sdk.Answer[person]{Problem: "disabled", Facts: person{Name: "mum"}, Age: 90 * time.Second}, nil
	}), nil)
	var facts person
	found, problem, age, err := c.LookupAge(t.Context(), address{Email: "a"}, &facts)
	if found || problem != "disabled" || age != 90*time.Second || err != nil || facts.Name != "mum" || facts.Groups != nil {
		t.Errorf("got %v %q %s %v %+v", found, problem, age, err, facts)
	}
}

func TestTheDeadlineOfACallReachesThePlugin(t *testing.T) {
	c := sdktest.Start(t, answering(func(ctx context.Context, _ string) (sdk.Answer[person], error) {
		<-ctx.Done()
		return sdk.Answer[person]{}, ctx.Err()
	}), nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := c.Lookup(ctx, address{}, nil); status.Code(err) != codes.DeadlineExceeded {
		t.Error(err)
	}
}

// closing is a Lookup that tells when it is closed.
type closing struct {
	sdk.Func[address, person]
	closed chan<- string
	name   string
}

func (c closing) Close() error {
	c.closed <- c.name
	return io.ErrUnexpectedEOF
}

type named struct {
	Name string `json:"name"`
}

func naming(closed chan<- string) sdk.Plugin {
	return sdk.Spec[named, address, person]{Name: "test", Version: "1", Open: func(_ context.Context, _ sdk.Host, c named) (sdk.Lookup[address, person], error) {
		switch c.Name {
		case "":
			return nil, sdk.Problems{{Path: "name", Message: "is empty", Hint: "give it one"}}
		case "broken":
			return nil, errors.New("it is broken")
		case "nothing":
			return nil, nil
		}
		return closing{closed: closed, name: c.Name}, nil
	}}
}

func TestCheckFindsProblemsAndLeavesNothingOpen(t *testing.T) {
	closed := make(chan string, 9)
	tests := []struct{ name, want string }{
		{"", "name: is empty (give it one)"},
		{"broken", "it is broken"},
		{"nothing", "the plugin opened nothing"},
		{"good", ""},
	}
	for _, tt := range tests {
		if got := sdktest.Check(t, naming(closed), named{tt.name}).Error(); got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.name, got, tt.want)
		}
	}
	if len(closed) != 1 {
		t.Errorf("closed %d times", len(closed))
	}
}

func TestWhatWasOpenedIsClosedAtTheEnd(t *testing.T) {
	closed := make(chan string, 9)
	t.Run("a test", func(t *testing.T) { sdktest.Start(t, naming(closed), named{"good"}) })
	if len(closed) != 1 {
		t.Errorf("closed %d times", len(closed))
	}
	goleak.VerifyNone(t)
}
