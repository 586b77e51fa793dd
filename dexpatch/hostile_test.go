package dexpatch_test

import (
	"cmp"
	"encoding/json"
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
oauth2: {passwordConnector: local}
enablePasswordDB: true
staticPasswords:
- {email: mum@gmail.com, hash: "` + dextest.PasswordHash + `", username: mum, userID: "117"}
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

// hostile is a service that is not as it should be.
type hostile struct {
	name    string
	service func() (end func()) // puts one at the socket that nobody serves
	want    []string            // the reason; several where it depends on how far it got
	id      string              // of the decision; empty: one that the hook made
	away    bool                // nobody is there: signUnchanged counts
}

// TestAHostileService: whatever the other end does, the answer of Dex and the line of its log are these.
func TestAHostileService(t *testing.T) {
	sidecar := serve(t)
	dex := dextest.Start(t, dextest.Options{Config: fmt.Sprintf(
		"%ssigner: {type: claimsHook, config: {address: %q, timeout: 2s, signUnchanged: [free]}}\n", twoClients, "unix://"+sidecar.socket)})
	const noReply, noConnection = "no reply within 2s", "no connection: not established in time"
	noSocket := "no connection: dial unix " + sidecar.socket + ": connect: no such file or directory"
	tests := []hostile{
		{name: "absent", service: func() func() { return func() {} }, want: []string{noSocket}, away: true},
		{name: "slow, and its health is good", service: func() func() {
			sidecar.hangs.Store(true)
			sidecar.up()
			return func() { sidecar.down(); sidecar.hangs.Store(false) }
		}, want: []string{noReply}},
		{name: "hung", service: func() func() {
			l, err := net.Listen("unix", sidecar.socket) // connections are made, and nobody speaks
			if err != nil {
				t.Fatal(err)
			}
			return func() { l.Close() }
		}, want: []string{noConnection, noReply}, away: true},
		{name: "killed in the middle", service: func() func() {
			over := make(chan struct{})
			sidecar.set(func(*hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
				go sidecar.server.Stop()
				<-over
				return nil, status.Error(codes.Unavailable, "going down")
			})
			sidecar.up()
			return func() { close(over) }
		}, want: []string{noSocket, "the connection broke twice before a reply", strings.Replace(noSocket, "no such file or directory", "connection refused", 1)}, away: true},
		{name: "no HTTP/2", service: func() func() {
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
		}, want: []string{noConnection}, away: true},
		answering(sidecar, "garbage", dsmName, "", "the service answered Internal", grpc.ForceServerCodec(garbage{})),
		answering(sidecar, "an error", func(*hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
			return nil, status.Error(codes.Unavailable, "mum@gmail.com: the NAS is asleep")
		}, "", "the service answered Unavailable"),
		answering(sidecar, "a feature that this hook lacks", func(*hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
			return nil, status.Error(codes.FailedPrecondition, "the rules need a newer hook")
		}, "", "the service answered FailedPrecondition"),
		answering(sidecar, "nothing", fail, "d3", "the reply holds neither patches nor a denial"),
		answering(sidecar, "a claim over the cap", says("note", `"`+strings.Repeat("x", 64<<10)+`"`), "d4", "the access token would be larger than 65536 bytes"),
		answering(sidecar, "a message over the cap", says("note", `"`+strings.Repeat("x", 1<<20)+`"`), "", "the service answered ResourceExhausted, or its reply is over 1048576 bytes"),
		answering(sidecar, "a value that is no JSON", says("note", `{"a":`), "d4", `patch of the access token: claim "note": JSON ends too early`),
		answering(sidecar, "groups that are no list", says("groups", `"admins"`), "d4", `patch of the access token: claim "groups" must be a list of strings`),
		answering(sidecar, "a verified address", says("email_verified", `true`), "d4", `patch of the access token: claim "email_verified" can only be set to false`),
		answering(sidecar, "a newer member of the reply", newer(func(r *hookv1.ExtendPayloadResponse) proto.Message { return r }), "d4", "the reply holds something that this build does not know"),
		answering(sidecar, "a newer member of a patch", newer(func(r *hookv1.ExtendPayloadResponse) proto.Message { return r.GetPatches().IdToken }), "d4", "the reply holds something that this build does not know"),
	}
	sidecar.down()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, client := range []string{"strict", "free"} {
				end := tt.service()
				before := len(dex.Log())
				got := clientToken(t, dex, client)
				end()
				line := `"level":"ERROR","msg":"password grant failed to create new access token","err":"claims hook: `
				if tt.away && client == "free" {
					if got.status != http.StatusOK || decode(t, got.body["access_token"])["username"] != nil {
						t.Errorf("%s: %s", client, got.said())
					}
					line = `"level":"WARN","msg":"signing without the claims hook","client_id":"free","err":"claims hook: `
				} else {
					want := strings.Replace(tryLater, "LOCAL", cmp.Or(tt.id, "LOCAL"), 1)
					if got.said() != want || got.header.Get("Retry-After") != "5" {
						t.Errorf("%s:\ngot  %s, Retry-After %q\nwant %s", client, got.said(), got.header.Get("Retry-After"), want)
					}
				}
				tt.expect(t, client, line, dex.WaitLog(t, before, line))
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
				if got := clientToken(t, dex, client); got.said() != strings.Replace(tryLater, "LOCAL", "d4", 1) {
					t.Errorf("%s for %s: %s", name, client, got.said())
				}
				dex.WaitLog(t, before, fmt.Sprintf(
					`"level":"ERROR","msg":"password grant failed to create new access token","err":"claims hook: patch of the access token: claim \"%s\" is reserved for Dex (decision d4)"`, name))
			}
		}
	})
}

