//go:build unix && !linux

package pluginhost

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// dieWith cannot ask for a signal here: the SDK of the plugin watches its parent.
func dieWith(parent int) error {
	if os.Getppid() != parent {
		return errors.New("the host is gone")
	}
	return nil
}

func duplicate(from, to int) error { return unix.Dup2(from, to) }

// reap waits for the process to end and kills what is left of its group.
func (p *process) reap() {
	_ = p.cmd.Wait() // the state says how it ended
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killGroup()
	p.gone = true
}
