package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const guide = "../../examples/synology"

// composed is a service of a compose file, as far as it has to fit an image.
type composed struct {
	Image    string            `yaml:"image"`
	Command  []string          `yaml:"command"`
	MemLimit string            `yaml:"mem_limit"`
	ReadOnly bool              `yaml:"read_only"`
	Tmpfs    []string          `yaml:"tmpfs"`
	GroupAdd []string          `yaml:"group_add"`
	Volumes  []string          `yaml:"volumes"`
	Env      map[string]string `yaml:"environment"`
}

// service reads a service of the guide's project. There is no container engine in these tests.
func service(t *testing.T, name string) composed {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(guide, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var project struct {
		Services map[string]composed `yaml:"services"`
	}
	if err := yaml.Unmarshal(text, &project); err != nil {
		t.Fatal(err)
	}
	return project.Services[name]
}

// mounts are what a service finds at which place.
func (s composed) mounts() map[string]string {
	out := map[string]string{}
	for _, v := range s.Volumes {
		from, to, _ := strings.Cut(v, ":")
		out[strings.TrimSuffix(to, ":ro")] = from
	}
	return out
}

// fits compares a service of the guide's project with its image.
func (u unpacked) fits(t *testing.T, name string) {
	t.Helper()
	s := service(t, name)
	if s.Image != u.tag {
		t.Errorf("the project wants %s, and this is %s", s.Image, u.tag)
	}
	command := s.Command
	if command == nil {
		command = u.config.Config.Cmd
	}
	at := s.mounts()
	for _, word := range command {
		if strings.HasSuffix(word, ".yaml") && at[word] == "" {
			t.Errorf("%s is in no volume", word)
		}
	}
	if info, err := os.Stat(filepath.Join(u.root, u.config.Config.Entrypoint[0])); err != nil || info.Mode().Perm()&0o111 == 0 {
		t.Errorf("nothing can be started: %v", err)
	}
	for to, from := range at {
		switch owner, inImage := u.owners[strings.TrimPrefix(to, "/")+"/"]; {
		case strings.HasPrefix(from, "./"):
		case inImage && owner == int(u.user(t)): // an engine gives a new volume the owner that the folder has in the image
		case !inImage && slices.Contains(s.GroupAdd, strconv.Itoa(sidecarID)): // made by the other container
		default:
			t.Errorf("nobody there can write in %s", to)
		}
	}
	if s.ReadOnly && !slices.Contains(s.Tmpfs, "/tmp") {
		t.Error("there is no place for temporary files")
	}
	if allowed, used := megabytes(t, s.MemLimit), megabytes(t, s.Env["GOMEMLIMIT"]); used >= allowed {
		t.Errorf("Go may use %d of %d MB", used, allowed)
	}
}

// sidecarID is the user and group of the sidecar's image, which the guide names.
const sidecarID = 65532

func megabytes(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimRight(text, "mMiB"))
	if err != nil {
		t.Fatalf("%q is no size in MB", text)
	}
	return n
}

func TestTheProjectOfTheGuideFitsTheImageOfTheSidecar(t *testing.T) {
	file := filepath.Join(t.TempDir(), "image.tar")
	if code := run([]string{"image", "sidecar", "-o", file}, strings.NewReader(""), io.Discard, t.Output()); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	u := unpack(t, file)
	u.fits(t, "claimsmith")
	if id, at := u.user(t), u.config.Config.WorkingDir; id != sidecarID || service(t, "claimsmith").mounts()[path.Join(at, "claimsmith.yaml")] == "" {
		t.Errorf("the image runs as %d in %s", id, at)
	}
	rules, err := os.ReadFile(filepath.Join(guide, "claimsmith.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	at := service(t, "claimsmith").mounts()
	named := regexp.MustCompile(`/(run|var|etc)/[-/.a-z]+[a-z]`).FindAllString(string(rules), -1)
	if len(named) != 5 {
		t.Errorf("the rules name %v", named)
	}
	for _, file := range named {
		if at[file] == "" && at[path.Dir(file)] == "" {
			t.Errorf("%s of claimsmith.yaml is in no volume", file)
		}
	}
}

// guideCommands are the commands of the guide, one block after the other.
func guideCommands(t *testing.T) (out []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(guide, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(text), "\n```")
	for i := 1; i < len(parts); i += 2 {
		if language, commands, _ := strings.Cut(parts[i], "\n"); language == "" {
			out = append(out, strings.ReplaceAll(commands, "\\\n", ""))
		}
	}
	return out
}

func TestTheCommandsOfTheGuideAreCommands(t *testing.T) {
	var seen []string
	at := service(t, "claimsmith").mounts()
	for _, block := range guideCommands(t) {
		for line := range strings.Lines(block) {
			line, inContainer := strings.CutPrefix(strings.TrimSpace(line), "sudo docker exec claimsmith claimsmith ")
			line, here := strings.CutPrefix(line, "./claimsmith ")
			if !inContainer && !here {
				continue
			}
			args := strings.Fields(line)
			var errs bytes.Buffer
			if code := run(append(args, "--help"), strings.NewReader(""), io.Discard, &errs); code != 0 {
				t.Errorf("claimsmith %s: exit code %d\n%s", line, code, errs.String())
			}
			for _, word := range args {
				if inContainer && strings.HasPrefix(word, "/") && at[word] == "" {
					t.Errorf("claimsmith %s: the container has no %s", line, word)
				}
			}
			seen = append(seen, strings.Join(args[:2], " "))
		}
	}
	want := []string{"image dex", "image sidecar", "doctor -c", "links list", "links reset"}
	if !slices.Equal(seen, want) {
		t.Errorf("the guide has %q, want %q", seen, want)
	}
}

// What the guide does to files on the NAS is done, in a folder of this test, and what is left is what the containers need.
func TestTheFilesOfTheGuideAreMadeAsItSays(t *testing.T) {
	i := slices.IndexFunc(guideCommands(t), func(block string) bool { return strings.Contains(block, "secrets/claimsmith-key") })
	if i < 0 {
		t.Fatal("the guide makes no secrets")
	}
	dir := t.TempDir()
	for _, name := range []string{"claimsmith.yaml", "dex.yaml"} {
		write(t, filepath.Join(dir, name), nil)
	}
	if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o777); err != nil {
		t.Fatal(err)
	}
	sudo := "sudo() { \"$@\"; }\n"
	if os.Geteuid() != 0 {
		sudo += "chown() { :; }\n"
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-e", "-c", sudo+guideCommands(t)[i])
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, want := range map[string]struct {
		mode  os.FileMode
		lines string
	}{
		"secrets/dsm-password":   {0o400, `^the password of the account\n$`},
		"secrets/claimsmith-key": {0o400, `^[0-9a-f]{64}\n$`},
		"secrets/dex.env":        {0o600, `^GOOGLE_CLIENT_SECRET=from Google\nSYNOLOGY_CLIENT_SECRET=[0-9a-f]{64}\n$`},
	} {
		file := filepath.Join(dir, name)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
			continue
		}
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != want.mode || !regexp.MustCompile(want.lines).Match(text) {
			t.Errorf("%s: %v, mode %v", name, err, info.Mode())
		}
	}
	var mounted []string
	for _, name := range []string{"claimsmith", "dex"} {
		for _, from := range service(t, name).mounts() {
			if strings.HasPrefix(from, "./secrets/") {
				mounted = append(mounted, from)
			}
		}
	}
	for _, file := range mounted {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Errorf("the project mounts %s, which nobody makes", file)
		}
	}
}
