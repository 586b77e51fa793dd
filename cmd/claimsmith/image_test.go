package main

import (
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTheImagesRun unpacks what image wrote and runs it from there.
func TestTheImagesRun(t *testing.T) {
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
		u.fits(t, "dex")
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
	t.Run("sidecar, made by somebody who lets nobody read", func(t *testing.T) {
		defer syscall.Umask(syscall.Umask(0o077))
		u := write(t, "sidecar")
		syscall.Umask(0o022) // of the people who mount files
		if u.config.Config.User != "65532:65532" || u.owners["run/claimsmith/"] != 65532 {
			t.Errorf("config: %+v", u.config.Config)
		}
		out, err := u.inside(t, "/usr/local/bin/claimsmith", "--version").CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), "claimsmith ") {
			t.Errorf("%v: %s", err, out)
		}
		if os.Geteuid() == 0 {
			u.serve(t)
		}
	})
	t.Run("for another machine", func(t *testing.T) {
		if os.Getenv("CLAIMSMITH_CI") == "" {
			t.Log("not built for another machine, which takes minutes: CLAIMSMITH_CI is not set")
			return
		}
		other := map[string]elf.Machine{"amd64": elf.EM_AARCH64}[runtime.GOARCH]
		arch := "arm64"
		if other == 0 {
			other, arch = elf.EM_X86_64, "amd64"
		}
		sqlite := "0"
		if cross, err := exec.LookPath("aarch64-linux-gnu-gcc"); err == nil && arch == "arm64" {
			t.Setenv("CC", cross) // Debian's: gcc-aarch64-linux-gnu
			sqlite = "1"
		} else if os.Getenv("CLAIMSMITH_CI") != "" && arch == "arm64" {
			t.Errorf("no C compiler for arm64: install Debian's gcc-aarch64-linux-gnu and libc6-dev-arm64-cross")
		}
		for _, u := range []unpacked{write(t, "dex", "--platform", "linux/"+arch), write(t, "sidecar", "--platform", "linux/"+arch)} {
			if u.config.Architecture != arch || u.config.OS != "linux" {
				t.Errorf("the image is for %s/%s", u.config.OS, u.config.Architecture)
			}
			programs, err := filepath.Glob(filepath.Join(u.root, "usr", "local", "bin", "*"))
			if err != nil || len(programs) == 0 {
				t.Errorf("programs: %v, %v", programs, err)
			}
			for _, program := range programs {
				f, err := elf.Open(program)
				if err != nil {
					t.Fatal(err)
				}
				if f.Machine != other {
					t.Errorf("%s is for %s", program, f.Machine)
				}
				f.Close()
				if filepath.Base(program) != "dex" {
					continue
				}
				made, err := buildinfo.ReadFile(program)
				if err != nil || !slices.Contains(made.Settings, debug.BuildSetting{Key: "CGO_ENABLED", Value: sqlite}) {
					t.Errorf("cgo, and sqlite3 with it, should be %s: %v, %v", sqlite, made, err)
				}
			}
		}
	})
}

// serve runs the sidecar as an engine would, with the files of the guide, until it answers health checks at its socket. Then it links
// somebody, which it keeps in its state.
func (u unpacked) serve(t *testing.T) {
	t.Helper()
	rules, err := os.ReadFile(filepath.Join(guide, "claimsmith.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(u.root, "etc", "claimsmith", "claimsmith.yaml"), rules, 0o644); err != nil {
		t.Fatal(err)
	}
	secrets := filepath.Join(u.root, "run", "secrets")
	if err := os.MkdirAll(secrets, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"dsm-password": "a password\n", "claimsmith-key": strings.Repeat("0f", 32) + "\n"} {
		file := filepath.Join(secrets, name)
		if err := errors.Join(os.WriteFile(file, []byte(text), 0o400), os.Chown(file, sidecarID, sidecarID)); err != nil {
			t.Fatal(err)
		}
	}
	// Engines mount /proc; of it the program wants to know where it lies itself.
	self := filepath.Join(u.root, "proc", "self")
	if err := errors.Join(os.MkdirAll(self, 0o755), os.Symlink("/usr/local/bin/claimsmith", filepath.Join(self, "exe"))); err != nil {
		t.Fatal(err)
	}
	c := u.config.Config
	cmd := u.inside(t, append(slices.Clone(c.Entrypoint), c.Cmd...)...)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Signal(os.Interrupt)
	out, err := u.inside(t, "/usr/local/bin/claimsmith", "dex", "probe", "--timeout", "30s", "unix:///run/claimsmith/hook.sock").CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	out, err = u.inside(t, "/usr/local/bin/claimsmith", "links", "add", "-c", "/etc/claimsmith/claimsmith.yaml", "--plugin", "nas", "--connector", "google",
		"--user", "1080", "--account", "mum", "--id", "1026").CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
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
		{"what is no program", []string{"image", "sidecar", "-o", "x", "--binary", "/etc/hostname"}, exitUsage, "--binary: /etc/hostname is no program for Linux"},
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
