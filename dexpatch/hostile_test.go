package dexpatch_test

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/claimsmith/claimsmith/dexpatch/dextest"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// twoClients are one whose tokens need the service, and one whose tokens may go without when it is away.
const twoClients = `
oauth2: {grantTypes: [client_credentials]}
enablePasswordDB: true
staticClients:
- {id: strict, name: Strict, secret: secret, redirectURIs: []}
- {id: free, name: Free, secret: secret, redirectURIs: []}
`

// garbage is a codec whose messages nobody can read.
type garbage struct{ encoding.Codec }

func (garbage) Name() string                    { return "proto" }
func (garbage) Marshal(any) ([]byte, error)     { return []byte{0xff, 0xff, 0xff}, nil }
func (garbage) Unmarshal(b []byte, v any) error { return proto.Unmarshal(b, v.(proto.Message)) }

// says answers with a patch of both tokens.
func says(name, value string) answerFunc {
	return func(*hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
		p := &hookv1.Patch{Set: map[string][]byte{name: []byte(value)}}
		return &hookv1.ExtendPayloadResponse{
			DecisionId: "d4", Outcome: &hookv1.ExtendPayloadResponse_Patches{Patches: &hookv1.Patches{AccessToken: p, IdToken: p}},
		}, nil
	}
}

// newer answers with a member that this build does not know, beside one that it knows.
func newer(where func(*hookv1.ExtendPayloadResponse) proto.Message) answerFunc {
	return func(req *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
		resp, err := says("username", `"x"`)(req)
		where(resp).ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1))
		return resp, err
	}
}

