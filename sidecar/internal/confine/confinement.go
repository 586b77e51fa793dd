package confine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Limits are what a plugin may use. Zero values mean no limit, except for Processes.
type Limits struct {
	// Memory is what the garbage collector of Go plugins keeps to (GOMEMLIMIT, nine tenths of it). The kernel refuses
	// any plugin more than twice as much memory of its own (RLIMIT_DATA, which counts what is mapped, used or not).
	Memory int64
	// Descriptors is how many files and sockets may be open at a time.
	Descriptors int
	// Processes is how many other processes the plugin may start. With none of them it cannot leave any behind. A number
	// is only held against a plugin with a user of its own, as the kernel counts by user, and threads with them.
	Processes int
	// Readable and Writable are files and directories, with all in them, that the plugin may use beyond what it needs to run.
	Readable, Writable []string
	// Connect are TCP ports that it may connect to beyond those of the URLs in its configuration, and 53.
	Connect []int
}

// Env are the variables by which a runtime keeps to l of its own accord, before the kernel refuses it anything.
func (l Limits) Env() []string {
	if l.Memory <= 0 {
		return nil
	}
	return []string{
		fmt.Sprintf("GOMEMLIMIT=%d", l.Memory/10*9),
		fmt.Sprintf("NODE_OPTIONS=--max-old-space-size=%d", l.Memory*3/4>>20),
		fmt.Sprintf("JAVA_TOOL_OPTIONS=-XX:MaxRAM=%dm -XX:MaxRAMPercentage=50 -XX:MinRAMPercentage=50", l.Memory>>20),
	}
}

// Echoes reports whether line is what a runtime prints because of Env, and no word of its program: the JVM names the options that it took.
func Echoes(line string) bool { return strings.HasPrefix(line, "Picked up JAVA_TOOL_OPTIONS: ") }

// Report is what is really in force around a process. The wrapper reports it, after it was applied.
type Report struct {
	User           int    `json:"user"`    // the user id that it runs as
	Own            bool   `json:"own"`     // and that is not the one of the host
	Files          int    `json:"files"`   // version of the kernel's Landlock; 0: the plugin may use all files that its user may
	Signals        bool   `json:"signals"` // it can signal nobody but itself
	TCP            bool   `json:"tcp"`     // it connects to Ports only, and binds to none
	Ports          []int  `json:"ports"`
	Calls          bool   `json:"calls"`          // only the system calls that were reviewed
	NoCapabilities bool   `json:"noCapabilities"` // root can do no more than the owner of its files
	Memory         int64  `json:"memory"`         // RLIMIT_DATA; 0: no limit
	Descriptors    int    `json:"descriptors"`    // RLIMIT_NOFILE; 0: no limit
	NoProcesses    bool   `json:"noProcesses"`    // it cannot start any
	Tasks          int    `json:"tasks"`          // RLIMIT_NPROC: processes and threads of its user; 0: no limit
	Checked        int    `json:"checked"`        // files that had the digest that was declared
	Why            string `json:"why"`            // what could not be applied, and why; empty: nothing
}

// String is c in one line, for people.
func (c *Report) String() string {
	if c == nil {
		return "not known"
	}
	var parts []string
	add := func(in bool, yes, no string) {
		if in {
			no = yes
		}
		if no != "" {
			parts = append(parts, no)
		}
	}
	add(c.Own, fmt.Sprintf("user %d, its own", c.User), fmt.Sprintf("user %d, as claimsmith", c.User))
	add(c.Files > 0, fmt.Sprintf("files (Landlock %d)", c.Files), "all files of its user")
	add(c.Signals, "no signals to others", "")
	add(c.TCP, "TCP to "+ports(c.Ports), "all TCP ports")
	add(c.NoCapabilities, "no capabilities", "")
	add(c.Calls, "reviewed system calls", "all system calls")
	add(c.NoProcesses, "no processes", "may start processes")
	add(c.Tasks > 0, fmt.Sprintf("at most %d with their threads", c.Tasks), "")
	add(c.Memory > 0, fmt.Sprintf("%d MiB", c.Memory>>20), "no limit of memory")
	add(c.Descriptors > 0, fmt.Sprintf("%d descriptors", c.Descriptors), "no limit of descriptors")
	add(c.Why != "", c.Why, "")
	return strings.Join(parts, ", ")
}

