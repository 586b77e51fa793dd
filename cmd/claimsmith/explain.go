package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar"
)

func explainCommand() *cobra.Command {
	var o struct {
		request      string
		decision     string
		live, asJSON bool
		facts        []string
	}
	var req sidecar.Request
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Say what the rules do with one request, and why",
		Long: "explain runs one request through the real rules and shows each step: whether it ran and why, what lookups found, and which " +
			"claims changed. The request comes from flags, or from a JSON file with the same members as the given of a test. It shows values: " +
			"mind who looks on.",
		Example: `  claimsmith explain --client synology --connector google --email mum@gmail.com --verified --facts 'nas={"found":true,"name":"mum"}'
  claimsmith explain --request request.json --live
  echo '{"client":"wiki"}' | claimsmith explain --request - --json
  claimsmith explain --decision 7K2M-Q9XD`,
		Args: noArgs,
	}
	at := runningFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.decision, "decision", "", "explain the decision with this `id` of a running sidecar, instead of a request")
	f.StringVar(&o.request, "request", "", "read the request from a JSON `file`; - is stdin")
	f.BoolVar(&o.live, "live", false, "start the plugins and ask them, instead of taking the facts that are given")
	f.BoolVar(&o.asJSON, "json", false, "write the explanation as JSON")
	f.StringVar(&req.Client, "client", "", "the client that asks")
	f.StringVar(&req.Connector, "connector", "", "the connector of the login; none means client credentials")
	f.StringVar(&req.Identity.UserID, "user-id", "", "the person's id at the connector")
	f.StringVar(&req.Identity.Username, "username", "", "the person's name at the connector")
	f.StringVar(&req.Identity.Email, "email", "", "the person's address")
	f.BoolVar(&req.Identity.EmailVerified, "verified", false, "the connector says that the address is verified")
	f.StringSliceVar(&req.Identity.Groups, "group", nil, "a group at the connector; may be repeated")
	f.StringSliceVar(&req.Scopes, "scope", nil, "a scope; openid, profile, email and groups by default")
	f.StringSliceVar(&req.Audience, "audience", nil, "an audience; the client by default")
	f.StringVar(&req.Grant, "grant", "", "the grant type; authorization_code by default")
	f.StringVar(&req.Stage, "stage", "", "login or token; token by default")
	f.StringArrayVar(&o.facts, "facts", nil, "what a lookup finds, as `LOOKUP=JSON`; may be repeated")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.decision != "" {
			return at.ask(func(client adminv1.AdminServiceClient) error {
				return explainDecision(cmd, client, o.decision, o.asJSON, false)
			})
		}
		if o.request != "" {
			if err := readRequest(cmd.InOrStdin(), o.request, &req); err != nil {
				return err
			}
		}
		if err := addFacts(&req, o.facts); err != nil {
			return usageError{err}
		}
		if req.Client == "" {
			return usageError{errors.New("explain needs --client, or --request with one")}
		}
		explanation, err := explain(cmd, *at.file, req, o.live)
		if err != nil {
			return err
		}
		if o.asJSON {
			return writeJSON(cmd.OutOrStdout(), explanation)
		}
		return explanation.Render(cmd.OutOrStdout())
	}
	return cmd
}

func explain(cmd *cobra.Command, file string, req sidecar.Request, live bool) (*sidecar.Explanation, error) {
	o, err := options()
	if err != nil {
		return nil, err
	}
	if live {
		return sidecar.ExplainLive(cmd.Context(), file, o, req)
	}
	return sidecar.Explain(cmd.Context(), file, o, req)
}

// readRequest reads a request strictly: a member that nothing reads would be taken for one that was.
func readRequest(in io.Reader, name string, req *sidecar.Request) error {
	data, err := readInput(in, name)
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(req); err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	if d.More() {
		return errors.New("read the request: something follows the JSON object")
	}
	return nil
}

func readInput(in io.Reader, name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(in, sidecar.MaxMessage))
	}
	return os.ReadFile(name)
}

func addFacts(req *sidecar.Request, list []string) error {
	for _, one := range list {
		alias, raw, ok := bytes.Cut([]byte(one), []byte("="))
		if !ok || !json.Valid(raw) {
			return fmt.Errorf("--facts takes LOOKUP=JSON, as in nas={\"found\":true}")
		}
		if req.Facts == nil {
			req.Facts = map[string]json.RawMessage{}
		}
		req.Facts[string(alias)] = json.RawMessage(raw)
	}
	return nil
}
