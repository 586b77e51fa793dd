package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// Input translates the wire to what the pipeline knows. Errors name members of the request, never values.
func Input(req *hookv1.ExtendPayloadRequest) (*pipeline.Input, error) {
	limited := wireFields(req)
	if err := limited.Check(); err != nil { // Run says so too, but this is before the payload is read
		return nil, err
	}
	payload, err := claims.Parse(req.GetPayload())
	if err != nil {
		return nil, fmt.Errorf("read the payload: %w", err)
	}
	id := req.GetIdentity()
	in := &pipeline.Input{
		Payload: payload,
		Identity: pipeline.Identity{
			UserID: id.GetUserId(), Username: id.GetUsername(), PreferredUsername: id.GetPreferredUsername(),
			Email: id.GetEmail(), EmailVerified: id.GetEmailVerified(), Groups: id.GetGroups(),
		},
		Connector: req.GetConnectorId(), Client: req.GetClientId(), Audience: req.GetAudience(), Scopes: req.GetScopes(),
		Grant: req.GetGrantType(), RequestID: req.GetRequestId(),
	}
	switch req.GetStage() {
	case hookv1.Stage_STAGE_LOGIN:
		in.Stage = pipeline.StageLogin
	case hookv1.Stage_STAGE_TOKEN:
		in.Stage = pipeline.StageToken
	default:
		return nil, errors.New("the request names no stage that is known here")
	}
	for _, kind := range req.GetTokenKinds() {
		switch kind {
		case hookv1.TokenKind_TOKEN_KIND_ACCESS:
			in.Kinds = append(in.Kinds, pipeline.KindAccess)
		case hookv1.TokenKind_TOKEN_KIND_ID:
			in.Kinds = append(in.Kinds, pipeline.KindID)
		default:
			return nil, errors.New("the request names a kind of token that is not known here")
		}
		if len(in.Kinds) == 3 {
			return nil, errors.New("the request names a kind of token twice")
		}
	}
	switch {
	case id == nil:
		return nil, errors.New("the request has no identity")
	case in.Client == "":
		return nil, errors.New("the request names no client")
	case len(in.Audience) == 0:
		return nil, errors.New("the request names no audience")
	case len(in.Kinds) == 0:
		return nil, errors.New("the request names no kind of token")
	}
	return in, nil
}

// Reply is a decision on the wire.
func Reply(id string, r *pipeline.Result) *hookv1.ExtendPayloadResponse {
	out := &hookv1.ExtendPayloadResponse{DecisionId: id}
	if r.Denial != nil {
		out.Outcome = &hookv1.ExtendPayloadResponse_Denial{Denial: &hookv1.Denial{Message: r.Denial.Message, Rule: r.Denial.Rule}}
		return out
	}
	both := &hookv1.Patches{}
	access, ofAccess := r.Patches[pipeline.KindAccess]
	forID, ofID := r.Patches[pipeline.KindID]
	if ofAccess {
		both.AccessToken = patch(access)
	}
	switch {
	case ofAccess && ofID && samePatch(access, forID):
		both.IdToken = both.AccessToken // encoded once
	case ofID:
		both.IdToken = patch(forID)
	}
	out.Outcome = &hookv1.ExtendPayloadResponse_Patches{Patches: both}
	return out
}

// samePatch reports whether two patches do the same.
func samePatch(a, b claims.Patch) bool {
	return slices.Equal(a.Remove, b.Remove) && maps.EqualFunc(a.Set, b.Set, func(x, y json.RawMessage) bool { return bytes.Equal(x, y) })
}

func patch(p claims.Patch) *hookv1.Patch {
	wire := &hookv1.Patch{Remove: p.Remove}
	if len(p.Set) > 0 {
		wire.Set = make(map[string][]byte, len(p.Set))
		for name, value := range p.Set {
			wire.Set[name] = value
		}
	}
	return wire
}

// StageName is the stage as rules know it.
func StageName(s hookv1.Stage) string {
	switch s {
	case hookv1.Stage_STAGE_LOGIN:
		return string(pipeline.StageLogin)
	case hookv1.Stage_STAGE_TOKEN:
		return string(pipeline.StageToken)
	}
	return s.String()
}

// Cut returns a request as it may be logged and remembered: without what is beyond a limit. It is the request itself when nothing is.
func Cut(req *hookv1.ExtendPayloadRequest) *hookv1.ExtendPayloadRequest {
	if limited := wireFields(req); limited.Check() == nil {
		return req
	}
	within := func(f claims.Fields, id string) string {
		if f.Check() != nil {
			return ""
		}
		return id
	}
	out := &hookv1.ExtendPayloadRequest{Stage: req.GetStage()}
	out.RequestId = within(claims.Fields{RequestID: req.GetRequestId()}, req.GetRequestId())
	out.ClientId = within(claims.Fields{Client: req.GetClientId()}, req.GetClientId())
	out.ConnectorId = within(claims.Fields{Connector: req.GetConnectorId()}, req.GetConnectorId())
	out.GrantType = within(claims.Fields{Grant: req.GetGrantType()}, req.GetGrantType())
	return out
}

// wireFields are those of a request that have a limit.
func wireFields(req *hookv1.ExtendPayloadRequest) claims.Fields {
	id := req.GetIdentity()
	return claims.Fields{
		Payload: len(req.GetPayload()), UserID: id.GetUserId(), Username: id.GetUsername(), PreferredUsername: id.GetPreferredUsername(), Email: id.GetEmail(),
		Groups: id.GetGroups(), Connector: req.GetConnectorId(), Client: req.GetClientId(), Audience: req.GetAudience(), Scopes: req.GetScopes(),
		Grant: req.GetGrantType(), RequestID: req.GetRequestId(), Features: req.GetFeatures(),
	}
}
