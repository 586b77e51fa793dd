package claimshook

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

func TestKeptRepliesAreBounded(t *testing.T) {
	const access, id = hookv1.TokenKind_TOKEN_KIND_ACCESS, hookv1.TokenKind_TOKEN_KIND_ID
	var s replies
	r := &reply{kinds: []hookv1.TokenKind{access, id}}
	about := func(n int) exchange { return exchange{request: fmt.Sprint(n), stage: hookv1.Stage_STAGE_TOKEN} }
	now := time.Now()
	take := func(n int, k Kind, now time.Time) *reply {
		a := about(n)
		a.token.Kind = k
		return s.take(a, now)
	}
	for n := range maxReplies + 1 {
		s.keep(about(n), r, []hookv1.TokenKind{id}, now.Add(time.Hour))
	}
	if len(s.byID) != maxReplies || len(s.order) != maxReplies {
		t.Errorf("kept %d, in order %d, want %d", len(s.byID), len(s.order), maxReplies)
	}
	if take(0, id, now) != nil {
		t.Error("the oldest is still there")
	}
	if take(1, access, now) != nil {
		t.Error("a kind that was signed is given again")
	}
	if take(1, id, now.Add(2*time.Hour)) != nil {
		t.Error("an expired one is given")
	}
	if take(1, id, now) != r || take(1, id, now) != nil {
		t.Error("a reply is given other than once")
	}
}

// TestAnotherQuestionIsAskedAnew: whatever differs, in any member.
func TestAnotherQuestionIsAskedAnew(t *testing.T) {
	whole := exchange{
		request: "r1", stage: hookv1.Stage_STAGE_TOKEN, grant: "password",
		token: Token{
			ClientID: "nas", Audience: []string{"nas"}, ConnectorID: "google", Scopes: []string{"openid"},
			Identity: Identity{UserID: "108", Username: "Mum", PreferredUsername: "mum", Email: "mum@gmail.com", EmailVerified: true, Groups: []string{"family"}},
		},
	}
	other := whole
	if !whole.equal(other) {
		t.Error("a question differs from itself")
	}
	tried := 0
	var try func(reflect.Value)
	try = func(v reflect.Value) {
		for i := range v.NumField() {
			if v.Type().Field(i).Name == "Kind" {
				continue // each kind has its own part of the same reply
			}
			f := v.Field(i)
			f = reflect.NewAt(f.Type(), f.Addr().UnsafePointer()).Elem() // some are private
			if f.Kind() == reflect.Struct {
				try(f)
				continue
			}
			before := reflect.New(f.Type()).Elem()
			before.Set(f)
			if f.IsZero() {
				t.Errorf("%s has no value here", v.Type().Field(i).Name)
			}
			f.SetZero()
			if whole.equal(other) {
				t.Errorf("%s makes no difference", v.Type().Field(i).Name)
			}
			f.Set(before)
			tried++
		}
	}
	try(reflect.ValueOf(&whole).Elem())
	if tried != 13 {
		t.Errorf("tried %d members", tried)
	}
}
