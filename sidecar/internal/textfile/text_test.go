package textfile

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAFileIsReadAsItsAuthorSeesIt(t *testing.T) {
	tests := []struct{ name, content, want, err string }{
		{"as it is", "gü\n", "gü\n", ""},
		{"nothing", "", "", ""},
		{"with a mark", "\xef\xbb\xbfgü\r\n", "gü\r\n", ""},
		{"UTF-16", "\xff\xfeg\x00\xfc\x00=\xd8\x00\xde", "gü😀", ""},
		{"UTF-16, the other end first", "\xfe\xff\x00g", "g", ""},
		{"half a character", "\xff\xfeg\x00h", "", "it begins as UTF-16 and is not"},
		{"half a pair", "\xff\xfe=\xd8g\x00", "", "it begins as UTF-16 and is not"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "f")
			if err := os.WriteFile(file, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := Read(file)
			said := ""
			if err != nil {
				said = err.Error()
			}
			if string(got) != tt.want || said != tt.err {
				t.Errorf("%q, %q", got, said)
			}
		})
	}
}
