package state

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/files"
)

// keyBytes is how long a key is.
const keyBytes = 32

// Key seals rows. It is safe for concurrent use.
type Key struct {
	name string // tells keys apart; it says nothing of the key
	aead cipher.AEAD
	ids  []byte
}

// ReadKey reads a key from a file that holds 32 bytes as hex or base64. A file that everybody can read holds no secret.
func ReadKey(file string) (*Key, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("%s can be read by everybody: mend it with chmod o= %s", file, file)
	}
	data, err := files.Text(file)
	if err != nil {
		var why *fs.PathError
		if errors.As(err, &why) {
			err = why.Err
		}
		return nil, fmt.Errorf("read the key %s: %w", file, err)
	}
	key, err := parseKey(strings.TrimSpace(string(data)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return NewKey(key)
}

func parseKey(text string) ([]byte, error) {
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
		base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		if key, err := decode(text); err == nil && len(key) == keyBytes {
			return key, nil
		}
	}
	return nil, fmt.Errorf("a key has %d bytes, as hex or base64: make one with openssl rand -hex %d", keyBytes, keyBytes)
}

// NewKey makes a key of 32 random bytes.
func NewKey(secret []byte) (*Key, error) {
	if len(secret) != keyBytes {
		return nil, fmt.Errorf("a key has %d bytes, not %d", keyBytes, len(secret))
	}
	part := func(what string, n int) []byte {
		out, err := hkdf.Key(sha256.New, secret, nil, "claimsmith state "+what, n)
		if err != nil {
			panic(err) // only for a length that cannot be had
		}
		return out
	}
	block, err := aes.NewCipher(part("rows", keyBytes))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Key{name: hex.EncodeToString(part("name", 8)), aead: aead, ids: part("ids", keyBytes)}, nil
}

// place is what a sealed value is bound to.
type place struct {
	kind, scope, id string // id as it is stored
	at              int64
}

// data joins the parts with their lengths, so that no two places are the same bytes.
func (k *Key) data(p place) []byte {
	var out []byte
	for _, part := range []string{k.name, p.kind, p.scope, p.id} {
		out = binary.BigEndian.AppendUint32(out, uint32(len(part)))
		out = append(out, part...)
	}
	return binary.BigEndian.AppendUint64(out, uint64(p.at))
}

func (k *Key) seal(p place, value []byte) []byte {
	nonce := make([]byte, k.aead.NonceSize(), k.aead.NonceSize()+len(value)+k.aead.Overhead())
	_, _ = rand.Read(nonce) // never fails: crypto/rand ends the process instead
	return k.aead.Seal(nonce, nonce, value, k.data(p))
}

func (k *Key) open(p place, sealed []byte) ([]byte, bool) {
	n := k.aead.NonceSize()
	if len(sealed) < n {
		return nil, false
	}
	value, err := k.aead.Open(nil, sealed[:n], sealed[n:], k.data(p))
	return value, err == nil
}

// digest is an id as it is stored.
func (k *Key) digest(kind, scope, id string) string {
	mac := hmac.New(sha256.New, k.ids)
	mac.Write(k.data(place{kind: kind, scope: scope, id: id}))
	return hex.EncodeToString(mac.Sum(nil))
}
