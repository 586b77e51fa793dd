package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopTime is how long a process has to end after it was asked to.
const stopTime = 5 * time.Second

// nursery starts processes and ends them in reverse order. On Linux they also end when this process is killed: the kernel
// ties a child to the thread that forked it, so all are forked from one thread that lives as long as the nursery.
type nursery struct {
	dir  string // for logs
	jobs chan func()

	mu       sync.Mutex
	children []*process
}

// process is a running child.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
	err  error         // valid once done is closed
}

func newNursery(dir string) *nursery {
	n := &nursery{dir: dir, jobs: make(chan func())}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the loop, when no child is left
		for job := range n.jobs {
			job()
		}
	}()
	return n
}

// start runs a command with its output in NAME.log.
func (n *nursery) start(name string, argv ...string) (*process, error) {
	p := &process{name: name, log: filepath.Join(n.dir, name+".log"), done: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer log.Close() // the child has its own descriptor
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir = log, log, n.dir
	p.cmd.SysProcAttr = childAttributes()
	started := make(chan error)
	n.jobs <- func() { started <- p.cmd.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	n.mu.Lock()
	n.children = append(n.children, p)
	n.mu.Unlock()
	return p, nil
}

// stop ends all processes, the youngest first.
func (n *nursery) stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range slices.Backward(n.children) {
		p.stop()
	}
	n.children = nil
	close(n.jobs)
}

func (p *process) stop() {
	// An error means that it has ended by itself, which is what is wanted.
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopTime):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// ready asks again and again until the process answers, ends or takes too long.
func (p *process) ready(ctx context.Context, answers func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			words := p.lastWords()
			if words == "" {
				return fmt.Errorf("start %s: %s ended at once and said nothing: is it a Dex?", p.name, p.cmd.Path)
			}
			return fmt.Errorf("%s ended at once: %s", p.name, words)
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return fmt.Errorf("%s does not answer: %w", p.name, err)
		case <-tick.C:
		}
	}
}

// lastWords is the end of the log.
func (p *process) lastWords() string {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-6):], "\n")
}
