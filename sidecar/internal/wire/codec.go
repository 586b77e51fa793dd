package wire

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // the codec of all other messages
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// Codec is the codec of protobuf, with the two messages of a decision read and written by hand: decoding the groups of a person one by
// one, and encoding maps by reflection, made half of the allocations of a request. What it reads and writes is what package proto reads
// and writes (FuzzCodec).
//
// The texts of lists are parts of one string, nearly as long as the request without its payload: an element that is kept longer than the others has to be copied.
type Codec struct{ encoding.CodecV2 }

// NewCodec makes a codec. It is safe for concurrent use.
func NewCodec() Codec { return Codec{encoding.GetCodecV2("proto")} }

// Marshal encodes a message.
func (c Codec) Marshal(v any) (mem.BufferSlice, error) {
	if reply, ok := v.(*hookv1.ExtendPayloadResponse); ok {
		if data, err := appendReply(reply); err != nil || data != nil {
			return mem.BufferSlice{mem.SliceBuffer(data)}, err
		}
	}
	return c.CodecV2.Marshal(v)
}

// Unmarshal decodes a message.
func (c Codec) Unmarshal(data mem.BufferSlice, v any) error {
	req, ok := v.(*hookv1.ExtendPayloadRequest)
	if !ok {
		return c.CodecV2.Unmarshal(data, v)
	}
	whole := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer whole.Free()
	return readRequest(whole.ReadOnlyData(), req)
}

var (
	errUTF8   = errors.New("a text of the message is not UTF-8")
	errNumber = errors.New("the number of a field is out of range")
)

// fields calls do for each field of a message, with the value of one that has a length, and with the number of one that is a varint.
// Fields of other types, and of numbers that do not fit their type, are for do to leave out, as package proto does.
func fields(data []byte, do func(n protowire.Number, t protowire.Type, value []byte, varint uint64) error) error {
	for len(data) > 0 {
		n, t, size := protowire.ConsumeTag(data)
		if size < 0 {
			return protowire.ParseError(size)
		}
		if !n.IsValid() {
			return errNumber
		}
		data = data[size:]
		var value []byte
		var varint uint64
		switch t {
		case protowire.BytesType:
			value, size = protowire.ConsumeBytes(data)
		case protowire.VarintType:
			varint, size = protowire.ConsumeVarint(data)
		default:
			size = protowire.ConsumeFieldValue(n, t, data)
		}
		if size < 0 {
			return protowire.ParseError(size)
		}
		data = data[size:]
		if err := do(n, t, value, varint); err != nil {
			return err
		}
	}
	return nil
}

// scalar reads one text.
func scalar(part []byte, into *string) error {
	if !utf8.Valid(part) {
		return errUTF8
	}
	*into = string(part)
	return nil
}

// lists cuts the texts of lists out of one string, which holds the message from the first of them on.
type lists struct {
	data  []byte
	begin int // of text in data
	text  string
}

// add appends part, which is a part of data.
func (l *lists) add(part []byte, to *[]string) error {
	if !utf8.Valid(part) {
		return errUTF8
	}
	if *to == nil {
		*to = make([]string, 0, 4)
	}
	at := cap(l.data) - cap(part)
	if l.text == "" {
		l.begin, l.text = at, string(l.data[at:])
	}
	if at < l.begin { // the message is in another order than others write it
		*to = append(*to, string(part))
		return nil
	}
	*to = append(*to, l.text[at-l.begin:][:len(part)])
	return nil
}

