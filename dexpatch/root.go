package dexpatch

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// gomplate is the stand-in for the program of that name in Dex's image.
const gomplate = "image/cmd/claimshook-gomplate/main.go"

// BuildRoot builds a Dex with the hook and lays its files into root as they lie in Dex's own image: the programs in
// usr/local/bin, the web files in srv/dex/web, the configuration in etc/dex. Output of the options is not used; gomplatePath
// is the program to put beside them, or empty for a small one that does what Dex's configuration needs.
func BuildRoot(ctx context.Context, o Options, root, gomplatePath string) (Info, error) {
	var built Info
	err := inTree(ctx, o, func(ctx context.Context, b *builder, tree string, info Info) error {
		built = info
		bin := filepath.Join(root, "usr", "local", "bin")
		programs := map[string]string{"dex": "./cmd/dex", "docker-entrypoint": "./cmd/docker-entrypoint"}
		if gomplatePath == "" {
			if err := layGomplate(tree); err != nil {
				return err
			}
			programs["gomplate"] = "./cmd/claimshook-gomplate"
		}
		for name, pkg := range programs {
			if err := b.compile(ctx, tree, info.String(), pkg, filepath.Join(bin, name)); err != nil {
				return err
			}
		}
		if gomplatePath != "" {
			if _, err := copyFile(gomplatePath, filepath.Join(bin, "gomplate")); err != nil {
				return noSpace(err)
			}
		}
		if err := layFiles(tree, root); err != nil {
			return err
		}
		b.say("built " + info.Details())
		return nil
	})
	return built, err
}

func layGomplate(tree string) error {
	files, err := laidIn([]string{gomplate})
	if err != nil {
		return err
	}
	for _, f := range files {
		if filepath.Base(filepath.Dir(f.File)) != "claimshook-gomplate" {
			continue // the hook is there already
		}
		path := filepath.Join(tree, filepath.FromSlash(f.File))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return noSpace(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			return noSpace(err)
		}
	}
	return nil
}

// layFiles copies what the image has beside the programs.
func layFiles(tree, root string) error {
	for from, to := range map[string]string{
		"config.docker.yaml": "etc/dex/config.docker.yaml",
		"go.mod":             "usr/local/src/dex/go.mod", "go.sum": "usr/local/src/dex/go.sum",
		"api/v2/go.mod": "usr/local/src/dex/api/v2/go.mod", "api/v2/go.sum": "usr/local/src/dex/api/v2/go.sum",
	} {
		path := filepath.Join(root, filepath.FromSlash(to))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return noSpace(err)
		}
		if _, err := copyFile(filepath.Join(tree, filepath.FromSlash(from)), path); err != nil {
			return fmt.Errorf("lay out the image: %w", noSpace(err))
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "var", "dex"), 0o755); err != nil {
		return noSpace(err)
	}
	if _, err := copyTree(filepath.Join(tree, "web"), filepath.Join(root, "srv", "dex", "web")); err != nil {
		return fmt.Errorf("lay out the image: %w", noSpace(err))
	}
	return filepath.WalkDir(filepath.Join(root, "usr", "local", "bin"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chmod(path, 0o755)
	})
}
