package sidecar_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
)

// link puts a link in the place of what was there, at one stroke, as deployments do.
func link(t *testing.T, to, from string) {
	t.Helper()
	must(t, os.Symlink(to, from+".tmp"), os.Rename(from+".tmp", from))
}

func TestALinkThatIsSwappedIsServed(t *testing.T) {
	tests := []struct{ name, swapped, file, to string }{
		{"beside the file, as a ConfigMap is mounted", "..data", "c.yaml", "..data/c.yaml"},
		{"on the way to the file, as releases are switched", "current", "etc/c.yaml", "../current/c.yaml"},
		{"above the folder of the file", "current", "current/c.yaml", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := shortDir(t)
			for _, version := range []string{"v1", "v2"} {
				must(t, os.Mkdir(filepath.Join(dir, version), 0o700))
				written(t, filepath.Join(dir, version), plain(dir)+"pipeline:\n  - set: {username: '\""+version+"\"'}\n")
			}
			link(t, "v1", filepath.Join(dir, tt.swapped))
			file := filepath.Join(dir, tt.file)
			if tt.to != "" {
				must(t, os.MkdirAll(filepath.Dir(file), 0o700))
				link(t, tt.to, file)
			}
			r := serveFile(t, dir, file)
			if got := r.username("mum@gmail.com"); got != `"v1"` {
				t.Fatalf("before: %s", got)
			}
			link(t, "v2", filepath.Join(dir, tt.swapped))
			r.log.wait(t, `"msg":"configuration reloaded"`)
			if got := r.username("mum@gmail.com"); got != `"v2"` {
				t.Errorf("after: %s", got)
			}
		})
	}
}

// TestASecretSwappedByALinkIsRead: a secret as Kubernetes mounts it, in a file that is a link through ..data.
func TestASecretSwappedByALinkIsRead(t *testing.T) {
	t.Parallel()
	h := newHome(t, "{file: DIR/state/state.db, keyFile: DIR/key}")
	for version, password := range map[string]string{"v1": "a long password", "v2": "another password"} {
		must(t, os.Mkdir(filepath.Join(h.dir, version), 0o700), os.WriteFile(filepath.Join(h.dir, version, "password"), []byte(password), 0o600))
	}
	link(t, "v1", filepath.Join(h.dir, "..data"))
	link(t, "..data/password", filepath.Join(h.dir, "password"))
	r := h.starts()
	if got, _ := r.gets("mum@gmail.com"); got != "mum of plugin" {
		t.Fatalf("before: %s", got)
	}
	h.nas.Update("claimsmith", func(a *dsmtest.Account) { a.Password = "another password" })
	h.nas.Update("mum", func(a *dsmtest.Account) { a.Name = "mummy" })
	h.nas.EndSessions(106)
	link(t, "v2", filepath.Join(h.dir, "..data"))
	if !confine.HasFileRules() { // then a process reads the file again when it needs it, and not before
		_, err := r.plugins().RestartPlugin(t.Context(), &adminv1.RestartPluginRequest{Name: "nas"})
		must(t, err)
	}
	r.eventually("mum@gmail.com", "mummy of plugin")
}

func TestCertificatesSwappedByALinkAreServed(t *testing.T) {
	t.Parallel()
	first, second, address := newAuthority(t), newAuthority(t), freePort(t)
	r := serve(t, func(dir string) string {
		for version, a := range map[string]*authority{"v1": first, "v2": second} {
			must(t, os.Mkdir(filepath.Join(dir, version), 0o700))
			a.write(filepath.Join(dir, version))
		}
		link(t, "v1", filepath.Join(dir, "..data"))
		for _, name := range []string{"cert.pem", "key.pem", "ca.pem"} {
			link(t, "..data/"+name, filepath.Join(dir, name))
		}
		return overTCP(address)
	})
	if !first.letsIn(address) || second.letsIn(address) {
		t.Error("before: the first generation is not served, or the second is")
	}
	link(t, "v2", filepath.Join(r.dir, "..data"))
	if first.letsIn(address) || !second.letsIn(address) {
		t.Error("after: the second generation is not served, or the first still is")
	}
}

