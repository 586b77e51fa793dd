package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// unpacked is an image as an engine sees it.
type unpacked struct {
	root   string
	config struct {
		Architecture, OS string
		Config           struct {
			Entrypoint, Cmd, Env []string
			User                 string
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
				err = os.MkdirAll(path, h.FileInfo().Mode().Perm())
			} else {
				err = os.WriteFile(path, data, h.FileInfo().Mode().Perm())
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

// inside runs a command in the image: chrooted where we may, otherwise with its programs and from outside.
func (u unpacked) inside(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = u.config.Config.Env
	if os.Geteuid() == 0 && runtime.GOOS == "linux" {
		cmd.Path, cmd.Dir = args[0], "/"
		cmd.Err = nil
		cmd.SysProcAttr = chrooted(t, u.root)
		return cmd
	}
	t.Log("not root: the program of the image is run without a chroot")
	cmd.Path = filepath.Join(u.root, args[0])
	cmd.Err = nil
	return cmd
}

// TestTheImagesRun unpacks what image wrote and runs it from there.
func TestTheImagesRun(t *testing.T) {
	self := filepath.Join(t.TempDir(), "claimsmith")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", self, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	write := func(t *testing.T, args ...string) unpacked {
		file := filepath.Join(t.TempDir(), "image.tar")
		if code := run(append([]string{"image", "-o", file}, args...), strings.NewReader(""), io.Discard, t.Output()); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		return unpack(t, file)
	}
	t.Run("dex", func(t *testing.T) {
		u := write(t, "dex")
		c := u.config.Config
		if !slices.Equal(c.Entrypoint, []string{"/usr/local/bin/docker-entrypoint"}) || !slices.Equal(c.Cmd, []string{"dex", "serve", "/etc/dex/config.docker.yaml"}) || c.User != "dex:dex" {
			t.Errorf("config: %+v", c)
		}
		if u.owners["var/dex/"] != 1001 || u.owners["usr/local/bin/dex"] != 0 || u.tag != "claimsmith/dex:latest" || u.config.Architecture != runtime.GOARCH {
			t.Errorf("owners %v, tag %s, for %s", u.owners["var/dex/"], u.tag, u.config.Architecture)
		}
		for _, name := range []string{"srv/dex/web/templates/refused.html", "etc/dex/config.docker.yaml", "etc/ssl/certs/ca-certificates.crt", "usr/local/src/dex/api/v2/go.mod"} {
			if _, err := os.Stat(filepath.Join(u.root, name)); err != nil {
				t.Error(err)
			}
		}
		address := freePort(t)
		config := "issuer: http://" + address + "/dex\nstorage: {type: memory}\nweb: {http: {{ getenv \"WHERE\" \"" + address + "\" | printf \"%q\" }} }\nenablePasswordDB: true\nfrontend: {dir: /srv/dex/web}\n"
		if os.Geteuid() != 0 {
			config = strings.ReplaceAll(config, "/srv/dex/web", filepath.Join(u.root, "srv/dex/web"))
		}
		file := "/etc/dex/test.yaml"
		if err := os.WriteFile(filepath.Join(u.root, file), []byte(config), 0o644); err != nil {
			t.Fatal(err)
		}
		args := append(slices.Clone(c.Entrypoint), "dex", "serve", file)
		if os.Geteuid() != 0 {
			rendered := strings.Replace(config, "{{ getenv \"WHERE\" \""+address+"\" | printf \"%q\" }}", address, 1)
			if err := os.WriteFile(filepath.Join(u.root, file), []byte(rendered), 0o644); err != nil {
				t.Fatal(err)
			}
			args = []string{"/usr/local/bin/dex", "serve", filepath.Join(u.root, file)}
		}
		cmd := u.inside(t, args...)
		cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer cmd.Wait()
		defer cmd.Process.Signal(syscall.SIGKILL)
		waitForPage(t, "http://"+address+"/dex/.well-known/openid-configuration")
	})
	t.Run("sidecar", func(t *testing.T) {
		u := write(t, "sidecar", "--binary", self)
		if u.config.Config.User != "65532:65532" || u.owners["run/claimsmith/"] != 65532 {
			t.Errorf("config: %+v", u.config.Config)
		}
		out, err := u.inside(t, "/usr/local/bin/claimsmith", "--version").CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), "claimsmith version ") {
			t.Errorf("%v: %s", err, out)
		}
	})
}

func waitForPage(t *testing.T, address string) {
	t.Helper()
	deadline, tick := time.After(30*time.Second), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for {
		if resp, err := http.Get(address); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-deadline:
			t.Fatalf("%s does not answer", address)
		case <-tick.C:
		}
	}
}

func TestImageSaysWhatIsMissing(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want int
		says string
	}{
		{"nothing to put in", []string{"image", "-o", "x"}, exitUsage, "image takes what to put in: dex or sidecar"},
		{"no file", []string{"image", "dex"}, exitUsage, "-o FILE says where the image goes"},
		{"another platform without a program for it", []string{"image", "sidecar", "-o", "x", "--platform", "linux/riscv64"}, exitUsage, "--binary FILE names one for linux/riscv64"},
		{"a label that is none", []string{"dex", "build", "-o", "x", "--version-label", "a b"}, exitProblems, `version label "a b": letters, digits and hyphens, in parts between dots`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var errs strings.Builder
			if got := run(tt.args, strings.NewReader(""), io.Discard, &errs); got != tt.want || !strings.Contains(errs.String(), tt.says) {
				t.Errorf("got %d: %s", got, errs.String())
			}
		})
	}
}

// freePort finds a port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
