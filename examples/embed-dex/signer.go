package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	dexsigner "github.com/dexidp/dex/server/signer"
	"google.golang.org/protobuf/encoding/protowire"

	claimshook "github.com/claimsmith/claimsmith/dexpatch/hook"
)

// hookedSigner lets tokens pass the hook before they are signed.
type hookedSigner struct {
	dexsigner.Signer
	hook *claimshook.Hook
}

// payload is what can be read out of a token.
type payload struct {
	Subject  string          `json:"sub"`
	Party    string          `json:"azp"`
	Audience json.RawMessage `json:"aud"`
	Events   json.RawMessage `json:"events"` // a logout token
	Email    string          `json:"email"`
	Verified bool            `json:"email_verified"`
	Name     string          `json:"name"`
	Username string          `json:"preferred_username"`
	Groups   []string        `json:"groups"`
}

func (s hookedSigner) Sign(ctx context.Context, token []byte) (string, error) {
	var p payload
	if err := json.Unmarshal(token, &p); err != nil {
		return "", fmt.Errorf("read the payload: %w", err)
	}
	if p.Events != nil {
		return s.Signer.Sign(ctx, token)
	}
	user, connector := subject(p.Subject)
	client := p.Party
	if client == "" {
		_ = json.Unmarshal(p.Audience, &client) // a list has azp
	}
	extended, err := s.hook.Extend(ctx, token, claimshook.Token{
		Kind: claimshook.IDToken, ClientID: client, ConnectorID: connector, Identity: claimshook.Identity{
			UserID: user, Username: p.Name, PreferredUsername: p.Username, Email: p.Email, EmailVerified: p.Verified, Groups: p.Groups,
		},
	})
	if err != nil {
		return "", err
	}
	return s.Signer.Sign(ctx, extended)
}

// subject takes Dex's sub apart: a message with the user's id and the connector's.
func subject(sub string) (user, connector string) {
	data, err := base64.RawURLEncoding.DecodeString(sub)
	for err == nil && len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 || kind != protowire.BytesType {
			return user, connector
		}
		value, m := protowire.ConsumeBytes(data[n:])
		if m < 0 {
			return user, connector
		}
		switch number {
		case 1:
			user = string(value)
		case 2:
			connector = string(value)
		}
		data = data[n+m:]
	}
	return user, connector
}