func readRequest(data []byte, m *hookv1.ExtendPayloadRequest) error {
	all := &lists{data: data}
	err := fields(data, func(n protowire.Number, typ protowire.Type, value []byte, varint uint64) error {
		switch {
		case typ == protowire.VarintType && n == 7:
			m.Stage = hookv1.Stage(varint)
		case typ == protowire.VarintType && n == 8:
			m.TokenKinds = append(m.TokenKinds, hookv1.TokenKind(varint))
		case typ != protowire.BytesType:
		case n == 1:
			m.Payload = append(make([]byte, 0, len(value)), value...)
		case n == 2:
			if m.Identity == nil {
				m.Identity = &hookv1.Identity{}
			}
			return readIdentity(value, all, m.Identity)
		case n == 3:
			return scalar(value, &m.ConnectorId)
		case n == 4:
			return scalar(value, &m.ClientId)
		case n == 5:
			return all.add(value, &m.Audience)
		case n == 6:
			return all.add(value, &m.Scopes)
		case n == 8: // packed
			for len(value) > 0 {
				kind, size := protowire.ConsumeVarint(value)
				if size < 0 {
					return protowire.ParseError(size)
				}
				m.TokenKinds, value = append(m.TokenKinds, hookv1.TokenKind(kind)), value[size:]
			}
		case n == 9:
			return scalar(value, &m.GrantType)
		case n == 10:
			return scalar(value, &m.RequestId)
		case n == 12:
			return all.add(value, &m.Features)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	return nil
}

func readIdentity(data []byte, all *lists, m *hookv1.Identity) error {
	if m.Groups == nil {
		groups := 0
		_ = fields(data, func(n protowire.Number, typ protowire.Type, _ []byte, _ uint64) error { // what is wrong is said below
			if n == 6 && typ == protowire.BytesType {
				groups++
			}
			return nil
		})
		if groups > 0 {
			m.Groups = make([]string, 0, groups)
		}
	}
	return fields(data, func(n protowire.Number, typ protowire.Type, value []byte, varint uint64) error {
		switch {
		case n == 5 && typ == protowire.VarintType:
			m.EmailVerified = varint != 0
		case typ != protowire.BytesType:
		case n == 1:
			return scalar(value, &m.UserId)
		case n == 2:
			return scalar(value, &m.Username)
		case n == 3:
			return scalar(value, &m.PreferredUsername)
		case n == 4:
			return scalar(value, &m.Email)
		case n == 6:
			return all.add(value, &m.Groups)
		}
		return nil
	})
}

// appendReply returns nil where the outcome is not patches: denials are small and rare.
func appendReply(m *hookv1.ExtendPayloadResponse) ([]byte, error) {
	patches := m.GetPatches()
	if patches == nil {
		return nil, nil
	}
	access, err := appendPatch(patches.GetAccessToken())
	id := access
	if err == nil && patches.GetIdToken() != patches.GetAccessToken() {
		id, err = appendPatch(patches.GetIdToken())
	}
	if err != nil {
		return nil, err
	}
	if !utf8.ValidString(m.GetDecisionId()) {
		return nil, errUTF8
	}
	size := sizeOf(patches.GetAccessToken() != nil, access) + sizeOf(patches.GetIdToken() != nil, id)
	out := make([]byte, 0, 1+protowire.SizeBytes(size)+1+protowire.SizeBytes(len(m.GetDecisionId())))
	out = protowire.AppendVarint(protowire.AppendTag(out, 1, protowire.BytesType), uint64(size))
	if patches.GetAccessToken() != nil {
		out = protowire.AppendBytes(protowire.AppendTag(out, 1, protowire.BytesType), access)
	}
	if patches.GetIdToken() != nil {
		out = protowire.AppendBytes(protowire.AppendTag(out, 2, protowire.BytesType), id)
	}
	if m.GetDecisionId() != "" {
		out = protowire.AppendString(protowire.AppendTag(out, 3, protowire.BytesType), m.GetDecisionId())
	}
	return out, nil
}

func sizeOf(there bool, patch []byte) int {
	if !there {
		return 0
	}
	return 1 + protowire.SizeBytes(len(patch))
}

func appendPatch(p *hookv1.Patch) ([]byte, error) {
	size := 0
	for name, value := range p.GetSet() {
		if !utf8.ValidString(name) {
			return nil, errUTF8
		}
		size += 1 + protowire.SizeBytes(1+protowire.SizeBytes(len(name))+1+protowire.SizeBytes(len(value)))
	}
	for _, name := range p.GetRemove() {
		if !utf8.ValidString(name) {
			return nil, errUTF8
		}
		size += 1 + protowire.SizeBytes(len(name))
	}
	out := make([]byte, 0, size)
	for name, value := range p.GetSet() {
		out = protowire.AppendTag(out, 1, protowire.BytesType)
		out = protowire.AppendVarint(out, uint64(1+protowire.SizeBytes(len(name))+1+protowire.SizeBytes(len(value))))
		out = protowire.AppendString(protowire.AppendTag(out, 1, protowire.BytesType), name)
		out = protowire.AppendBytes(protowire.AppendTag(out, 2, protowire.BytesType), value)
	}
	for _, name := range p.GetRemove() {
		out = protowire.AppendString(protowire.AppendTag(out, 2, protowire.BytesType), name)
	}
	return out, nil
}
