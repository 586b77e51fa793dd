package kubernetes

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// validator is run from its own module, so that ours does not need what it needs. Its schemas are inside.
const validator = "sigs.k8s.io/kubectl-validate@v0.0.4"

func manifests() []string { return []string{"sidecar.yaml", "standalone.yaml"} }

// TestManifestsAreValid compares with the schemas of Kubernetes. It builds the validator, which takes minutes, so it runs where
// all tests have to; elsewhere the command stands in the README.
func TestManifestsAreValid(t *testing.T) {
	if os.Getenv("CLAIMSMITH_CI") == "" {
		t.Log("not compared with the schemas of Kubernetes: CLAIMSMITH_CI is not set")
		return
	}
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"run", validator, "--version", "1.30", "--local-crds", "testdata"}, manifests()...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTheRulesInTheManifestsAreGood(t *testing.T) {
	for _, file := range manifests() {
		t.Run(file, func(t *testing.T) {
			found := false
			for _, o := range objects(t, file) {
				rules, ok := o.Data["claimsmith.yaml"]
				if o.Kind != "ConfigMap" || !ok {
					continue
				}
				found = true
				path := filepath.Join(t.TempDir(), "claimsmith.yaml")
				if err := os.WriteFile(path, []byte(rules), 0o600); err != nil {
					t.Fatal(err)
				}
				if problems := replay.CheckOffline(t.Context(), path, sidecar.Options{}); problems.Failed() {
					var text strings.Builder
					_ = problems.Render(&text)
					t.Error(text.String())
				}
			}
			if !found {
				t.Error("there are no rules in it")
			}
		})
	}
}

// object is what the test reads of a Kubernetes object.
type object struct {
	Kind string            `yaml:"kind"`
	Data map[string]string `yaml:"data"`
}

func objects(t *testing.T, file string) []object {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []object
	for d := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var o object
		if err := d.Decode(&o); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, o)
	}
}
