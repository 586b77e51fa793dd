package dsm

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestTheSameCodeMeansDifferentThings(t *testing.T) {
	tests := []struct {
		err  Error
		want string
	}{
		{Error{apiAuth, "login", 105}, "SYNO.API.Auth login: the account has no permission for this; no login is tried again until a pause is over or the configuration changes, because DSM blocks those who guess (code 105)"},
		{Error{apiUser, "list", 105}, "SYNO.Core.User list: the account may not list users: make it a member of the group administrators (code 105)"},
		{Error{apiUser, "list", 400}, "SYNO.Core.User list: DSM refuses, with a code that is not documented (code 400)"},
		{Error{apiAuth, "login", 3106}, "SYNO.API.Auth login: DSM refuses, with a code that is not documented; no login is tried again until a pause is over or the configuration changes, because DSM blocks those who guess (code 3106)"},
		{Error{apiUserGroup, "get", 3106}, "SYNO.Core.User.Group get: DSM knows no such user (any more) (code 3106)"},
		{Error{apiAuth, "login", 0}, "SYNO.API.Auth login: DSM refuses and does not say why (code 0)"},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got\n%s\nwant\n%s", got, tt.want)
		}
	}
}

func TestEveryKnownCodeHasASentenceOfItsOwn(t *testing.T) {
	unknown := (&Error{API: apiUser, Code: 9999}).sentence()
	known := map[string][]int{
		apiAuth: {400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411},
		apiUser: {0, 100, 101, 102, 103, 104, 105, 106, 107, 109, 110, 111, 114, 116, 117, 118, 119, 120, 150, 160, 3101, 3103, 3106, 3201, 3204, 3205},
	}
	for api, codes := range known {
		for _, code := range codes {
			if got := (&Error{API: api, Code: code}).sentence(); got == unknown || strings.HasSuffix(got, ".") {
				t.Errorf("%s %d: %q", api, code, got)
			}
		}
	}
}

func TestCallersCanTellWhatTheyDecideOn(t *testing.T) {
	for code, want := range map[int][2]bool{102: {true, false}, 103: {true, false}, 104: {true, false}, 3106: {false, true}, 105: {false, false}} {
		err := fmt.Errorf("groups: %w", &Error{API: apiUserGroup, Method: "get", Code: code})
		if got := [2]bool{errors.Is(err, ErrUnsupported), errors.Is(err, ErrUnknownUser)}; got != want {
			t.Errorf("code %d: unsupported and unknown user %v, want %v", code, got, want)
		}
	}
}
