package claimshook_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	claimshook "github.com/claimsmith/claimsmith/dexpatch/hook"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/claims"
)

func TestExtend(t *testing.T) {
	withUnknown := func(m proto.Message) {
		m.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1))
	}
	tests := []struct {
		name    string
		payload string // "" is the usual one
		answer  answerFunc
		want    string
		wantErr string
	}{
		{
			name:   "a patch sets and removes, and all else keeps its bytes",
			answer: always(patches(nil, &hookv1.Patch{Set: map[string][]byte{"username": []byte(`"mum"`)}, Remove: []string{"name"}})),
			want:   `{"iss":"https://dex","sub":"Cg","aud":"nas","exp":9007199254740993,"email":"mum@gmail.com","email_verified":true,"username":"mum"}`,
		},
		{
			name:   "an empty patch changes nothing",
			answer: always(patches(&hookv1.Patch{}, &hookv1.Patch{})),
			want:   payload,
		},
		{
			name:   "absent patches change nothing",
			answer: always(patches(nil, nil)),
			want:   payload,
		},
		{
			name:    "a denial is a refusal, and its error holds no words",
			answer:  always(denial("mum@gmail.com may not sign in.", "claimsmith.yaml:14")),
			wantErr: "refused (decision d1, rule claimsmith.yaml:14)",
		},
		{
			name:    "a rule cannot forge a line of the log",
			answer:  always(denial("No.", "a\nlevel=INFO msg=fine\x1b[2J\u202e")),
			wantErr: "refused (decision d1, rule a level=INFO msg=fine [2J)",
		},
		{
			name:    "a reply without an outcome is a failure",
			answer:  always(&hookv1.ExtendPayloadResponse{DecisionId: "d1"}),
			wantErr: "claims hook: the reply holds neither patches nor a denial (decision d1)",
		},
		{
			name: "an outcome that this build does not know is a failure",
			answer: func(context.Context, *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
				r := &hookv1.ExtendPayloadResponse{DecisionId: "d1"}
				withUnknown(r)
				return r, nil
			},
			wantErr: "claims hook: the reply holds something that this build does not know (decision d1)",
		},
		{
			name: "a way to patch that this build does not know is a failure",
			answer: func(context.Context, *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
				r := patches(set("username", `"mum"`), set("username", `"mum"`))
				withUnknown(r.GetPatches().GetIdToken())
				return r, nil
			},
			wantErr: "claims hook: the reply holds something that this build does not know (decision d1)",
		},
		{
			name:    "a value that is no JSON is refused",
			answer:  always(patches(nil, set("username", `mum`))),
			wantErr: `claims hook: patch of the ID token: claim "username": JSON is broken at byte 0 (decision d1)`,
		},
		{
			name:    "a value that closes the payload and opens another is refused",
			answer:  always(patches(nil, set("username", `"mum","sub":"root"`))),
			wantErr: `claims hook: patch of the ID token: claim "username": something follows the JSON at byte 5 (decision d1)`,
		},
		{
			name:    "a value with members equal under folding is refused",
			answer:  always(patches(nil, set("roles", `{"admin":false,"ADMIN":true}`))),
			wantErr: `claims hook: patch of the ID token: claim "roles": members inside a claim are equal but for case, the second at byte 15 (decision d1)`,
		},
		{
			name:    "groups stay a list of strings",
			answer:  always(patches(nil, set("groups", `"admins"`))),
			wantErr: `claims hook: patch of the ID token: claim "groups" must be a list of strings (decision d1)`,
		},
		{
			name:    "nobody's address becomes a verified one",
			answer:  always(patches(nil, set("email", `"root@gmail.com"`))),
			wantErr: `claims hook: patch of the ID token: claim "email" is not the address that the connector verified, so "email_verified" must be false (decision d1)`,
		},
		{
			name:    "a payload over the cap is not sent",
			payload: `{"groups":["` + strings.Repeat("g", claimshook.MaxPayload) + `"]}`,
			answer:  always(patches(nil, nil)),
			wantErr: "claims hook: the payload is larger than 65536 bytes (decision LOCAL)",
		},
		{
			name:    "a payload that two readers would understand differently is not sent",
			payload: `{"sub":"a","Sub":"b"}`,
			answer:  always(patches(nil, nil)),
			wantErr: `claims hook: the payload that Dex built: members "sub" and "Sub" differ only in case (decision LOCAL)`,
		},
		{
			name:    "a patch that makes the payload too large is refused",
			answer:  always(patches(nil, set("roles", `"`+strings.Repeat("r", claimshook.MaxPayload)+`"`))),
			wantErr: "claims hook: the ID token would be larger than 65536 bytes (decision d1)",
		},
		{
			name:    "a reply over the cap of messages is not read",
			answer:  always(patches(nil, set("roles", `"`+strings.Repeat("r", 1<<20)+`"`))),
			wantErr: "claims hook: the service answered ResourceExhausted, or its reply is over 1048576 bytes (decision LOCAL)",
		},
		{
			name: "the words of a status are not repeated, its decision id is",
			answer: func(ctx context.Context, _ *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
				grpc.SetTrailer(ctx, metadata.Pairs(claimshook.DecisionTrailer, "d7"))
				return nil, status.Error(codes.Unavailable, "no mum@gmail.com on the NAS")
			},
			wantErr: "claims hook: the service answered Unavailable (decision d7)",
		},
		{
			name: "a decision id that would break an answer is replaced",
			answer: always(&hookv1.ExtendPayloadResponse{
				DecisionId: "d1\"\r\nSet-Cookie: x", Outcome: &hookv1.ExtendPayloadResponse_Denial{Denial: &hookv1.Denial{}},
			}),
			wantErr: "refused (decision LOCAL, rule without a name)",
		},
		{
			name:    "a service that does not know the call is a failure",
			answer:  hookv1.UnimplementedClaimsHookServiceServer{}.ExtendPayload,
			wantErr: "claims hook: the service answered Unimplemented (decision LOCAL)",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := tt.payload
			if in == "" {
				in = payload
			}
			h := open(t, serve(t, tt.answer).socket, "")
			got, err := h.Extend(exchangeContext(t, "r1", "authorization_code"), []byte(in), token())
			if text := withoutLocalID(err); text != tt.wantErr {
				t.Errorf("error:\ngot  %s\nwant %s", text, tt.wantErr)
			}
			if string(got) != tt.want {
				t.Errorf("payload:\ngot  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// withoutLocalID puts LOCAL in the place of an id that was made by the hook.
func withoutLocalID(err error) string {
	var f *claimshook.Failure
	var r *claimshook.Refusal
	id := ""
	if errors.As(err, &f) {
		id = f.DecisionID
	} else if errors.As(err, &r) {
		id = r.DecisionID
	}
	if strings.HasPrefix(id, "dex-") && len(id) == len("dex-")+8 {
		return strings.ReplaceAll(err.Error(), id, "LOCAL")
	}
	return message(err)
}

func TestReservedNamesAreRefusedWhateverTheServiceSays(t *testing.T) {
	var resp *hookv1.ExtendPayloadResponse
	h := open(t, serve(t, func(context.Context, *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
		return resp, nil
	}).socket, "")
	for _, name := range claims.ReservedNames() {
		for _, spelled := range []string{name, strings.ToUpper(name), strings.Replace(name, "s", "ſ", 1)} {
			for _, p := range []*hookv1.Patch{set(spelled, `"x"`), {Remove: []string{spelled}}} {
				for kind, tok := range map[string]claimshook.Token{"ID token": token(), "access token": access(token())} {
					resp = patches(nil, p)
					if kind == "access token" {
						resp = patches(p, nil)
					}
					_, err := h.Extend(exchangeContext(t, "", ""), []byte(payload), tok)
					want := fmt.Sprintf("claims hook: patch of the %s: claim %q is reserved for Dex (decision d1)", kind, spelled)
					if message(err) != want {
						t.Errorf("got  %v\nwant %s", err, want)
					}
				}
			}
		}
	}
}

// TestNamesThatCannotBeSeenAreRefusedWhateverTheServiceSays: a reader that cuts a name at NUL would see a sub of the service's.
func TestNamesThatCannotBeSeenAreRefusedWhateverTheServiceSays(t *testing.T) {
	var resp *hookv1.ExtendPayloadResponse
	h := open(t, serve(t, func(context.Context, *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
		return resp, nil
	}).socket, "")
	tests := []struct {
		name    string
		payload string
		patch   *hookv1.Patch
		want    string
	}{
		{"a claim", payload, set("sub\x00", `"ceo"`), `patch of the ID token: the name "sub\x00" holds a character that cannot be seen (decision d1)`},
		{"a claim that is removed", payload, &hookv1.Patch{Remove: []string{"sub\u200b"}}, `patch of the ID token: the name "sub\u200b" holds a character that cannot be seen (decision d1)`},
		{"inside a claim", payload, set("x", `{"y":{"sub\u0000":1}}`), `patch of the ID token: claim "x": a name inside a claim holds a character that cannot be seen, at byte 6 (decision d1)`},
		{"half a character", payload, set("x", `{"sub\ud800":1}`), `patch of the ID token: claim "x": JSON has half a character in the string at byte 1 (decision d1)`},
		{"a login name", payload, set("username", `"admin\u0000x"`), `patch of the ID token: claim "username" holds a character that cannot be seen (decision d1)`},
		{"a group", payload, set("groups", `["admin\u202e"]`), `patch of the ID token: claim "groups" holds a character that cannot be seen (decision d1)`},
		{"a payload of Dex", `{"sub":"s","sub\u0000":"ceo"}`, &hookv1.Patch{}, `the payload that Dex built: the name "sub\x00" holds a character that cannot be seen (decision LOCAL)`},
		{"a group of Dex", `{"sub":"s","aud":"nas","groups":["admin\u0000x"]}`, &hookv1.Patch{}, `patch of the ID token: claim "groups" holds a character that cannot be seen (decision d1)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp = patches(nil, tt.patch)
			_, err := h.Extend(exchangeContext(t, "", ""), []byte(tt.payload), token())
			if got, want := withoutLocalID(err), "claims hook: "+tt.want; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}
