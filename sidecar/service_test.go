package sidecar_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/claims"
)

var decisionID = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$`)

func TestReplies(t *testing.T) {
	client := serve(t, household).client()
	patch := &hookv1.Patch{Set: map[string][]byte{"username": []byte(`"mum"`), "groups": []byte(`["users"]`)}, Remove: []string{"name"}}
	tests := []struct {
		name string
		req  *hookv1.ExtendPayloadRequest
		want *hookv1.ExtendPayloadResponse
	}{
		{
			name: "both tokens get the same patch", req: signIn("mum@gmail.com"),
			want: &hookv1.ExtendPayloadResponse{Outcome: &hookv1.ExtendPayloadResponse_Patches{Patches: &hookv1.Patches{AccessToken: patch, IdToken: patch}}},
		},
		{
			name: "a kind that is not signed gets no patch",
			req: with(signIn("mum@gmail.com"), func(r *hookv1.ExtendPayloadRequest) {
				r.TokenKinds = []hookv1.TokenKind{hookv1.TokenKind_TOKEN_KIND_ID}
			}),
			want: &hookv1.ExtendPayloadResponse{Outcome: &hookv1.ExtendPayloadResponse_Patches{Patches: &hookv1.Patches{IdToken: patch}}},
		},
		{
			name: "a refusal has the words and the rule", req: signIn("nobody@gmail.com"),
			want: &hookv1.ExtendPayloadResponse{Outcome: &hookv1.ExtendPayloadResponse_Denial{Denial: &hookv1.Denial{
				Message: "No account has the address nobody@gmail.com.", Rule: "c.yaml:12",
			}}},
		},
		{
			name: "a client without rules gets empty patches",
			req: with(signIn("mum@gmail.com"), func(r *hookv1.ExtendPayloadRequest) {
				r.ClientId, r.Audience = "wiki", []string{"wiki"}
			}),
			want: &hookv1.ExtendPayloadResponse{Outcome: &hookv1.ExtendPayloadResponse_Patches{Patches: &hookv1.Patches{
				AccessToken: &hookv1.Patch{}, IdToken: &hookv1.Patch{},
			}}},
		},
		{
			name: "a peer may not ask for the audience of a client with rules",
			req: with(signIn("mum@gmail.com"), func(r *hookv1.ExtendPayloadRequest) {
				r.ClientId, r.Audience = "wiki", []string{"synology", "wiki"}
			}),
			want: &hookv1.ExtendPayloadResponse{Outcome: &hookv1.ExtendPayloadResponse_Denial{Denial: &hookv1.Denial{
				Message: "The application wiki may not ask for tokens for synology.", Rule: "clients.synology.peers",
			}}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := client.ExtendPayload(t.Context(), test.req)
			if err != nil {
				t.Fatal(err)
			}
			if !decisionID.MatchString(got.GetDecisionId()) {
				t.Errorf("decision id %q", got.GetDecisionId())
			}
			got.DecisionId = ""
			if denial := got.GetDenial(); denial != nil { // the folder of the test is another one each time
				denial.Rule = denial.Rule[strings.LastIndexByte(denial.Rule, '/')+1:]
			}
			if diff := cmp.Diff(test.want, got, protocmp.Transform()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	r := serve(t, household)
	client := r.client()
	payload := func(text string) *hookv1.ExtendPayloadRequest {
		return with(signIn("mum@gmail.com"), func(r *hookv1.ExtendPayloadRequest) { r.Payload = []byte(text) })
	}
	change := func(f func(*hookv1.ExtendPayloadRequest)) *hookv1.ExtendPayloadRequest {
		return with(signIn("mum@gmail.com"), f)
	}
	tests := []struct {
		name string
		req  *hookv1.ExtendPayloadRequest
		code codes.Code
		want string
	}{
		{"no payload", payload(""), codes.InvalidArgument, "read the payload: payload is not a JSON object"},
		{"a payload that is a list", payload(`["a"]`), codes.InvalidArgument, "read the payload: payload is not a JSON object"},
		{"a payload that is cut off", payload(`{"sub":"a`), codes.InvalidArgument, "read the payload: JSON ends too early"},
		{"a payload with something after it", payload(`{"sub":"a"}{}`), codes.InvalidArgument, "read the payload: something follows the JSON at byte 11"},
		{"a payload that is not UTF-8", payload("{\"sub\":\"\xff\"}"), codes.InvalidArgument, "read the payload: JSON is not UTF-8 in the string at byte 7"},
		{"a member twice", payload(`{"sub":"a","sub":"b"}`), codes.InvalidArgument, `read the payload: member "sub" is there twice`},
		{"members that differ in case", payload(`{"sub":"a","Sub":"b"}`), codes.InvalidArgument, `read the payload: members "sub" and "Sub" differ only in case`},
		{"members that are equal under folding", payload(`{"sub":"a","ſub":"b"}`), codes.InvalidArgument, `read the payload: members "sub" and "ſub" differ only in case`},
		{"members equal under folding deep inside", payload(`{"o":[{"k":1,"K":2}]}`), codes.InvalidArgument, `read the payload: members inside a claim are equal but for case, the second at byte 13`},
		{
			"a payload over the cap", payload(`{"s":"` + strings.Repeat("x", claims.MaxPayload) + `"}`), codes.InvalidArgument,
			"the payload has 65544 bytes, more than 65536",
		},
		{
			"kinds without end", change(func(r *hookv1.ExtendPayloadRequest) { r.TokenKinds = slices.Repeat(r.TokenKinds, 100_000) }), codes.InvalidArgument,
			"the request names a kind of token twice",
		},
		{"no identity", change(func(r *hookv1.ExtendPayloadRequest) { r.Identity = nil }), codes.InvalidArgument, "the request has no identity"},
		{"no client", change(func(r *hookv1.ExtendPayloadRequest) { r.ClientId = "" }), codes.InvalidArgument, "the request names no client"},
		{"no audience", change(func(r *hookv1.ExtendPayloadRequest) { r.Audience = nil }), codes.InvalidArgument, "the request names no audience"},
		{"no kind", change(func(r *hookv1.ExtendPayloadRequest) { r.TokenKinds = nil }), codes.InvalidArgument, "the request names no kind of token"},
		{
			"an unknown kind", change(func(r *hookv1.ExtendPayloadRequest) { r.TokenKinds = []hookv1.TokenKind{9} }), codes.InvalidArgument,
			"the request names a kind of token that is not known here",
		},
		{
			"no stage", change(func(r *hookv1.ExtendPayloadRequest) { r.Stage = 0 }), codes.InvalidArgument,
			"the request names no stage that is known here",
		},
		{
			"a hook that does not tell the grant", change(func(r *hookv1.ExtendPayloadRequest) { r.Features = []string{"login"} }), codes.FailedPrecondition,
			"the hook in Dex does not tell the grant type, which lookups need: build Dex again with this version of claimsmith",
		},
		{
			"a lookup that fails", signIn("broken@gmail.com"), codes.Unavailable,
			"pipeline[0].steps[0]: plugin nas: lookup: unavailable (words ID)",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var trailer metadata.MD
			reply, err := client.ExtendPayload(t.Context(), test.req, grpc.Trailer(&trailer))
			got := status.Convert(err)
			if reply != nil || got.Code() != test.code || words.ReplaceAllString(got.Message(), "(words ID)") != test.want {
				t.Errorf("got %v, %v %q; want %v %q", reply, got.Code(), got.Message(), test.code, test.want)
			}
			ids := trailer.Get("claimsmith-decision-id")
			if len(ids) != 1 || !decisionID.MatchString(ids[0]) {
				t.Fatalf("decision ids in the trailer: %q", ids)
			}
			r.log.wait(t, ids[0]) // who is told an id finds it in the log
		})
	}
	if log := r.log.String(); strings.Contains(log, "gmail") {
		t.Errorf("the log holds an address:\n%s", log)
	}
}