// expect looks for the line in the log, with one of the reasons and nothing else of the service.
func (h hostile) expect(t *testing.T, client, line, log string) {
	t.Helper()
	for _, reason := range h.want {
		text, err := json.Marshal(fmt.Sprintf("%s (decision %s)", reason, cmp.Or(h.id, "LOCAL")))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(localID.ReplaceAllString(log, "decision LOCAL"), line+string(text[1:])) {
			return
		}
	}
	t.Errorf("%s: the log holds none of\n%q\nbut\n%s", client, h.want, log)
}

// answering is a service that speaks as it should, and says what it should not.
func answering(d *decider, name string, a answerFunc, id, want string, o ...grpc.ServerOption) hostile {
	return hostile{name: name, service: func() func() { d.set(a); d.up(o...); return d.down }, id: id, want: []string{want}}
}

// TestAStrangerAtTheSocket: a service of another user, and one with another's certificate, are not asked and not taken for absent.
func TestAStrangerAtTheSocket(t *testing.T) {
	sidecar := serve(t)
	dex := dextest.Start(t, dextest.Options{Config: fmt.Sprintf(
		"%ssigner: {type: claimsHook, config: {address: %q, timeout: 2s, signUnchanged: [free], serverUid: %d}}\n", twoClients, "unix://"+sidecar.socket, os.Getuid()+1)})
	for _, client := range []string{"strict", "free"} {
		before := len(dex.Log())
		if got := clientToken(t, dex, client); got.said() != tryLater {
			t.Errorf("%s: %s", client, got.said())
		}
		dex.WaitLog(t, before, `"level":"ERROR","msg":"password grant failed to create new access token","err":"claims hook: no connection: the socket is not served by serverUid (decision dex-`)
	}
	if asked := sidecar.questions(); len(asked) > 0 {
		t.Errorf("asked %q", asked)
	}
}

func clientToken(t *testing.T, dex *dextest.Dex, client string) answer {
	t.Helper()
	form := url.Values{
		"grant_type": {"password"}, "username": {"mum@gmail.com"}, "password": {"password"}, "scope": {"openid"}, "client_id": {client}, "client_secret": {"secret"},
	}
	return post(t, dex.Issuer+"/token", form)
}
