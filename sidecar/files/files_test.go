package files

import (
	"os"
	"testing"
	"time"
)

// folder is one that nobody else can write, whatever the mask.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, file, content string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
	return file
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestReading(t *testing.T) {
	dir := folder(t)
	tests := []struct{ name, file, want, wantErr string }{
		{"as long as it may be", write(t, dir+"/good", "12345", 0o600), "12345", ""},
		{"too long", write(t, dir+"/long", "123456", 0o600), "", "longer than 5 bytes"},
		{"a folder", dir, "", "not a file"},
		{"a device", "/dev/null", "", "not a file"},
		{"nothing", dir + "/none", "", "no such file or directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _, err := Read(tt.file, 5)
			if string(got) != tt.want || text(err) != tt.wantErr {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestAStampTellsChanges(t *testing.T) {
	long := time.Now().Add(-time.Hour)
	tests := []struct {
		name   string
		change func(t *testing.T, file string)
		want   bool
	}{
		{"nothing", func(*testing.T, string) {}, true},
		{"more content, at the same time", func(t *testing.T, file string) { write(t, file, "ab", 0o600); times(t, file, long) }, false},
		{"the time", func(t *testing.T, file string) { times(t, file, long.Add(time.Nanosecond*1000)) }, false},
		{"the mode", func(t *testing.T, file string) { chmod(t, file, 0o640) }, false},
		{"another file with the same times", func(t *testing.T, file string) {
			write(t, file+"2", "b", 0o600)
			times(t, file+"2", long)
			if err := os.Rename(file+"2", file); err != nil {
				t.Fatal(err)
			}
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := write(t, folder(t)+"/a", "a", 0o600)
			times(t, file, long)
			_, stamp, err := Read(file, 10)
			if err != nil {
				t.Fatal(err)
			}
			tt.change(t, file)
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := stamp.Same(info); got != tt.want {
				t.Errorf("same %v", got)
			}
			if (Stamp{}).Same(info) {
				t.Error("no stamp is the same")
			}
		})
	}
}

func times(t *testing.T, file string, at time.Time) {
	t.Helper()
	if err := os.Chtimes(file, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestAFileThatJustChangedIsNotTrustedToBeTheSame(t *testing.T) {
	file := write(t, folder(t)+"/a", "a", 0o600)
	_, stamp, err := Read(file, 10)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if stamp.Same(info) {
		t.Error("it is the same")
	}
}

func TestSecrets(t *testing.T) {
	dir := folder(t)
	tests := []struct{ name, file, want, wantErr string }{
		{"a line", write(t, dir+"/a", "secret\r\n", 0o640), "secret", ""},
		{"blanks are part of it", write(t, dir+"/b", " a b ", 0o400), " a b ", ""},
		{"as Notepad writes it", write(t, dir+"/n", "\xef\xbb\xbfgeheim\u00fc\r\n", 0o600), "geheim\u00fc", ""},
		{"as PowerShell writes it", write(t, dir+"/p", "\xff\xfeg\x00\xfc\x00=\xd8\x00\xde\r\x00\n\x00", 0o600), "g\u00fc\U0001f600", ""},
		{"with the other end first", write(t, dir+"/q", "\xfe\xff\x00g\x00\n", 0o600), "g", ""},
		{"half a character", write(t, dir+"/h", "\xff\xfeg\x00h", 0o600), "", "it begins as UTF-16 and is not"},
		{"half a pair", write(t, dir+"/i", "\xff\xfe=\xd8g\x00", 0o600), "", "it begins as UTF-16 and is not"},
		{"only a mark", write(t, dir+"/m", "\xef\xbb\xbf\n", 0o600), "", "the file is empty"},
		{"empty", write(t, dir+"/c", "\n", 0o600), "", "the file is empty"},
		{"two lines", write(t, dir+"/d", "a\nb\n", 0o600), "", "the file holds more than one line"},
		{"for everybody", write(t, dir+"/e", "a", 0o604), "", "every user of this machine can read or change the file"},
		{"no path from the root", "secret", "", "not an absolute path, and a plugin works in a folder of its own"},
		{"no path", "", "", "the name of the file is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := OpenSecret(tt.file)
			if text(err) != tt.wantErr {
				t.Fatal(err)
			}
			if err != nil {
				return
			}
			if got, err := s.Value(); got != tt.want || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
