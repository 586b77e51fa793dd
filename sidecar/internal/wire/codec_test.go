package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

func request() *hookv1.ExtendPayloadRequest {
	return &hookv1.ExtendPayloadRequest{
		Payload:     []byte(`{"sub":"a"}`),
		Identity:    &hookv1.Identity{UserId: "108", Username: "Zoë", PreferredUsername: "z", Email: "z@gmail.com", EmailVerified: true, Groups: []string{"a", "", "bé"}},
		ConnectorId: "google", ClientId: "nas", Audience: []string{"nas", "x"}, Scopes: []string{"openid", ""}, Stage: hookv1.Stage_STAGE_TOKEN,
		TokenKinds: []hookv1.TokenKind{hookv1.TokenKind_TOKEN_KIND_ACCESS, hookv1.TokenKind_TOKEN_KIND_ID}, GrantType: "g", RequestId: "r", Features: []string{"login"},
	}
}

// FuzzCodec: what is read is what package proto reads, and what it refuses is refused.
func FuzzCodec(f *testing.F) {
	for _, m := range []*hookv1.ExtendPayloadRequest{request(), {}, {Identity: &hookv1.Identity{}}, {TokenKinds: []hookv1.TokenKind{-1, 300}}} {
		data, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(append(data, data...)) // a second identity is merged with the first
	}
	f.Add(protowire.AppendVarint(protowire.AppendTag(nil, 8, protowire.VarintType), 1))       // not packed
	f.Add(protowire.AppendString(protowire.AppendTag(nil, 4, protowire.BytesType), "\xff"))   // no UTF-8
	f.Add(protowire.AppendFixed32(protowire.AppendTag(nil, 4, protowire.Fixed32Type), 1))     // of another type
	f.Add(protowire.AppendString(protowire.AppendTag(nil, 99, protowire.BytesType), "later")) // of a later version
	c := NewCodec()
	f.Fuzz(func(t *testing.T, data []byte) {
		want, got := &hookv1.ExtendPayloadRequest{}, &hookv1.ExtendPayloadRequest{}
		wantErr := proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, want) // what is unknown nobody reads
		gotErr := c.Unmarshal(mem.BufferSlice{mem.SliceBuffer(data)}, got)
		if (wantErr == nil) != (gotErr == nil) {
			t.Fatalf("proto: %v, codec: %v", wantErr, gotErr)
		}
		if wantErr != nil {
			return
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("-proto +codec:\n%s", diff)
		}
	})
}

func TestWhatTheCodecWritesIsRead(t *testing.T) {
	same := &hookv1.Patch{Set: map[string][]byte{"a": []byte(`"1"`), "bé": nil}, Remove: []string{"x", ""}}
	patches := func(access, id *hookv1.Patch) *hookv1.ExtendPayloadResponse {
		return &hookv1.ExtendPayloadResponse{DecisionId: "7K2M-Q9XD", Outcome: &hookv1.ExtendPayloadResponse_Patches{Patches: &hookv1.Patches{AccessToken: access, IdToken: id}}}
	}
	long := &hookv1.Patch{Set: map[string][]byte{"groups": make([]byte, 70_000)}}
	tests := map[string]*hookv1.ExtendPayloadResponse{
		"one for both":  patches(same, same),
		"one for each":  patches(same, &hookv1.Patch{Remove: []string{"y"}}),
		"only access":   patches(long, nil),
		"only id":       patches(nil, long),
		"both are none": patches(&hookv1.Patch{}, &hookv1.Patch{}),
		"no patch":      patches(nil, nil),
		"a denial":      {DecisionId: "d", Outcome: &hookv1.ExtendPayloadResponse_Denial{Denial: &hookv1.Denial{Message: "m", Rule: "r"}}},
		"nothing":       {},
	}
	c := NewCodec()
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			data, err := c.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			got := &hookv1.ExtendPayloadResponse{}
			if err := proto.Unmarshal(data.Materialize(), got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(normal(want), got, protocmp.Transform()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	for name, wrong := range map[string]*hookv1.ExtendPayloadResponse{
		"a name":    patches(&hookv1.Patch{Set: map[string][]byte{"\xff": nil}}, nil),
		"a removal": patches(nil, &hookv1.Patch{Remove: []string{"\xff"}}),
	} {
		if _, err := c.Marshal(wrong); err == nil {
			t.Errorf("%s that is no UTF-8 is written", name)
		}
	}
}

// normal is m as package proto reads it: an empty value is not nil.
func normal(m *hookv1.ExtendPayloadResponse) *hookv1.ExtendPayloadResponse {
	data, _ := proto.Marshal(m)
	out := &hookv1.ExtendPayloadResponse{}
	_ = proto.Unmarshal(data, out)
	return out
}

func TestARequestIsReadInFewAllocations(t *testing.T) {
	m := request()
	for range 60 {
		m.Identity.Groups = append(m.Identity.Groups, "a-group-of-the-directory")
	}
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	c, slice := NewCodec(), mem.BufferSlice{mem.SliceBuffer(data)}
	if n := testing.AllocsPerRun(100, func() {
		if err := c.Unmarshal(slice, &hookv1.ExtendPayloadRequest{}); err != nil {
			t.Error(err)
		}
	}); n > 20 {
		t.Errorf("%v allocations", n)
	}
}
