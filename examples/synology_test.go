package examples

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The pictures of the guide are what the doctor printed: cmd/claimsmith keeps these files true by running it.
func TestTheGuideShowsWhatTheDoctorPrints(t *testing.T) {
	guide, err := os.ReadFile("synology/README.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../cmd/claimsmith/testdata/doctor/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var printed []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		printed = append(printed, string(text))
	}
	shown := blocks(string(guide), "text")
	if len(shown) != 3 {
		t.Errorf("there are %d pictures", len(shown))
	}
	for _, b := range shown {
		if !slices.ContainsFunc(printed, func(all string) bool { return strings.Contains("\n"+all, "\n"+b.text) }) {
			t.Errorf("README.md:%d: the doctor does not print this (any more):\n%s", b.line, b.text)
		}
	}
}

func TestTheProjectFitsASmallNAS(t *testing.T) {
	text, err := os.ReadFile("synology/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	type service struct {
		Image    string            `yaml:"image"`
		MemLimit string            `yaml:"mem_limit"`
		ReadOnly bool              `yaml:"read_only"`
		CapDrop  []string          `yaml:"cap_drop"`
		Volumes  []string          `yaml:"volumes"`
		Ports    []string          `yaml:"ports"`
		Env      map[string]string `yaml:"environment"`
	}
	var project struct {
		Services map[string]service `yaml:"services"`
		Volumes  map[string]any     `yaml:"volumes"`
	}
	if err := yaml.Unmarshal(text, &project); err != nil {
		t.Fatal(err)
	}
	// The names are those under which docker load puts the images of `claimsmith image`.
	images := map[string]string{"claimsmith": "claimsmith/claimsmith:latest", "dex": "claimsmith/dex:latest"}
	if len(project.Services) != len(images) {
		t.Errorf("there are %d services", len(project.Services))
	}
	for name, s := range project.Services {
		if s.Image != images[name] || s.MemLimit != "128m" || s.Env["GOMEMLIMIT"] == "" {
			t.Errorf("%s: image %q, memory %q of which Go may use %q", name, s.Image, s.MemLimit, s.Env["GOMEMLIMIT"])
		}
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) {
			t.Errorf("%s could change its image, or has capabilities", name)
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			_, named := project.Volumes[from]
			base := strings.TrimPrefix(from, "./")
			if _, err := os.Stat(filepath.Join("synology", base)); !named && err != nil && !strings.HasPrefix(base, "secrets/") {
				t.Errorf("%s: %s is neither a volume nor a file of the example", name, from)
			}
		}
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s: %s is open to the network", name, port)
			}
		}
	}
}

func TestDexAndRulesOfTheNASAgree(t *testing.T) {
	c, err := readDex("synology/dex.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Connectors[0].Type; got != "google" {
		t.Errorf("the connector's type is %q", got)
	}
	rules, err := os.ReadFile("synology/claimsmith.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"listen: " + c.Signer.Config.Address + "\n", `connector.id != "` + c.Connectors[0].ID + `"`, `client.id == "` + c.StaticClients[0].ID + `"`,
		"url: " + c.StaticClients[0].RedirectURIs[0] + "\n",
	} {
		if !strings.Contains(string(rules), want) {
			t.Errorf("claimsmith.yaml does not have %s", want)
		}
	}
	if !slices.Equal(c.Web.AllowedOrigins, c.StaticClients[0].RedirectURIs) {
		t.Errorf("DSM at %v may not read the well-known URL: %v", c.StaticClients[0].RedirectURIs, c.Web.AllowedOrigins)
	}
}
