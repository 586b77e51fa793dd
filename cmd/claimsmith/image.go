package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/internal/image"
	"github.com/claimsmith/claimsmith/dexpatch"
)

// imageOptions are the flags of image.
type imageOptions struct {
	output, platform, tag, label string
	source, dexVersion, binary   string
	gomplate, certificates       string
}

func imageCommand() *cobra.Command {
	var o imageOptions
	cmd := &cobra.Command{
		Use:   "image dex|sidecar -o FILE",
		Short: "Write a container image as a tar file",
		Long: "image writes an image for docker load: of Dex with the hook, laid out like Dex's own image, or of the sidecar. `docker load -i FILE` takes it in. It needs no container engine. " +
			"Where a C compiler for the platform is found Dex has its sqlite3 storage, as in its own image; for another platform CC names it, like CC=aarch64-linux-gnu-gcc.",
		Example: "  claimsmith image dex -o dex.tar --platform linux/arm64\n  claimsmith image sidecar -o claimsmith.tar",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] != "dex" && args[0] != "sidecar" {
				return usageError{errors.New("image takes what to put in: dex or sidecar")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.output == "" {
				return usageError{errors.New("-o FILE says where the image goes")}
			}
			root, err := os.MkdirTemp("", "claimsmith-image-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(root)
			write := o.sidecar
			if args[0] == "dex" {
				write = o.dex
			}
			if err := write(cmd.Context(), cmd, root); err != nil {
				return withDexHint(err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), o.output)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.output, "output", "o", "", "the `file` to write")
	f.StringVar(&o.platform, "platform", "linux/"+runtime.GOARCH, "linux/amd64 or linux/arm64")
	f.StringVar(&o.tag, "tag", "", "the `name` under which docker load puts the image (default claimsmith/dex:latest, claimsmith/claimsmith:latest)")
	f.StringVar(&o.source, "source", "", "a `folder` with the sources of Dex, for dex; it is not changed")
	f.StringVar(&o.dexVersion, "dex-version", "", "the `version` of Dex to take, for dex: "+versions())
	f.StringVar(&o.label, "version-label", "", "a `label` that the version of Dex ends with, for dex")
	f.StringVar(&o.gomplate, "gomplate", "", "the gomplate `program` for the platform, for dex; otherwise a small one that knows getenv, .Env and required")
	f.StringVar(&o.binary, "binary", "", "the claimsmith `program` for the platform, for sidecar (default this one, or one built from the sources in the working directory)")
	f.StringVar(&o.certificates, "ca-certificates", "/etc/ssl/certs/ca-certificates.crt", "the `file` with the certificates to trust")
	return cmd
}

// dex lays out Dex as its own image is.
func (o imageOptions) dex(ctx context.Context, cmd *cobra.Command, root string) error {
	info, err := dexpatch.BuildRoot(ctx, dexpatch.Options{
		Source: o.source, Version: o.dexVersion, Platform: o.platform, Label: o.label, Progress: saying(cmd.ErrOrStderr()),
	}, root, o.gomplate)
	if err != nil {
		return err
	}
	if err := o.base(root, "dex", 1001); err != nil {
		return err
	}
	return image.Write(o.output, root, image.Spec{
		Tag: o.name("claimsmith/dex:latest"), Platform: o.platform, User: "dex:dex", Owned: map[string]os.FileMode{"var/dex": 0o755, "etc/dex": 0o755}, OwnerID: 1001,
		Entrypoint: []string{"/usr/local/bin/docker-entrypoint"}, Cmd: []string{"dex", "serve", "/etc/dex/config.docker.yaml"},
		Labels: map[string]string{"org.opencontainers.image.title": "dex", "org.opencontainers.image.version": info.String(), "org.opencontainers.image.revision": info.Commit},
	})
}

// sidecar lays out claimsmith alone.
func (o imageOptions) sidecar(ctx context.Context, cmd *cobra.Command, root string) error {
	for _, dir := range []string{"usr/local/bin", "run/claimsmith", "var/lib/claimsmith", "etc/claimsmith"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	if err := o.program(ctx, cmd, filepath.Join(root, "usr", "local", "bin", "claimsmith")); err != nil {
		return err
	}
	if err := o.base(root, "claimsmith", 65532); err != nil {
		return err
	}
	return image.Write(o.output, root, image.Spec{
		Tag: o.name("claimsmith/claimsmith:latest"), Platform: o.platform, User: "65532:65532", WorkingDir: "/etc/claimsmith", Owned: map[string]os.FileMode{"run/claimsmith": 0o755, "var/lib/claimsmith": 0o700}, OwnerID: 65532,
		Entrypoint: []string{"/usr/local/bin/claimsmith"}, Cmd: []string{"serve", "-c", "/etc/claimsmith/claimsmith.yaml"},
		Labels: map[string]string{"org.opencontainers.image.title": "claimsmith", "org.opencontainers.image.version": version()},
	})
}

// program puts claimsmith to its place: the one of --binary, this one if it runs in the image, or one that is built from the sources.
func (o imageOptions) program(ctx context.Context, cmd *cobra.Command, to string) error {
	system, arch, _ := strings.Cut(o.platform, "/")
	from := o.binary
	if from == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		from = self
	}
	err := image.Runs(from, arch)
	switch {
	case err != nil && o.binary != "":
		return usageError{fmt.Errorf("--binary: %w", err)}
	case err == nil:
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o755)
	}
	saying(cmd.ErrOrStderr())("build claimsmith for " + o.platform)
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", to, "github.com/claimsmith/claimsmith/cmd/claimsmith")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch)
	if out, failed := build.CombinedOutput(); failed != nil {
		return fmt.Errorf("%w; it cannot be built here either: %w: %s\nhint: run this where the sources of claimsmith are, or name the program of a release for %s with --binary FILE",
			err, failed, strings.TrimSpace(string(out)), o.platform)
	}
	return nil
}

func (o imageOptions) name(otherwise string) string {
	if o.tag != "" {
		return o.tag
	}
	return otherwise
}

// base adds what a program expects of any system: a user, certificates and a place for temporary files.
func (o imageOptions) base(root, user string, id int) error {
	certificates, err := os.ReadFile(o.certificates)
	if err != nil {
		return fmt.Errorf("certificates for the image: %w\nhint: --ca-certificates FILE names them", err)
	}
	tmp := filepath.Join(root, "tmp")
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(tmp, 0o777|os.ModeSticky); err != nil {
		return err
	}
	for name, data := range map[string]string{
		"etc/ssl/certs/ca-certificates.crt": string(certificates),
		"etc/passwd":                        fmt.Sprintf("root:x:0:0:root:/root:/sbin/nologin\n%s:x:%d:%d::/nonexistent:/sbin/nologin\n", user, id, id),
		"etc/group":                         fmt.Sprintf("root:x:0:\n%s:x:%d:\n", user, id),
	} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			return err
		}
	}
	return nil
}