// confinementPrefix begins the line on stderr by which the wrapper reports. It is the first line of all, before the plugin
// can print anything.
const confinementPrefix = "claimsmith plugin exec: confinement: "

func (c Report) line() string {
	data, _ := json.Marshal(c) // numbers, words and a text
	return confinementPrefix + string(data)
}

// ParseReport reads the line of a wrapper. It returns nil when line is none.
func ParseReport(line string) *Report {
	text, ok := strings.CutPrefix(line, confinementPrefix)
	c := new(Report)
	if !ok || json.Unmarshal([]byte(text), c) != nil {
		return nil
	}
	return c
}

// HasFileRules reports whether this system can keep plugins from files that are not theirs.
func HasFileRules() bool { return landlockVersion() > 0 }

// Unsafe returns the plugins of a set that must not run as they are declared: foreign ones beside one that holds secrets,
// under the same user id, where the system cannot keep them from each other's files.
func Unsafe(set []Declaration) []*CommandError { return unsafeBeside(set, HasFileRules()) }

func unsafeBeside(set []Declaration, confines bool) []*CommandError {
	var found []*CommandError
	for i, d := range set {
		if confines || !d.Foreign || d.Unconfined {
			continue
		}
		for j, other := range set {
			if i != j && len(secretFiles(other.Config)) > 0 && d.sameUser(other) {
				which := "which runs under the same user id"
				if d.User != other.User && d.User == "" {
					which = "whose user id is no help against that of claimsmith"
				}
				found = append(found, &CommandError{
					Plugin: d.Name, Path: "command", Message: fmt.Sprintf("this system cannot keep it from the secrets of the plugin %s, %s", other.Name, which),
					Hint: "give it a user of its own (user: 64001) or a container, or write unconfined: true to run it all the same",
				})
				break
			}
		}
	}
	return found
}

// namedFiles are the absolute paths that a configuration gives for keys that are file, files, or end in File or Files.
func namedFiles(config json.RawMessage) []string {
	return filesOf(config, func(key string) bool {
		key = strings.TrimSuffix(key, "s")
		return key == "file" || strings.HasSuffix(key, "File")
	})
}

// secretFiles are those that can be secret: certificates of authorities are for everybody.
func secretFiles(config json.RawMessage) []string {
	return filesOf(config, func(key string) bool {
		key = strings.ToLower(strings.TrimSuffix(key, "s"))
		return strings.HasSuffix(key, "file") && !strings.HasSuffix(key, "cafile") && key != "file"
	})
}

// replacedFiles are those of the system that are replaced while it runs.
var replacedFiles = [...]string{"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/localtime"}

// Granted are the files that a process of d is given by name, and those of the system that are replaced while it runs.
func (d Declaration) Granted() []string {
	return slices.Concat(namedFiles(d.Config), d.Limits.Readable, d.Limits.Writable, replacedFiles[:])
}

func filesOf(config json.RawMessage, named func(key string) bool) []string {
	var files []string
	EachText(config, func(key, text string) {
		if named(key) && filepath.IsAbs(text) {
			files = append(files, filepath.Clean(text))
		}
	})
	slices.Sort(files)
	return slices.Compact(files)
}

// orders are what the wrapper has to do, beyond the command. They are an argument, so they hold no secrets, only paths.
type orders struct {
	Parent      int               `json:"parent"`
	SHA256      map[string]string `json:"sha256,omitempty"`
	Copies      string            `json:"copies,omitempty"` // an empty directory for the files that are compared and run
	Memory      int64             `json:"memory,omitempty"`
	Descriptors int               `json:"descriptors,omitempty"`
	Processes   int               `json:"processes,omitempty"`
	UID         int               `json:"uid,omitempty"` // the user to become; 0: none
	GID         int               `json:"gid,omitempty"`
	Named       []string          `json:"named,omitempty"` // files of the configuration, which that user has to be able to read
	Files       bool              `json:"files,omitempty"` // apply file rules
	Readable    []string          `json:"readable,omitempty"`
	Writable    []string          `json:"writable,omitempty"`
	Connect     []int             `json:"connect,omitempty"`
}

