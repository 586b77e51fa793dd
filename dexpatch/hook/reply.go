package claimshook

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// maxReplies is how many exchanges may be between their two signings at a time. Beyond that the oldest is asked again.
const maxReplies = 4096

// keptFor is how long a reply waits for the signings of its exchange. Between them Dex may ask the upstream of a connector.
const keptFor = time.Minute

// reply is a decision to go on.
type reply struct {
	decisionID string
	kinds      []hookv1.TokenKind // what was asked about
	access, id claims.Patch
}

// read turns the service's answer into a reply, a *Refusal or a *Failure. What this build does not know is a failure:
// skipping it would be the opposite of what the service meant.
func read(resp *hookv1.ExtendPayloadResponse, kinds []hookv1.TokenKind) (*reply, error) {
	id := orLocal(resp.GetDecisionId())
	patches := resp.GetPatches()
	for _, m := range []protoreflect.Message{
		resp.ProtoReflect(), patches.ProtoReflect(), resp.GetDenial().ProtoReflect(),
		patches.GetAccessToken().ProtoReflect(), patches.GetIdToken().ProtoReflect(),
	} {
		if len(m.GetUnknown()) > 0 {
			return nil, newFailure(id, "the reply holds something that this build does not know")
		}
	}
	switch o := resp.GetOutcome().(type) {
	case *hookv1.ExtendPayloadResponse_Patches:
		return &reply{decisionID: id, kinds: kinds, access: patch(patches.GetAccessToken()), id: patch(patches.GetIdToken())}, nil
	case *hookv1.ExtendPayloadResponse_Denial:
		return nil, refusal(id, o.Denial)
	}
	return nil, newFailure(id, "the reply holds neither patches nor a denial")
}

func refusal(id string, d *hookv1.Denial) *Refusal {
	r := &Refusal{DecisionID: id, Rule: line(d.GetRule(), maxRule), message: line(d.GetMessage(), maxMessage)}
	if r.Rule == "" {
		r.Rule = "without a name"
	}
	if r.message == "" {
		r.message = "You may not sign in here."
	}
	return r
}

func patch(p *hookv1.Patch) claims.Patch {
	out := claims.Patch{Remove: p.GetRemove()}
	if len(p.GetSet()) > 0 {
		out.Set = make(map[string]json.RawMessage, len(p.GetSet()))
	}
	for name, value := range p.GetSet() {
		out.Set[name] = value
	}
	return out
}

// apply lays the patch for a kind of token over the payload, unless it asks for what it may not.
func (r *reply) apply(object *claims.Object, k hookv1.TokenKind, who Identity) ([]byte, error) {
	p, name := r.id, "ID token"
	if k == hookv1.TokenKind_TOKEN_KIND_ACCESS {
		p, name = r.access, "access token"
	}
	if err := claims.Check(object, p, claims.Subject{Email: who.Email, EmailVerified: who.EmailVerified}); err != nil {
		return nil, newFailure(r.decisionID, fmt.Sprintf("patch of the %s: %v", name, err))
	}
	payload, err := object.Apply(p)
	if err != nil {
		return nil, newFailure(r.decisionID, fmt.Sprintf("patch of the %s: %v", name, err))
	}
	if len(payload) > MaxPayload {
		return nil, newFailure(r.decisionID, fmt.Sprintf("the %s would be larger than %d bytes", name, MaxPayload))
	}
	return payload, nil
}

// exchange is what a decision was about. Another question under the same request id is asked again.
type exchange struct {
	request string
	stage   hookv1.Stage
	grant   string
	token   Token
}

// expected returns the kinds of tokens that the exchange will sign.
func (e exchange) expected() []hookv1.TokenKind {
	both := []hookv1.TokenKind{AccessToken, IDToken}
	switch {
	case e.stage == hookv1.Stage_STAGE_LOGIN, e.grant == grantRefreshToken, e.grant == GrantImplicit:
		return both
	case e.grant == grantTokenExchange || e.token.Kind == IDToken || !slices.Contains(e.token.Scopes, "openid"):
		return []hookv1.TokenKind{e.token.Kind}
	}
	return both
}

// equal reports whether two questions are the same one.
func (e exchange) equal(o exchange) bool {
	a, b := e.token, o.token
	return e.request == o.request && e.stage == o.stage && e.grant == o.grant &&
		a.ClientID == b.ClientID && slices.Equal(a.Audience, b.Audience) && a.ConnectorID == b.ConnectorID && slices.Equal(a.Scopes, b.Scopes) &&
		a.Identity.equal(b.Identity)
}

func (i Identity) equal(o Identity) bool {
	return i.UserID == o.UserID && i.Username == o.Username && i.PreferredUsername == o.PreferredUsername &&
		i.Email == o.Email && i.EmailVerified == o.EmailVerified && slices.Equal(i.Groups, o.Groups)
}

// replies keeps decisions between the two signings of an exchange. The zero value is ready.
type replies struct {
	mu    sync.Mutex
	byID  map[string]keptReply
	order []string // request ids, oldest first; some are gone from byID already
}

type keptReply struct {
	about   exchange
	reply   *reply
	open    []hookv1.TokenKind // not signed yet
	expires time.Time
}

// keep stores a reply of which the open kinds are still to be signed.
func (s *replies) keep(about exchange, r *reply, open []hookv1.TokenKind, expires time.Time) {
	if about.request == "" || about.stage != hookv1.Stage_STAGE_TOKEN || len(open) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID == nil {
		s.byID = make(map[string]keptReply)
	}
	s.byID[about.request] = keptReply{about: about, reply: r, open: open, expires: expires}
	s.order = append(s.order, about.request)
	s.prune()
}

// take returns the reply for the kind of the token, once.
func (s *replies) take(about exchange, now time.Time) *reply {
	k := about.token.Kind
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, ok := s.byID[about.request]
	if !ok || now.After(kept.expires) || !slices.Contains(kept.open, k) || !kept.about.equal(about) {
		return nil
	}
	if kept.open = without(kept.open, k); len(kept.open) > 0 {
		s.byID[about.request] = kept
	} else {
		delete(s.byID, about.request)
	}
	return kept.reply
}

// prune lets go of what was taken, what expired, and the oldest beyond the cap.
func (s *replies) prune() {
	now := time.Now()
	for len(s.order) > 0 {
		kept, there := s.byID[s.order[0]]
		if there && len(s.byID) <= maxReplies && !now.After(kept.expires) {
			return
		}
		delete(s.byID, s.order[0])
		s.order = s.order[1:]
	}
}

func without(kinds []hookv1.TokenKind, k hookv1.TokenKind) []hookv1.TokenKind {
	return slices.DeleteFunc(slices.Clone(kinds), func(x hookv1.TokenKind) bool { return x == k })
}
