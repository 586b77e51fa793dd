package confine

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Refusal is an access that a process wanted and did not get.
type Refusal struct {
	Rule string // the key of a declaration that would give it, such as limits.readable; empty: it may be another reason
	Hint string // what was refused, and what may be done about it
}

// systemPaths are what programs of any language need and everybody may read. What is not there is left out.
var systemPaths = [...]string{
	"/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin",
	"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/crypto-policies",
	"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols",
	"/etc/localtime", "/etc/timezone", "/etc/alternatives",
	"/dev/null", "/dev/zero", "/dev/urandom", "/dev/random",
	"/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys", "/sys/devices/system/cpu", "/sys/kernel/mm/transparent_hugepage",
}

// A path or a port beside the words for a refused access, as Go, C, Node, Python, Ruby and Java write them. No kernel tells more to
// the parent of the process: Landlock reports to the audit log, for which it takes Linux 6.15 and the right to read that.
var (
	refusedPath = regexp.MustCompile(`(?i)(/[^\s:'"()@\\]+)\\?['"]?\)?:? \(?permission denied|(?:permission denied|eacces|accessdeniedexception:)[^/\n]{0,60}?(/[^\s:'"()\\]+)`)
	refusedPort = regexp.MustCompile(`(?i)dial tcp \S*?:(\d{1,5}): connect: permission denied|connect eacces \S*?:(\d{1,5})\b`)
)

// Refused returns what a process of d was refused, if text says so. Runtimes say it in words of their own.
func (d Declaration) Refused(text string) Refusal {
	lower := strings.ToLower(text)
	says := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(lower, w) })
	}
	switch l := d.Limits; {
	case says("out of memory", "cannot allocate memory", "memoryerror", "bad_alloc", "outofmemory"):
		return Refusal{"limits.memory", fmt.Sprintf(
			"this looks like its limit of memory: %d MiB, of which it can map twice as much; limits: {memory: ...} gives it more, unless it never has enough", l.Memory>>20)}
	case says("too many open files", "emfile"):
		return Refusal{"limits.descriptors", fmt.Sprintf(
			"this looks like its limit of %d files and connections; limits: {descriptors: ...} gives it more, unless it forgets to close them", l.Descriptors)}
	case says("operation not permitted", "eperm"):
		return Refusal{"", "a plugin may not start other processes, unless it is declared with limits: {processes: ...}"}
	case d.Unconfined:
		return Refusal{}
	case says("permission denied", "eacces", "accessdeniedexception"):
		return d.refusedAccess(text)
	}
	return Refusal{}
}

func (d Declaration) refusedAccess(text string) Refusal {
	if m := refusedPort.FindStringSubmatch(text); m != nil {
		port, _ := strconv.Atoi(m[1] + m[2]) // digits
		if slices.Contains(d.ports(), port) {
			return Refusal{"", fmt.Sprintf("a rule lets it connect to port %d: what refuses that is not this sandbox", port)}
		}
		return Refusal{"limits.connect", fmt.Sprintf("no rule lets it connect to port %d: limits: {connect: [%[1]d]} does, as a URL in its config with that port", port)}
	}
	m := refusedPath.FindStringSubmatch(text)
	if m == nil {
		return Refusal{"", "a plugin may read only the files that config names with keys that are file or end in File, and limits: {readable: [...]}; it may write " +
			"limits: {writable: [...]}, and connect to the ports of URLs in config and limits: {connect: [...]}"}
	}
	path := filepath.Clean(m[1] + m[2])
	o := d.orders(0, Account{}, "", "", "")
	switch {
	case within(path, o.Writable):
		return Refusal{"", fmt.Sprintf("a rule lets it use %s: owner and mode of the file keep its user away", path)}
	case within(path, o.Readable), within(path, systemPaths[:]):
		return Refusal{"", fmt.Sprintf("a rule lets it read %s, unless owner and mode of the file keep its user away; limits: {writable: [%[1]s]} lets it write", path)}
	case !exists(path) && !exists(filepath.Dir(path)): // perhaps no path
		return Refusal{"", "no rule lets it use " + path}
	}
	return Refusal{"limits.readable", fmt.Sprintf("no rule lets it use %s: limits: {readable: [%[1]s]} lets it read that, as a key of its config does that is file or ends in File; "+
		"{writable: [%[1]s]} lets it write", path)}
}

// within reports whether path, or what it leads to, is one of places or below one.
func within(path string, places []string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		real = path
	}
	return slices.ContainsFunc(places, func(place string) bool {
		return place != "" && (path == place || strings.HasPrefix(path, place+"/") || real == place || strings.HasPrefix(real, place+"/"))
	})
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