// interpreter are the programs that run a script or an archive which stands behind their options.
var interpreter = regexp.MustCompile(`^(node|nodejs|deno|bun|java|perl|php[0-9.]*|python[0-9.]*|ruby[0-9.]*)$`)

// programFolder is where a program lies with the modules and libraries that belong to it. Of an interpreter that came with
// the system it is the folder of the script, which is its first argument that is a whole path. A folder of many things, such as
// /etc, is none.
func programFolder(command []string) string {
	runs := len(command) > 0 && interpreter.MatchString(filepath.Base(command[0]))
	for i, arg := range command {
		arg, _, _ = strings.Cut(arg, ":") // the first of a class path
		if !filepath.IsAbs(arg) || i > 0 && strings.HasPrefix(command[i-1], "--") && !runs {
			continue
		}
		switch folder := filepath.Dir(filepath.Clean(arg)); {
		case strings.HasPrefix(folder, "/usr/"), folder == "/bin", folder == "/sbin":
			continue // everybody may read it; the script comes yet
		case slices.Contains([]string{"/", "/etc", "/home", "/opt", "/root", "/run", "/srv", "/tmp", "/var", "/run/secrets", "/etc/claimsmith"}, folder):
			return ""
		default:
			return folder
		}
	}
	return ""
}

// runtimeLinks are what lies in /etc of a runtime that is installed below system, as /usr/lib/jvm/java-17-openjdk-amd64/conf is a link
// to /etc/java-17-openjdk. Who can make a link there is root.
func runtimeLinks(program, system string) (found []string) {
	program, err := filepath.EvalSymlinks(program)
	root := filepath.Dir(filepath.Dir(program))
	if err != nil || !strings.HasPrefix(root, system+"/") {
		return nil
	}
	_ = filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // what cannot be looked at cannot be granted
		case entry.IsDir() && strings.Count(strings.TrimPrefix(path, root), "/") > 5:
			return filepath.SkipDir
		case entry.Type()&os.ModeSymlink == 0:
			return nil
		}
		if target, err := filepath.EvalSymlinks(path); err == nil && strings.HasPrefix(target, "/etc/") {
			found = append(found, target)
		}
		return nil
	})
	slices.Sort(found)
	return slices.Compact(found)
}

// Wrap returns the arguments that make Exec run the command of d as a process of as, which works in the directory dir, has its
// socket in sockets, and runs what it compares from copies, which may be empty.
func (d Declaration) Wrap(parent int, as Account, dir, copies, sockets string) []string {
	data, _ := json.Marshal(d.orders(parent, as, dir, copies, sockets)) // numbers, words and paths
	return append([]string{string(data), "--"}, d.Command...)
}

func (d Declaration) orders(parent int, as Account, dir, copies, sockets string) orders {
	o := orders{
		Parent: parent, SHA256: d.SHA256, Copies: copies, Memory: d.Limits.Memory, Descriptors: d.Limits.Descriptors,
		Processes: d.Limits.Processes, Files: !d.Unconfined, UID: as.UID, GID: as.GID, Named: namedFiles(d.Config),
		Readable: slices.Concat(namedFiles(d.Config), d.Limits.Readable),
		Writable: slices.Concat([]string{dir, sockets}, d.Limits.Writable),
		Connect:  d.ports(),
	}
	for _, arg := range d.Command {
		if filepath.IsAbs(arg) {
			o.Readable = append(o.Readable, arg)
		}
	}
	if folder := programFolder(d.Command); folder != "" {
		o.Readable = append(o.Readable, folder)
	}
	if !d.Unconfined && len(d.Command) > 0 {
		o.Readable = append(o.Readable, runtimeLinks(d.Command[0], "/usr/lib")...)
	}
	for path := range d.SHA256 {
		o.Readable = append(o.Readable, path)
	}
	if copies != "" {
		o.Readable = append(o.Readable, copies)
	}
	slices.Sort(o.Readable)
	return o
}
