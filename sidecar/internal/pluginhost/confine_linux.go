package pluginhost

import (
	"errors"
	"fmt"
	"runtime"

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
func confine(o orders) (c Confinement, err error) {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return c, fmt.Errorf("no new privileges: %w", err)
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
	var why error
	switch {
	case !o.Files:
		why = errors.New("unconfined, as declared")
	case landlockVersion() == 0:
		why = errors.New("this kernel has no file rules")
	default:
		if c.Files, c.Signals, err = confineFiles(o); err != nil {
			return c, err
		}
	}
	if o.Processes == 0 {
		err := forbidProcesses()
		c.NoProcesses = err == nil
		why = errors.Join(why, err)
	}
	if why != nil {
		c.Why = line(why.Error())
	}
	return c, nil
}
