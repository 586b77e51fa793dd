//go:build unix

package pluginhost

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// pipeTime is how long the pipes of an ended process are read: somebody who left its process group may still hold them.
const pipeTime = time.Second

// process is one process of a plugin, as go-plugin runs it: a runner.Runner. go-plugin sees its handshake and nothing else
// of what it prints, because go-plugin stops reading at a long line and panics at some that are JSON.
type process struct {
	argv  []string
	env   []string
	dir   string
	spawn func(*exec.Cmd) error
	check func(handshake string) error
	out   *words
	ended func(pid int) // once the process and its group are gone

	cmd    *exec.Cmd
	pid    int
	stdout *io.PipeReader // what go-plugin sees
	stderr *io.PipeReader
	socket string        // of a good handshake; set before go-plugin sees that
	exited chan struct{} // closed when the process and its group are gone and all it printed is read

	mu      sync.Mutex
	doomed  bool  // killed, perhaps before it had a pid
	gone    bool  // collected: pid may be somebody else's
	shook   bool  // its handshake was good
	refused error // why it was not
}

func newProcess(argv []string, dir string, spawn func(*exec.Cmd) error, ended func(pid int), out *words) *process {
	return &process{argv: argv, dir: dir, spawn: spawn, ended: ended, out: out, exited: make(chan struct{})}
}

// Start implements runner.Runner.
func (p *process) Start(context.Context) (err error) {
	defer func() {
		if err != nil {
			close(p.exited)
		}
	}()
	outR, outW, err := os.Pipe()
	if err != nil {
		return err
	}
	defer outW.Close()
	errR, errW, err := os.Pipe()
	if err != nil {
		return errors.Join(err, outR.Close())
	}
	defer errW.Close()
	p.cmd = &exec.Cmd{
		Path: p.argv[0], Args: p.argv, Env: p.env, Dir: p.dir, Stdout: outW, Stderr: errW, // no Stdin: /dev/null
		SysProcAttr: &syscall.SysProcAttr{Setsid: true}, // a group of its own, and no terminal to type into
	}
	if err := p.spawn(p.cmd); err != nil {
		return errors.Join(err, outR.Close(), errR.Close())
	}
	p.begun(p.cmd.Process.Pid)
	stdout, toStdout := io.Pipe()
	stderr, toStderr := io.Pipe()
	p.stdout, p.stderr = stdout, stderr
	var reading sync.WaitGroup
	reading.Go(func() { p.readStdout(outR, toStdout) })
	reading.Go(func() { p.out.read(errR) })
	go func() {
		defer close(p.exited)
		p.reap()
		p.ended(p.pid)
		stop := time.AfterFunc(pipeTime, func() { _, _ = outR.Close(), errR.Close() })
		reading.Wait()
		stop.Stop()
		_, _, _, _ = outR.Close(), errR.Close(), toStdout.Close(), toStderr.Close()
	}()
	return nil
}

// readStdout passes a good handshake on and kills who prints another. The rest is nobody's.
func (p *process) readStdout(r io.Reader, handshake io.Writer) {
	br := bufio.NewReaderSize(r, maxHandshake)
	line, err := br.ReadSlice('\n')
	if len(line) == 0 {
		return // it ended, or only closed stdout and runs into the timeout
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = p.check(string(line))
	}
	if errors.Is(err, bufio.ErrBufferFull) {
		err = fmt.Errorf("it printed a line of more than %d bytes instead of a handshake", maxHandshake)
	}
	if err != nil {
		_ = p.Kill(context.Background())
	}
	p.mu.Lock()
	p.shook, p.refused = err == nil, err
	p.mu.Unlock()
	if err == nil {
		p.socket = strings.Split(string(line), "|")[3]
		_, _ = handshake.Write(line)
	}
	p.out.count(br)
}

func (p *process) begun(pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pid = pid
	if p.doomed {
		p.killGroup()
	}
}

// Kill implements runner.Runner: it kills the process and all of its group. It does not wait.
func (p *process) Kill(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doomed = true
	p.killGroup()
	return nil
}

func (p *process) killGroup() {
	if p.pid > 0 && !p.gone {
		_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	}
}

// Wait implements runner.Runner.
func (p *process) Wait(context.Context) error {
	<-p.exited
	if p.cmd == nil || p.cmd.ProcessState == nil || p.cmd.ProcessState.Success() {
		return nil
	}
	return errors.New(p.cmd.ProcessState.String())
}

// end says how the process ended. It must have.
func (p *process) end() string {
	if p.cmd == nil || p.cmd.ProcessState == nil {
		return "never started"
	}
	return p.cmd.ProcessState.String()
}

// handshake returns whether there was a good one, and why there was none.
func (p *process) handshake() (shook bool, refused error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shook, p.refused
}

// The rest of runner.Runner.

func (p *process) Stdout() io.ReadCloser           { return p.stdout }
func (p *process) Stderr() io.ReadCloser           { return p.stderr }
func (p *process) Name() string                    { return p.argv[0] }
func (p *process) ID() string                      { return strconv.Itoa(p.pid) }
func (p *process) Diagnose(context.Context) string { return "" }

func (p *process) PluginToHost(network, addr string) (string, string, error) {
	return network, addr, nil
}

func (p *process) HostToPlugin(network, addr string) (string, string, error) {
	return network, addr, nil
}
