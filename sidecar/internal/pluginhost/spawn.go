package pluginhost

import (
	"os/exec"
	"runtime"

	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
)

// spawner starts all processes of a host from one thread. A process is killed when the thread that forked it ends, and Go
// ends threads when it likes; this one stays until close.
type spawner struct {
	work chan spawn
	done chan struct{}
}

type spawn struct {
	cmd *exec.Cmd
	err chan<- error
}

func newSpawner() *spawner {
	s := &spawner{work: make(chan spawn), done: make(chan struct{})}
	go s.run()
	return s
}

func (s *spawner) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		select {
		case w := <-s.work:
			w.err <- w.cmd.Start()
		case <-s.done:
			return
		}
	}
}

// start is cmd.Start, on the spawner's thread.
func (s *spawner) start(cmd *exec.Cmd) error {
	err := make(chan error, 1)
	select {
	case s.work <- spawn{cmd, err}:
		return <-err
	case <-s.done:
		return answers.ErrClosed
	}
}

// close lets the thread go. All processes must have ended.
func (s *spawner) close() { close(s.done) }