func TestARequestThatIsTooLongForTheTransport(t *testing.T) {
	client := serve(t, plain).client()
	_, err := client.ExtendPayload(t.Context(), with(signIn("mum@gmail.com"), func(r *hookv1.ExtendPayloadRequest) {
		r.Payload = make([]byte, claims.MaxMessage+1)
	}))
	if code := status.Code(err); code != codes.ResourceExhausted {
		t.Errorf("%v", err)
	}
}

func TestPatchesThatAreTooLong(t *testing.T) {
	client := serve(t, func(dir string) string {
		return plain(dir) + "pipeline:\n  - set: {copy: optional(claims.groups)}\n"
	}).client()
	groups := `"` + strings.Repeat("x", claims.MaxPayload-50) + `"`
	_, err := client.ExtendPayload(t.Context(), with(signIn("mum@gmail.com"), func(r *hookv1.ExtendPayloadRequest) {
		r.Payload = []byte(`{"sub":"a","groups":[` + groups + `]}`)
	}))
	if s := status.Convert(err); s.Code() != codes.Internal || s.Message() != "pipeline: the payload has 131009 bytes, more than 65536" {
		t.Errorf("%v %q", s.Code(), s.Message())
	}
}

func TestAHookWithoutTheGrantWillDo(t *testing.T) {
	noFeatures := func(stage hookv1.Stage) *hookv1.ExtendPayloadRequest {
		return with(signIn("mum@gmail.com"), func(r *hookv1.ExtendPayloadRequest) { r.Features, r.Stage = nil, stage })
	}
	t.Run("where nothing is looked up", func(t *testing.T) {
		if _, err := serve(t, plain).client().ExtendPayload(t.Context(), noFeatures(hookv1.Stage_STAGE_TOKEN)); err != nil {
			t.Error(err)
		}
	})
	t.Run("at login", func(t *testing.T) {
		if _, err := serve(t, household).client().ExtendPayload(t.Context(), noFeatures(hookv1.Stage_STAGE_LOGIN)); err != nil {
			t.Error(err)
		}
	})
}

func TestTheBudgetEndsARequest(t *testing.T) {
	r := serve(t, func(dir string) string { return strings.Replace(household(dir), "budget: 5s", "budget: 100ms", 1) })
	r.gate() // it is never opened
	var trailer metadata.MD
	_, err := r.client().ExtendPayload(t.Context(), signIn("slow@gmail.com"), grpc.Trailer(&trailer))
	const want = "pipeline[0].steps[0]: plugin nas: lookup: no answer in time"
	if got := status.Convert(err); got.Code() != codes.DeadlineExceeded || got.Message() != want {
		t.Errorf("%v %q", got.Code(), got.Message())
	}
	if ids := trailer.Get("claimsmith-decision-id"); len(ids) != 1 || !decisionID.MatchString(ids[0]) {
		t.Errorf("decision ids in the trailer: %q", ids)
	}
}