// TestAHostileService: whatever the other end does, the answer of Dex and the line of its log are these.
func TestAHostileService(t *testing.T) {
	sidecar := serve(t)
	dex := dextest.Start(t, dextest.Options{Config: fmt.Sprintf(
		"%sclaimsHook: {address: %q, timeout: 600ms, signUnchanged: [free]}\n", twoClients, "unix://"+sidecar.socket)})
	const noReply, noSocket = "no reply within 600ms", "no connection: dial unix SOCKET: connect: no such file or directory"
	tests := []struct {
		name    string
		service func() (end func()) // puts one at the socket that nobody serves
		want    string              // the reason
		away    bool                // nobody is there: signUnchanged counts
	}{
		{"absent", func() func() { return func() {} }, noSocket, true},
		{"slow, and its health is good", func() func() {
			sidecar.hangs.Store(true)
			sidecar.up()
			return func() { sidecar.down(); sidecar.hangs.Store(false) }
		}, noReply, false},
		{"hung", func() func() {
			l, err := net.Listen("unix", sidecar.socket) // connections are made, and nobody speaks
			if err != nil {
				t.Fatal(err)
			}
			return func() { l.Close() }
		}, "no", true}, // connection, or reply where the one before has not been seen to end
		{"killed in the middle", func() func() {
			over := make(chan struct{})
			sidecar.set(func(*hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
				go sidecar.server.Stop()
				<-over
				return nil, status.Error(codes.Unavailable, "going down")
			})
			sidecar.up()
			return func() { close(over) }
		}, "", true}, // the second try finds a connection that breaks, or none
		{"no HTTP/2", func() func() {
			l, err := net.Listen("unix", sidecar.socket)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
					c.Close()
				}
			}()
			return func() { l.Close() }
		}, "no connection: not established in time", true},
		answering(sidecar, "garbage", dsmName, "the service answered Internal", grpc.ForceServerCodec(garbage{})),
		answering(sidecar, "an error", func(*hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
			return nil, status.Error(codes.Unavailable, "mum@gmail.com: the NAS is asleep")
		}, "the service answered Unavailable"),
		answering(sidecar, "nothing", fail, "the reply holds neither patches nor a denial"),
		answering(sidecar, "a claim over the cap", says("note", `"`+strings.Repeat("x", 64<<10)+`"`), "the access token would be larger than 65536 bytes"),
		answering(sidecar, "a message over the cap", says("note", `"`+strings.Repeat("x", 1<<20)+`"`), "the service answered ResourceExhausted, or its reply is over 1048576 bytes"),
		answering(sidecar, "a value that is no JSON", says("note", `{"a":`), `patch of the access token: claim "note": JSON ends too early`),
		answering(sidecar, "groups that are no list", says("groups", `"admins"`), `patch of the access token: claim "groups" must be a list of strings`),
		answering(sidecar, "a newer member of the reply", newer(func(r *hookv1.ExtendPayloadResponse) proto.Message { return r }), "the reply holds something that this build does not know"),
		answering(sidecar, "a newer member of a patch", newer(func(r *hookv1.ExtendPayloadResponse) proto.Message { return r.GetPatches().IdToken }), "the reply holds something that this build does not know"),
	}
	sidecar.down()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, client := range []string{"strict", "free"} {
				end := tt.service()
				before := len(dex.Log())
				got := clientToken(t, dex, client)
				end()
				if tt.away && client == "free" {
					if got.status != http.StatusOK || decode(t, got.body["access_token"])["username"] != nil {
						t.Errorf("%s: %s", client, got.said())
					}
					dex.WaitLog(t, before, `"msg":"signing without the claims hook","client_id":"free","err":"claims hook: `)
					continue
				}
				if got.said() != tryLater && !strings.HasPrefix(got.said(), "503 temporarily_unavailable: Please try again later (decision d") || got.header.Get("Retry-After") != "5" {
					t.Errorf("%s: %s, Retry-After %q", client, got.said(), got.header.Get("Retry-After"))
				}
				reason := strings.ReplaceAll(tt.want, "SOCKET", sidecar.socket)
				want := `"level":"ERROR","msg":"failed to issue tokens","err":"create access token: claims hook: ` + strings.ReplaceAll(reason, `"`, `\"`)
				if log := dex.WaitLog(t, before, want); strings.Contains(log, "asleep") {
					t.Errorf("%s: the words of the service are in the log:\n%s", client, log)
				}
			}
		})
	}
	t.Run("each reserved name in turn", func(t *testing.T) {
		sidecar.up()
		defer sidecar.down()
		for _, name := range strings.Fields("iss sub aud azp exp iat nbf jti nonce at_hash c_hash s_hash auth_time sid acr amr cnf act may_act scope scp client_id " +
			"events _claim_names _claim_sources federated_claims Sub ſub ISS") {
			sidecar.set(says(name, `"x"`))
			for _, client := range []string{"strict", "free"} {
				before := len(dex.Log())
				if got := clientToken(t, dex, client); got.said() != "503 temporarily_unavailable: Please try again later (decision d4)." {
					t.Errorf("%s for %s: %s", name, client, got.said())
				}
				dex.WaitLog(t, before, fmt.Sprintf(`claims hook: patch of the access token: claim \"%s\" is reserved for Dex (decision d4)`, name))
			}
		}
	})
}

func answering(d *decider, name string, a answerFunc, want string, o ...grpc.ServerOption) struct {
	name    string
	service func() (end func())
	want    string
	away    bool
} {
	return struct {
		name    string
		service func() (end func())
		want    string
		away    bool
	}{name, func() func() { d.set(a); d.up(o...); return d.down }, want, false}
}

// TestAStrangerAtTheSocket: a service of another user, and one with another's certificate, are not asked and not taken for absent.
func TestAStrangerAtTheSocket(t *testing.T) {
	sidecar := serve(t)
	dex := dextest.Start(t, dextest.Options{Config: fmt.Sprintf(
		"%sclaimsHook: {address: %q, timeout: 600ms, signUnchanged: [free], serverUid: %d}\n", twoClients, "unix://"+sidecar.socket, os.Getuid()+1)})
	for _, client := range []string{"strict", "free"} {
		before := len(dex.Log())
		if got := clientToken(t, dex, client); got.said() != tryLater {
			t.Errorf("%s: %s", client, got.said())
		}
		dex.WaitLog(t, before, "claims hook: no connection: the socket is not served by serverUid")
	}
	if asked := sidecar.questions(); len(asked) > 0 {
		t.Errorf("asked %q", asked)
	}
}

func clientToken(t *testing.T, dex *dextest.Dex, client string) answer {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"openid"}, "client_id": {client}, "client_secret": {"secret"}}
	return post(t, dex.Issuer+"/token", form)
}
