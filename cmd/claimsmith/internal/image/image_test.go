package image

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// root is a folder with what an image may hold, as somebody with the umask 077 makes it.
func root(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"bin/run": 0o700, "etc/passwd": 0o600, "var/app/data": 0o600} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		data := []byte(name)
		if name == "bin/run" {
			data = program(t, elf.EM_AARCH64, 0)
		}
		if err := errors.Join(os.WriteFile(path, data, 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// program is a file that looks like one for a machine, with a segment of a type unless that is 0.
func program(t *testing.T, machine elf.Machine, segment elf.ProgType) []byte {
	t.Helper()
	h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT), Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1, Shentsize: 64}
	copy(h.Ident[:], elf.ELFMAG+string([]byte{byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)}))
	data, err := binary.Append(nil, binary.LittleEndian, h)
	if err == nil {
		data, err = binary.Append(data, binary.LittleEndian, elf.Prog64{Type: uint32(segment)})
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func spec() Spec {
	return Spec{Tag: "app:latest", Platform: "linux/arm64", Entrypoint: []string{"/bin/run"}, User: "7:7", Owned: map[string]os.FileMode{"var/app": 0o700}, OwnerID: 7}
}

func TestWrittenTwiceItIsTheSame(t *testing.T) {
	var images [][]byte
	for n := range 2 {
		dir, file := root(t), filepath.Join(t.TempDir(), "image.tar")
		when := time.Now().Add(time.Duration(n) * time.Hour)
		if err := os.Chtimes(filepath.Join(dir, "bin", "run"), when, when); err != nil {
			t.Fatal(err)
		}
		if err := Write(file, dir, spec()); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, data)
	}
	if !bytes.Equal(images[0], images[1]) {
		t.Error("the same files make different images")
	}
}

func TestModesAndOwnersAreNotThoseOfTheMachineThatPacks(t *testing.T) {
	packed, err := pack(root(t), spec())
	if err != nil {
		t.Fatal(err)
	}
	type entry struct {
		name string
		mode int64
		uid  int
	}
	var got []entry
	for r := tar.NewReader(bytes.NewReader(packed)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(epoch) || h.Uid != h.Gid {
			t.Errorf("%s: %s, %d:%d", h.Name, h.ModTime, h.Uid, h.Gid)
		}
		got = append(got, entry{h.Name, h.Mode, h.Uid})
	}
	want := []entry{
		{"bin/", 0o755, 0}, {"bin/run", 0o755, 0}, {"etc/", 0o755, 0}, {"etc/passwd", 0o644, 0},
		{"var/", 0o755, 0}, {"var/app/", 0o700, 7}, {"var/app/data", 0o644, 7},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func replace(t *testing.T, root string, program []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, "bin", "run"), program, 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestAnImageIsWrittenWholeOrNotAtAll(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, root, out string, s *Spec)
		want   string
	}{
		{"half a platform", func(_ *testing.T, _, _ string, s *Spec) { s.Platform = "linux" }, `platform "linux": like linux/amd64`},
		{"no program", func(t *testing.T, root, _ string, _ *Spec) {
			replace(t, root, []byte("#!/bin/sh\nexec /bin/true\n"))
		}, "/bin/run is no program for Linux: bad magic number '[35 33 47 98]' in record at byte 0x0"},
		{"a program for another machine", func(t *testing.T, root, _ string, _ *Spec) {
			replace(t, root, program(t, elf.EM_X86_64, 0))
		}, "/bin/run is a program for EM_X86_64, and the image is for arm64"},
		{"a program that needs libraries", func(t *testing.T, root, _ string, _ *Spec) {
			replace(t, root, program(t, elf.EM_AARCH64, elf.PT_INTERP))
		}, "/bin/run needs a dynamic linker and libraries, which the image does not have: build it with CGO_ENABLED=0"},
		{"a link, which would point somewhere else", func(t *testing.T, root, _ string, _ *Spec) {
			if err := os.Symlink("/etc/shadow", filepath.Join(root, "link")); err != nil {
				t.Fatal(err)
			}
		}, "link is neither a file nor a folder"},
		{"a folder in its place", func(t *testing.T, _, out string, _ *Spec) {
			if err := os.Mkdir(filepath.Join(out, "image.tar"), 0o755); err != nil {
				t.Fatal(err)
			}
		}, "image.tar: file exists"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, out, s := root(t), t.TempDir(), spec()
			tt.change(t, dir, out, &s)
			if err := Write(filepath.Join(out, "image.tar"), dir, s); err == nil || !strings.HasSuffix(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if left, err := filepath.Glob(filepath.Join(out, "*.part")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}
