package confine

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// data is how much memory of its own a process may have.
func (o orders) data() uint64 {
	if !dataLimit {
		return 0
	}
	return 2 * uint64(o.Memory)
}

// tasks is how many processes the user of a plugin may have, where nobody else is that user. The kernel counts threads, of
// which the runtime of Go makes one for each processor and some more, and while a process is replaced there are two.
func (o orders) tasks() uint64 {
	if o.UID == 0 || o.Processes == 0 {
		return 0
	}
	return uint64(2+o.Processes) * uint64(64+runtime.NumCPU())
}

// confine applies limits and rules to this thread, for what it becomes. What this kernel does not have is said in Why; what
// it has and refuses is an error.
func confine(o orders) (c Report, err error) {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return c, fmt.Errorf("no new privileges: %w", err)
	}
	if err := markPlugin(); err != nil {
		return c, err
	}
	for _, l := range []struct {
		name     string
		resource int
		want     uint64
		report   func(uint64)
	}{
		{"memory", unix.RLIMIT_DATA, o.data(), func(n uint64) { c.Memory = int64(n) }},
		{"descriptors", unix.RLIMIT_NOFILE, uint64(o.Descriptors), func(n uint64) { c.Descriptors = int(n) }},
		{"processes", unix.RLIMIT_NPROC, o.tasks(), func(n uint64) { c.Tasks = int(n) }},
	} {
		if l.want == 0 {
			continue
		}
		n, err := limit(l.resource, l.want)
		if err != nil {
			return c, fmt.Errorf("%s: %w", l.name, err)
		}
		l.report(n)
	}
	version := landlockVersion()
	var why error
	switch {
	case !o.Files:
		why = errors.New("unconfined, as declared")
	case version == 0:
		why = errors.New("this kernel has no file rules")
	default:
		if err := confineReach(o, version); err != nil {
			return c, err
		}
		held := landlocked(version, o)
		c.Files, c.TCP, c.Ports, c.Signals = held.Files, held.TCP, held.Ports, held.Signals
	}
	if err := dropCapabilities(); err != nil { // only now: root needs them to look at files of others
		return c, err
	}
	c.NoCapabilities = true
	err = confineCalls(o, c.Signals)
	c.Calls = err == nil
	c.NoProcesses = c.Calls && o.Processes == 0
	if why = errors.Join(why, err); why != nil {
		c.Why = strings.ReplaceAll(why.Error(), "\n", " ")
	}
	return c, nil
}

// dropCapabilities leaves this thread, and what it becomes, none of what root may do beyond other users. Without new privileges
// execve gives a process of root no more than is left here.
func dropCapabilities() error {
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) // kernels without them have none to clear
	for c := uintptr(0); c <= 63; c++ {
		_ = unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0) // as far as this process may; it matters to nobody without new privileges
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("no capabilities: %w", err)
	}
	return nil
}