// TestAProgramThatIsReplacedWhileItRuns: with a digest only what was declared is ever run, and nobody is refused, or let in, by what
// came in its place.
func TestAProgramThatIsReplacedWhileItRuns(t *testing.T) {
	self, err := os.ReadFile(os.Args[0])
	must(t, err)
	tests := []struct {
		name    string
		plugin  string // PROGRAM is the file
		replace func(t *testing.T, file string)
		refused string // why it does not start again
	}{
		{"another file, with a digest", "command: [PROGRAM, as-plugin], sha256: {PROGRAM: DIGEST}", func(t *testing.T, file string) {
			must(t, os.WriteFile(file+".new", []byte("#!/bin/sh\ntouch "+file+".ran\n"), 0o755), os.Rename(file+".new", file))
		}, "the digest of the file is "},
		{"the same file, with a digest", "command: [PROGRAM, as-plugin], sha256: {PROGRAM: DIGEST}", func(t *testing.T, file string) {
			must(t, os.WriteFile(file, []byte("#!/bin/sh\ntouch "+file+".ran\n"), 0o755))
		}, "the digest of the file is "},
		{"a program that is gone", "command: [PROGRAM, as-plugin], sha256: unverified", func(t *testing.T, file string) { must(t, os.Remove(file)) },
			"no such file or directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var program string
			r := serve(t, func(dir string) string {
				program = filepath.Join(dir, "program")
				must(t, os.WriteFile(program, self, 0o755))
				declared := strings.NewReplacer("PROGRAM", program, "DIGEST", fmt.Sprintf("%x", sha256.Sum256(self))).Replace(tt.plugin)
				return strings.Replace(household(dir), "builtin: directory", declared, 1)
			})
			asks := func(email string) codes.Code {
				t.Helper()
				_, err := r.client().ExtendPayload(t.Context(), signIn(email))
				return status.Code(err)
			}
			tt.replace(t, program)
			if got := r.username("mum@gmail.com"); got != `"mum"` {
				t.Errorf("the process that runs: %s", got)
			}
			must(t, syscall.Kill(int(r.pids(t)["nas"]), syscall.SIGKILL))
			if got := asks("dad@gmail.com"); got != codes.Unavailable {
				t.Errorf("without its program: %s", got)
			}
			list, err := r.plugins().ListPlugins(t.Context(), &adminv1.ListPluginsRequest{})
			must(t, err)
			if got := list.GetPlugins()[0].GetRefused(); !strings.Contains(got, tt.refused) {
				t.Errorf("status says %q, not %q", got, tt.refused)
			}
			if _, err := os.Stat(program + ".ran"); !os.IsNotExist(err) {
				t.Errorf("what came in its place was run: %v", err)
			}
			must(t, os.WriteFile(program+".new", self, 0o755), os.Rename(program+".new", program))
			_, err = r.plugins().RestartPlugin(t.Context(), &adminv1.RestartPluginRequest{Name: "nas"})
			must(t, err)
			if got := r.username("dad@gmail.com"); got != `"dad"` {
				t.Errorf("with its program: %s", got)
			}
		})
	}
}

// TestTheSidecarsOwnProgramIsReplaced as by an upgrade that takes the old one away first: built-in plugins are that program.
func TestTheSidecarsOwnProgramIsReplaced(t *testing.T) {
	t.Parallel()
	self, err := os.ReadFile(os.Args[0])
	must(t, err)
	own := filepath.Join(shortDir(t), "claimsmith")
	must(t, os.WriteFile(own, self, 0o755))
	r := serve(t, household, func(o *sidecar.Options) {
		o.Wrapper[0] = own
		o.Builtins["directory"] = sidecar.Builtin{Command: []string{own, asPlugin}, Describe: describe}
	})
	must(t, os.Remove(own))
	if got := r.username("mum@gmail.com"); got != `"mum"` {
		t.Errorf("the process that runs: %s", got)
	}
	must(t, syscall.Kill(int(r.pids(t)["nas"]), syscall.SIGKILL))
	if _, err := r.client().ExtendPayload(t.Context(), signIn("dad@gmail.com")); status.Code(err) != codes.Unavailable {
		t.Errorf("without the program: %v", err)
	}
	must(t, os.WriteFile(own, self, 0o755))
	_, err = r.plugins().RestartPlugin(t.Context(), &adminv1.RestartPluginRequest{Name: "nas"})
	must(t, err)
	if got := r.username("dad@gmail.com"); got != `"dad"` {
		t.Errorf("with the next one: %s", got)
	}
}
