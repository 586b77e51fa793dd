package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// unpacked is an image as an engine sees it.
type unpacked struct {
	root   string
	config struct {
		Architecture, OS string
		Config           struct {
			Entrypoint, Cmd, Env []string
			User, WorkingDir     string
		}
	}
	owners map[string]int
	tag    string
}

// unpack reads an image like docker load does: manifest.json, and what it names.
func unpack(t *testing.T, file string) unpacked {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	files := map[string][]byte{}
	defer syscall.Umask(syscall.Umask(0o022)) // the engine's, whatever that of the packer was
	eachFile(t, f, func(h *tar.Header, data []byte) { files[h.Name] = data })
	var manifest []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(files["manifest.json"], &manifest); err != nil {
		t.Fatal(err)
	}
	u := unpacked{root: t.TempDir(), owners: map[string]int{}, tag: manifest[0].RepoTags[0]}
	if err := json.Unmarshal(files[manifest[0].Config], &u.config); err != nil {
		t.Fatal(err)
	}
	if files["index.json"] == nil || files["oci-layout"] == nil {
		t.Error("it is no OCI layout")
	}
	for _, name := range manifest[0].Layers {
		layer, err := gzip.NewReader(bytes.NewReader(files[name]))
		if err != nil {
			t.Fatal(err)
		}
		eachFile(t, layer, func(h *tar.Header, data []byte) {
			path := filepath.Join(u.root, h.Name)
			u.owners[h.Name] = h.Uid
			var err error
			if h.Typeflag == tar.TypeDir {
				err = os.MkdirAll(path, 0o755)
			} else {
				err = os.WriteFile(path, data, 0o644)
			}
			err = errors.Join(err, os.Chmod(path, h.FileInfo().Mode()))
			if os.Geteuid() == 0 {
				err = errors.Join(err, os.Chown(path, h.Uid, h.Gid))
			}
			if err != nil {
				t.Fatal(err)
			}
		})
	}
	return u
}

func eachFile(t *testing.T, from io.Reader, do func(*tar.Header, []byte)) {
	t.Helper()
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		do(h, data)
	}
}

// user returns the id of the user as whom the image runs.
func (u unpacked) user(t *testing.T) uint32 {
	t.Helper()
	name, _, _ := strings.Cut(u.config.Config.User, ":")
	users, err := os.ReadFile(filepath.Join(u.root, "etc", "passwd"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(users)) {
		if f := strings.Split(line, ":"); f[0] == name || f[2] == name {
			id, err := strconv.ParseUint(f[2], 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			return uint32(id)
		}
	}
	t.Fatalf("there is no user %s in the image", name)
	return 0
}

// inside runs a command in the image: chrooted and as its user where we may, otherwise with its programs and from outside.
func (u unpacked) inside(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = u.config.Config.Env
	if os.Geteuid() == 0 && runtime.GOOS == "linux" {
		cmd.Path, cmd.Dir = args[0], "/"
		cmd.Err = nil
		cmd.SysProcAttr = chrooted(t, u.root, u.user(t))
		return cmd
	}
	t.Log("not root: the program of the image is run without a chroot")
	cmd.Path = filepath.Join(u.root, args[0])
	cmd.Err = nil
	return cmd
}
