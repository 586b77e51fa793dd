package main

import (
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dexidp/dex/server/claimshook"
)

// openClaimsHook opens the hook of a signer of the type claimsHook, and puts the signer
// that the hook lies around in its place. Any other signer has no hook: it is nil.
func openClaimsHook(s *Signer, requestIDKey any, logger *slog.Logger, registry *prometheus.Registry) (*claimshook.Hook, error) {
	config, ok := s.Config.(*claimshook.Config)
	if !ok {
		return nil, nil
	}
	var inner struct {
		Type   string          `json:"type"`
		Config json.RawMessage `json:"config"`
	}
	if len(config.Signer) > 0 {
		if err := json.Unmarshal(config.Signer, &inner); err != nil {
			return nil, fmt.Errorf("claimsHook: parse signer: %v", err)
		}
	}
	*s = Signer{Type: inner.Type}
	if inner.Type != "" {
		create, ok := signerConfigs[inner.Type]
		if !ok || inner.Type == "claimsHook" {
			return nil, fmt.Errorf("claimsHook: unknown signer type %q", inner.Type)
		}
		s.Config = create()
		if len(inner.Config) > 0 {
			if err := json.Unmarshal(inner.Config, s.Config); err != nil {
				return nil, fmt.Errorf("claimsHook: parse signer config: %v", err)
			}
		}
	}
	return claimshook.New(*config, claimshook.Options{RequestIDKey: requestIDKey, Logger: logger, Registry: registry})
}
