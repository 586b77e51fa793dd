package state

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	const digits = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	tests := []struct {
		name, text, want string
		mode             os.FileMode
	}{
		{"hex", digits + "\n", "", 0o600},
		{"hex with a byte order mark", "\xef\xbb\xbf" + digits + "\r\n", "", 0o600},
		{"hex that the group may read", digits, "", 0o640},
		{"base64", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", "", 0o400},
		{"base64 for URLs, without padding", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "", 0o600},
		{"too short", "0001", "FILE: a key has 32 bytes, as hex or base64: make one with openssl rand -hex 32", 0o600},
		{"words", "correct horse battery staple", "FILE: a key has 32 bytes, as hex or base64: make one with openssl rand -hex 32", 0o600},
		{"for all to read", digits, "FILE can be read by everybody: mend it with chmod o= FILE", 0o644},
	}
	var names []string
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(dir, hex.EncodeToString([]byte(test.name)))
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(file, test.mode); err != nil {
				t.Fatal(err)
			}
			key, err := ReadKey(file)
			if test.want != "" {
				if want := strings.ReplaceAll(test.want, "FILE", file); err == nil || err.Error() != want {
					t.Errorf("got  %v\nwant %s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, key.name)
		})
	}
	for _, name := range names {
		if name != names[0] || strings.Contains(digits, name) {
			t.Errorf("names of one key: %q", names)
		}
	}
}
