package pluginhost

import (
	"errors"

	"golang.org/x/sys/unix"
)

// reap waits for the process to end, kills what is left of its group, and collects it. The group goes first: once the process
// is collected its id may belong to somebody else.
func (p *process) reap() {
	for {
		err := unix.Waitid(unix.P_PID, p.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killGroup()
	_ = p.cmd.Wait() // the state says how it ended
	p.gone = true
}
