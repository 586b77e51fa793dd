package image

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Spec says what an image is.
type Spec struct {
	Tag        string // like claimsmith/dex:latest
	Platform   string // like linux/arm64
	Entrypoint []string
	Cmd        []string
	User       string
	WorkingDir string
	Labels     map[string]string
	// Owned are folders, like var/dex, that belong to the user and group with the id OwnerID, with their modes. All else is root's, and
	// everybody may read it: modes and umask of the machine that packs an image do not get into it.
	Owned   map[string]fs.FileMode
	OwnerID int
}

// epoch is the time of all files and of the image: the same sources give the same bytes.
var epoch = time.Unix(0, 0).UTC()

// Write writes an image with the files of root to a file, whole or not at all.
func Write(file, root string, s Spec) (err error) {
	system, arch, ok := strings.Cut(s.Platform, "/")
	if !ok {
		return fmt.Errorf("platform %q: like linux/amd64", s.Platform)
	}
	if err := runs(root, arch); err != nil {
		return err
	}
	files, err := pack(root, s)
	if err != nil {
		return err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files)), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err = mutate.Append(img, mutate.Addendum{Layer: layer, MediaType: types.OCILayer, History: v1.History{Created: v1.Time{Time: epoch}, CreatedBy: "claimsmith image"}})
	if err != nil {
		return err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = system, arch, v1.Time{Time: epoch}
	config.Config = v1.Config{
		Entrypoint: s.Entrypoint, Cmd: s.Cmd, User: s.User, WorkingDir: s.WorkingDir, Labels: s.Labels,
		Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
	}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return err
	}
	return save(file, img, s)
}

// save writes an OCI layout as a tar file, with the manifest.json beside it that older engines look for.
func save(file string, img v1.Image, s Spec) (err error) {
	dir, err := os.MkdirTemp("", "claimsmith-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	index, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	system, arch, _ := strings.Cut(s.Platform, "/")
	err = index.AppendImage(img, layout.WithPlatform(v1.Platform{OS: system, Architecture: arch}),
		layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": s.Tag, "io.containerd.image.name": s.Tag}))
	if err != nil {
		return err
	}
	if err := writeManifest(dir, img, s.Tag); err != nil {
		return err
	}
	data, err := pack(dir, Spec{})
	if err != nil {
		return err
	}
	part := file + ".part"
	defer os.Remove(part) // it is gone when all went well
	if err := os.WriteFile(part, data, 0o644); err != nil {
		return err
	}
	return os.Rename(part, file)
}

func writeManifest(dir string, img v1.Image, tag string) error {
	m, err := img.Manifest()
	if err != nil {
		return err
	}
	blob := func(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }
	var layers []string
	for _, l := range m.Layers {
		layers = append(layers, blob(l.Digest))
	}
	data, err := json.Marshal([]map[string]any{{"Config": blob(m.Config.Digest), "RepoTags": []string{tag}, "Layers": layers}})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "manifest.json"), data, 0o644)
}

// pack makes a tar file of a folder, in the order of names.
func pack(root string, s Spec) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if !d.IsDir() && !info.Mode().IsRegular() {
			return fmt.Errorf("%s is neither a file nor a folder", name)
		}
		h, err := tar.FileInfoHeader(info, "")
		if err != nil {
			return err
		}
		*h = tar.Header{Typeflag: h.Typeflag, Name: name, Size: h.Size, Mode: 0o644, ModTime: epoch, Format: tar.FormatPAX}
		switch {
		case info.Mode()&fs.ModeSticky != 0:
			h.Mode = 0o1777
		case d.IsDir() || info.Mode()&0o100 != 0:
			h.Mode = 0o755
		}
		for dir, mode := range s.Owned {
			if name == dir {
				h.Mode = int64(mode)
			}
			if name == dir || strings.HasPrefix(name, dir+"/") {
				h.Uid, h.Gid = s.OwnerID, s.OwnerID
			}
		}
		if d.IsDir() {
			h.Name += "/"
		}
		if err := w.WriteHeader(h); err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	})
	err = errors.Join(err, w.Close()) // which writes the end
	return out.Bytes(), err
}

// machines are those for which images are made.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// Runs tells whether a program starts in an image for an architecture, where there is nothing beside it.
func Runs(program, arch string) error {
	f, err := elf.Open(program)
	if err != nil {
		return fmt.Errorf("%s is no program for Linux: %w", program, err)
	}
	defer f.Close()
	if machine, known := machines[arch]; !known || f.Machine != machine {
		return fmt.Errorf("%s is a program for %s, and the image is for %s", program, f.Machine, arch)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s needs a dynamic linker and libraries, which the image does not have: build it with CGO_ENABLED=0", program)
		}
	}
	return nil
}

// runs looks at every program below root.
func runs(root, arch string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if info, err := d.Info(); err != nil || info.Mode()&0o100 == 0 {
			return err
		}
		return Runs(path, arch)
	})
}
