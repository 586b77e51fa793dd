package conform

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
)

// The handshake, as plugins/PROTOCOL.md has it.
const (
	cookie       = "CLAIMSMITH_PLUGIN=claimsmith.plugin.v1"
	maxHandshake = 8 << 10 // bytes of its line
	maxMessage   = 4 << 20 // bytes either way
	endTime      = 2 * time.Second
)

// process is a plugin that was started once.
type process struct {
	cmd     *exec.Cmd
	stdout  *printed
	stderr  *printed
	exited  chan struct{}
	folder  string // its working directory and that of its socket
	sockets string
	once    sync.Once
}

// start runs command in a new folder. Without the cookie it is started as a person would by mistake.
func start(o Options, certificate string, byHand bool) (_ *process, err error) {
	folder, err := os.MkdirTemp(o.Dir, "claimsmith-") // mode 0700
	if err != nil {
		return nil, err
	}
	p := &process{folder: folder, sockets: filepath.Join(folder, "s"), stdout: newPrinted(o.Stderr), stderr: newPrinted(o.Stderr), exited: make(chan struct{})}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(folder)
		}
	}()
	home := filepath.Join(folder, "home")
	for _, dir := range []string{p.sockets, home} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, err
		}
	}
	p.cmd = &exec.Cmd{
		Path: o.Command[0], Args: o.Command, Dir: home, Stdout: p.stdout, Stderr: p.stderr, WaitDelay: time.Second,
		Env: environment(o, home, p.sockets, certificate, byHand), SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
	launch := func(cmd *exec.Cmd, _ string) error { return cmd.Start() }
	if o.Launch != nil && !byHand {
		launch, p.stderr.report = o.Launch, "claimsmith plugin exec: confinement: "
	}
	if err := launch(p.cmd, p.sockets); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // the state says how it ended
	}()
	return p, nil
}

// environment is what the host gives, and no more.
func environment(o Options, home, sockets, certificate string, byHand bool) []string {
	env := []string{"HOME=" + home, "TMPDIR=" + home}
	for _, name := range o.Env {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	if byHand {
		return env
	}
	env = append(env, cookie, "PLUGIN_PROTOCOL_VERSIONS=1", "PLUGIN_MIN_PORT=10000", "PLUGIN_MAX_PORT=25000", "PLUGIN_UNIX_SOCKET_DIR="+sockets)
	if certificate != "" {
		env = append(env, "PLUGIN_CLIENT_CERT="+certificate)
	}
	return env
}

// handshake is the line that a plugin prints first, in parts.
type handshake struct {
	socket      string
	certificate string // DER in base64; empty without TLS
}

// errNoHandshake is that of a plugin that says nothing.
var errNoHandshake = errors.New("it printed no line on stdout")

// errNoTLS is that of a plugin that speaks in the clear although nobody said so.
var errNoTLS = errors.New("it offers no TLS: PLUGIN_CLIENT_CERT was set, and its handshake has no certificate")

// hintForStart says how a plugin that did not start is tried otherwise, or "".
func hintForStart(err error) string {
	if errors.Is(err, errNoTLS) {
		return "if it is declared with tls: off, write --tls off before its command"
	}
	return ""
}

// awaitHandshake waits for the first line and judges it.
func (p *process) awaitHandshake(within time.Duration, tls bool) (handshake, error) {
	select {
	case line := <-p.stdout.first:
		return p.parse(line, tls)
	case <-p.exited:
		select {
		case line := <-p.stdout.first: // it was quick
			if _, err := p.parse(line, tls); err != nil {
				return handshake{}, err
			}
			return handshake{}, fmt.Errorf("it ended (%s) after its handshake%s", p.cmd.ProcessState, p.stderr.last())
		default:
		}
		return handshake{}, fmt.Errorf("%w and ended (%s)%s", errNoHandshake, p.cmd.ProcessState, p.stderr.last())
	case <-time.After(within):
		return handshake{}, fmt.Errorf("%w within %s%s: is it flushed?", errNoHandshake, within, p.stderr.last())
	}
}

func (p *process) parse(line string, tls bool) (handshake, error) {
	parts := strings.Split(strings.TrimSpace(line), "|")
	var dir string
	if len(parts) > 3 {
		dir = filepath.Dir(filepath.Clean(parts[3]))
	}
	switch {
	case len(line) > maxHandshake:
		return handshake{}, fmt.Errorf("its first line is longer than %d bytes", maxHandshake)
	case len(parts) < 5:
		return handshake{}, fmt.Errorf("its first line is %s, not 1|1|unix|/path|grpc|certificate", confine.Quote(line))
	case parts[0] != "1":
		return handshake{}, fmt.Errorf("the first field is %s, not 1", confine.Quote(parts[0]))
	case parts[1] != "1":
		return handshake{}, fmt.Errorf("the second field, the version of the protocol, is %s, not 1", confine.Quote(parts[1]))
	case parts[2] != "unix" || dir != p.sockets && dir != p.cmd.Dir:
		return handshake{}, errors.New("it does not listen on a unix socket in the directory that PLUGIN_UNIX_SOCKET_DIR names")
	case parts[4] != "grpc":
		return handshake{}, fmt.Errorf("the fifth field is %s, not grpc", confine.Quote(parts[4]))
	case tls && (len(parts) < 6 || len(parts[5]) <= 50):
		return handshake{}, errNoTLS
	}
	h := handshake{socket: parts[3]}
	if tls {
		h.certificate = parts[5]
	}
	return h, nil
}

// running reports whether the process has not ended.
func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// ended waits for the end of the process.
func (p *process) ended(within time.Duration) bool {
	t := time.NewTimer(within)
	defer t.Stop()
	select {
	case <-p.exited:
		return true
	case <-t.C:
		return false
	}
}

// orphans reports whether processes of its group outlive an ended process.
func (p *process) orphans() bool { return syscall.Kill(-p.cmd.Process.Pid, 0) == nil }

// stop kills the process and its group, and removes its folder. It may be called more than once.
func (p *process) stop() {
	p.once.Do(func() {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.exited
		_ = os.RemoveAll(p.folder)
	})
}

// resident returns the memory that the process holds, in bytes, where the system tells.
func (p *process) resident() (int64, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err == nil
}
