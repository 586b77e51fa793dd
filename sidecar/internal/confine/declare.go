package confine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// How a plugin's connection is protected.
const (
	TLSAuto = "auto" // mutual TLS with keys made for this one process; the default
	TLSOff  = "off"  // nothing but a directory with mode 0700
)

// Declaration is a plugin as its operator declared it.
type Declaration struct {
	Name    string            // letters, digits, - and _
	Command []string          // an absolute path, and arguments
	SHA256  map[string]string // hexadecimal digests by absolute path, of the command and of any other file that matters
	Env     []string          // names that are passed on from the host's environment
	TLS     string            // TLSAuto or TLSOff; empty: TLSAuto
	Config  json.RawMessage   // a JSON object; empty: {}

	User       string // a name, a number, or user:group in numbers, that its processes run as; empty: that of the host
	Limits     Limits
	Foreign    bool // not one of those that come with the host
	Unconfined bool // no file rules; the limits hold
}

// CommandError is something wrong with how a plugin is declared.
type CommandError struct {
	Plugin  string
	Path    string // inside the plugin's block: command[0], sha256./opt/plugins/mine, tls
	Message string
	Hint    string
	Err     error // what the system said, if it said something: fs.ErrNotExist ...
}

func (e *CommandError) Error() string {
	return fmt.Sprintf("plugin %s: %s: %s", e.Plugin, e.Path, e.Message)
}

func (e *CommandError) Unwrap() error { return e.Err }

// CookieKey is the variable by which a program knows that a host started it.
const CookieKey = "CLAIMSMITH_PLUGIN"

var (
	pluginName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,31}$`)
	envName    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// Check returns all that is wrong with d as far as the file system shows. It starts nothing.
func (d Declaration) Check() []*CommandError {
	var found []*CommandError
	add := func(path, message, hint string, err error) {
		found = append(found, &CommandError{Plugin: d.Name, Path: path, Message: message, Hint: hint, Err: err})
	}
	if !pluginName.MatchString(d.Name) {
		add("name", "must be letters, digits, - and _, at most 32, and start with a letter", "", nil)
	}
	if d.TLS != "" && d.TLS != TLSAuto && d.TLS != TLSOff {
		add("tls", fmt.Sprintf("unknown mode %q", d.TLS), "use auto or off", nil)
	}
	for i, name := range d.Env {
		if path := fmt.Sprintf("env[%d]", i); !envName.MatchString(name) {
			add(path, "not the name of an environment variable", "values come from the host's environment", nil)
		} else if ours(name) {
			add(path, name+" is set by the host", "", nil)
		}
	}
	if len(d.Command) == 0 {
		add("command", "is empty", "", nil)
	} else if message, hint, err := checkCommand(d.Command[0]); message != "" {
		add("command[0]", message, hint, err)
	}
	if message, hint := d.checkUser(); message != "" {
		add("user", message, hint, nil)
	}
	for _, l := range []struct {
		path  string
		files []string
	}{{"limits.readable", d.Limits.Readable}, {"limits.writable", d.Limits.Writable}} {
		for i, file := range l.files {
			if !filepath.IsAbs(file) {
				add(fmt.Sprintf("%s[%d]", l.path, i), fmt.Sprintf("%s is not an absolute path", file), "", nil)
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(d.SHA256)) {
		message, err := checkDigest(path, d.SHA256[path])
		switch {
		case message == "":
		case errors.Is(err, fs.ErrNotExist) && slices.Contains(d.Command[:min(1, len(d.Command))], path): // said already
		case err == nil && strings.HasPrefix(message, otherDigest):
			add("sha256."+path, message, "if you changed the file, write that one; if you did not, somebody else did", nil)
		default:
			add("sha256."+path, message, "", err)
		}
	}
	return found
}

// ours reports whether the host sets the variable itself.
func ours(name string) bool {
	return name == "HOME" || name == "TMPDIR" || name == "GOMEMLIMIT" || name == CookieKey || strings.HasPrefix(name, "PLUGIN_")
}

func checkCommand(path string) (message, hint string, err error) {
	if !filepath.IsAbs(path) {
		return fmt.Sprintf("%s is not an absolute path", path), "a plugin is not looked for in PATH", nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "no such file: " + path, "", err
	case err != nil:
		return err.Error(), "", err
	case !info.Mode().IsRegular():
		return "not a file: " + path, "", nil
	case info.Mode()&0o111 == 0:
		return "not executable: " + path, "chmod +x", nil
	}
	return "", "", nil
}

const otherDigest = "the digest of the file is "

// checkDigest returns what is wrong when the file at path does not have the digest want.
func checkDigest(path, want string) (message string, err error) {
	if raw, err := hex.DecodeString(want); err != nil || len(raw) != sha256.Size {
		return "not a SHA-256 digest: want 64 hexadecimal digits", nil
	}
	if !filepath.IsAbs(path) {
		return fmt.Sprintf("%s is not an absolute path", path), nil
	}
	return digest(path, want, io.Discard)
}

// digest copies the file at path to w, and compares what was copied: nobody can put another file in its place between the
// one and the other.
func digest(path, want string, w io.Writer) (message string, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "no such file: " + path, err
	}
	if err != nil {
		return err.Error(), err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(h, w), f); err != nil {
		return err.Error(), err
	}
	if got := hex.EncodeToString(h.Sum(nil)); !strings.EqualFold(got, want) {
		return otherDigest + got + ", not the one that is declared", nil
	}
	return "", nil
}
