package pluginhost

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// confine applies limits and rules to this thread, for what it becomes. What this kernel does not have is said in Why; what
// it has and refuses is an error.
func confine(o orders) (c Confinement, err error) {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return c, fmt.Errorf("no new privileges: %w", err)
	}
	if o.Memory > 0 && dataLimit {
		c.Memory = 2 * o.Memory
		if err := limit(unix.RLIMIT_DATA, uint64(c.Memory)); err != nil {
			return c, fmt.Errorf("memory: %w", err)
		}
	}
	if o.Descriptors > 0 {
		c.Descriptors = o.Descriptors
		if err := limit(unix.RLIMIT_NOFILE, uint64(o.Descriptors)); err != nil {
			return c, fmt.Errorf("descriptors: %w", err)
		}
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
	if !o.Processes {
		err := forbidProcesses()
		c.NoProcesses = err == nil
		why = errors.Join(why, err)
	}
	if why != nil {
		c.Why = line(why.Error())
	}
	return c, nil
}
