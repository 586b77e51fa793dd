package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"github.com/spf13/cobra"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

func explainCommand() *cobra.Command {
	var o struct {
		request      string
		decision     string
		live, asJSON bool
		limits       bool
		facts        []string
	}
	var req replay.Request
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Say what the rules do with one request, and why",
		Long: "explain runs one request through the real rules and shows each step: whether it ran and why, what lookups found, and which " +
			"claims changed. The request comes from flags, or from a JSON file with the same members as the given of a test, and flags " +
			"overrule the file. It shows values: mind who looks on.",
		Example: `  claimsmith explain --client synology --connector google --user-id 1080 --email mum@gmail.com --verified --facts 'nas={"found":true,"name":"mum"}'
  claimsmith explain --request request.json --live
  echo '{"client":"wiki"}' | claimsmith explain --request - --json
  claimsmith explain --decision 7K2M-Q9XD`,
		Args: noArgs,
	}
	at := runningFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.decision, "decision", "", "explain the decision with this `id` of a running sidecar, instead of a request")
	f.StringVar(&o.request, "request", "", "read the request from a JSON `file`; - is stdin")
	f.BoolVar(&o.live, "live", false, "start the plugins and ask them, and read links, instead of taking the facts that are given")
	f.BoolVar(&o.limits, "limits", false, "print the limits of size that every request has, and what is kept in memory")
	f.BoolVar(&o.asJSON, "json", false, "write the explanation as JSON")
	f.StringVar(&req.Client, "client", "", "the client that asks")
	f.StringVar(&req.Connector, "connector", "", "the connector of the login; none means client credentials")
	f.StringVar(&req.Identity.UserID, "user-id", "", "the person's id at the connector")
	f.StringVar(&req.Identity.Username, "username", "", "the person's name at the connector")
	f.StringVar(&req.Identity.Email, "email", "", "the person's address")
	f.BoolVar(&req.Identity.EmailVerified, "verified", false, "the connector says that the address is verified")
	f.StringArrayVar(&req.Identity.Groups, "group", nil, "a group at the connector; may be repeated")
	f.StringSliceVar(&req.Scopes, "scope", nil, "a scope; openid, profile, email and groups by default")
	f.StringSliceVar(&req.Audience, "audience", nil, "an audience; the client by default")
	f.StringVar(&req.Grant, "grant", "", "the grant type; authorization_code by default")
	f.StringVar(&req.Stage, "stage", "", "login or token; token by default")
	f.StringArrayVar(&o.facts, "facts", nil, "what a lookup finds, as `LOOKUP=JSON`; may be repeated")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.limits {
			return sidecar.RenderLimits(cmd.OutOrStdout())
		}
		if o.decision != "" {
			if o.live || o.request != "" || req.Client != "" || len(o.facts) > 0 {
				return usageError{errors.New("--decision names a request that was made: it does not go with --request, --client, --facts or --live")}
			}
			if madeByDex(o.decision) {
				return noDecision(o.decision)
			}
			return at.ask(func(client adminv1.AdminServiceClient) error {
				return explainDecision(cmd, client, o.decision, o.asJSON, false)
			})
		}
		if o.request != "" {
			flags := req
			req = replay.Request{}
			if err := readRequest(cmd.InOrStdin(), o.request, &req); err != nil {
				return err
			}
			overrule(&req, flags, f.Changed)
		}
		if err := addFacts(&req, o.facts); err != nil {
			return usageError{err}
		}
		if f.Changed("stage") && req.Stage != "login" && req.Stage != "token" {
			return usageError{fmt.Errorf("--stage %q: write login or token", req.Stage)}
		}
		if req.Client == "" {
			return usageError{errors.New("explain needs --client, or --request with one")}
		}
		explanation, err := explain(cmd, *at.file, req, o.live)
		if err != nil {
			return err
		}
		if o.live {
			peek(cmd.Context(), at, req.Connector, explanation)
		}
		if o.asJSON {
			return writeJSON(cmd.OutOrStdout(), explanation)
		}
		return explanation.Render(cmd.OutOrStdout())
	}
	return cmd
}

// overrule puts what flags say over what a file says.
func overrule(req *replay.Request, flags replay.Request, given func(flag string) bool) {
	for flag, put := range map[string]func(){
		"client":    func() { req.Client = flags.Client },
		"connector": func() { req.Connector = flags.Connector },
		"user-id":   func() { req.Identity.UserID = flags.Identity.UserID },
		"username":  func() { req.Identity.Username = flags.Identity.Username },
		"email":     func() { req.Identity.Email = flags.Identity.Email },
		"verified":  func() { req.Identity.EmailVerified = flags.Identity.EmailVerified },
		"group":     func() { req.Identity.Groups = flags.Identity.Groups },
		"scope":     func() { req.Scopes = flags.Scopes },
		"audience":  func() { req.Audience = flags.Audience },
		"grant":     func() { req.Grant = flags.Grant },
		"stage":     func() { req.Stage = flags.Stage },
	} {
		if given(flag) {
			put()
		}
	}
}

func explain(cmd *cobra.Command, file string, req replay.Request, live bool) (*replay.Explanation, error) {
	o, err := options()
	if err != nil {
		return nil, err
	}
	if live {
		return replay.ExplainLive(cmd.Context(), file, o, req)
	}
	return replay.Explain(cmd.Context(), file, o, req)
}

// peek asks the running sidecar, if there is one, what it would answer from its cache in the place of each lookup.
func peek(ctx context.Context, at running, connector string, e *replay.Explanation) {
	_ = at.askPlugins(func(client adminv1.PluginServiceClient) error {
		for i := range e.Steps {
			s := &e.Steps[i]
			if s.Lookup == "" || s.Asked == nil {
				continue
			}
			got, err := client.PeekFacts(ctx, &adminv1.PeekFactsRequest{Lookup: s.Lookup, ConnectorId: connector, Params: s.Asked})
			if err != nil { // no sidecar runs here, or one of another configuration
				return err
			}
			s.Cached = cachedText(got)
		}
		return nil
	})
}

func cachedText(got *adminv1.PeekFactsResponse) string {
	found := map[bool]string{true: "found", false: "not found"}[got.GetFound()]
	switch {
	case !got.GetKnown():
		return "it has nothing cached and would ask the plugin"
	case got.GetFreshFor() != nil:
		return fmt.Sprintf("it answers from its cache for another %s: %s, %s old (claimsmith plugin refresh drops that)", span(got.GetFreshFor().AsDuration()), found,
			span(got.GetAge().AsDuration()))
	}
	return fmt.Sprintf("it would ask the plugin, and for another %s answer from its cache if that fails: %s, %s old", span(got.GetStaleFor().AsDuration()), found,
		span(got.GetAge().AsDuration()))
}

// readRequest reads a request strictly: a member that nothing reads would be taken for one that was.
func readRequest(in io.Reader, name string, req *replay.Request) error {
	data, err := readInput(in, name)
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if err := decodeRequest(d, req); err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	if d.More() {
		return errors.New("read the request: something follows the JSON object")
	}
	return nil
}

// decodeRequest reads the next request, and says in the words of JSON what is wrong with it. It returns io.EOF at the end.
func decodeRequest(d *json.Decoder, req *replay.Request) error {
	d.DisallowUnknownFields()
	err := d.Decode(req)
	var wrong *json.UnmarshalTypeError
	var malformed *json.SyntaxError
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the JSON ends too early")
	case errors.As(err, &malformed):
		return fmt.Errorf("not valid JSON at byte %d: %w", malformed.Offset, err)
	case errors.As(err, &wrong) && wrong.Field == "":
		return fmt.Errorf("a request is a JSON object, not %s", aJSON(wrong.Value))
	case errors.As(err, &wrong):
		want := map[reflect.Kind]string{reflect.Slice: "a list of strings", reflect.Bool: "true or false", reflect.String: "a string"}[wrong.Type.Kind()]
		return fmt.Errorf("%s must be %s, not %s", wrong.Field, cmp.Or(want, "an object"), aJSON(wrong.Value))
	}
	if name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
		return fmt.Errorf("unknown key %s: it is written as the given of a test", name)
	}
	return err
}

// aJSON names a JSON value as package json calls it.
func aJSON(value string) string {
	switch value {
	case "array":
		return "a list"
	case "object":
		return "an object"
	case "bool":
		return "true or false"
	}
	kind, _, _ := strings.Cut(value, " ") // number 12
	return "a " + kind
}

func readInput(in io.Reader, name string) ([]byte, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, claims.MaxMessage+1))
	if len(data) > claims.MaxMessage {
		return nil, fmt.Errorf("it is longer than %d bytes", claims.MaxMessage)
	}
	return data, err
}

func addFacts(req *replay.Request, list []string) error {
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
