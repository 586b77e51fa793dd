package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
)

const (
	// maxMessage caps what goes either way.
	maxMessage = answers.MaxAnswer
	// stopTime is how long a plugin may take to accept that it shall end; go-plugin then gives it two seconds more.
	stopTime = 2 * time.Second
)

// instance is a plugin that runs: from its handshake to the end of its process. A new start is a new instance, because
// go-plugin hands out the client of a dead process for ever.
type instance struct {
	api    pluginv1.LookupServiceClient
	desc   Description
	pid    int
	exited <-chan struct{} // closed when the process is gone
	hush   func()          // from now on the plugin may know what must not be logged
	kill   func()          // ends it at once, without waiting
	stop   func()          // asks it to end, kills it if it does not, and cleans up; also after exited; more than once
	report func() report   // how it ended
	calls  usage

	unlogged func() int // lines that it printed and nobody saw

	granted  granted
	confined func() *confine.Report // what is in force around it; nil: it was started without the wrapper
}

// drainTime is how long a process that is replaced, or not needed any more, may go on with the calls that it has.
const drainTime = 5 * time.Second

// drain waits for the calls that i has; it gets no new ones. It gives up after a while, or when the process ends.
func (i *instance) drain() {
	t := time.NewTimer(drainTime)
	defer t.Stop()
	select {
	case <-i.calls.close():
	case <-i.exited:
	case <-t.C:
	}
}

// launcher starts instances of one plugin.
type launcher struct {
	host *Host
	decl confine.Declaration
	as   confine.Account
	dir  string
	log  *slog.Logger
}

// start starts a process and has it describe itself. On failure nothing is left of it.
func (l *launcher) start(parent context.Context) (_ *instance, err error) {
	ctx, cancel := context.WithTimeout(parent, l.host.o.StartTimeout)
	defer cancel()
	copies, err := l.copies()
	if err != nil {
		return nil, fmt.Errorf("plugin %s: start: %w", l.decl.Name, err)
	}
	out := &words{plugin: l.decl.Name, log: l.log, said: l.host.said, raw: l.host.o.Stderr, wrapped: len(l.host.o.Wrapper) > 0, refuses: l.decl.Refused}
	p := newProcess(l.decl.Command, l.dir, l.spawn, l.host.sessions.end, out)
	client := goplugin.NewClient(l.config(p, out, copies))
	inst := &instance{granted: l.granted(), exited: p.exited, hush: out.hush, unlogged: out.unlogged, confined: out.confinement, stop: sync.OnceFunc(func() {
		stop(client, p)
		if copies != "" {
			_ = os.RemoveAll(copies)
		}
	})}
	inst.kill = func() { _ = p.Kill(context.Background()) }
	inst.report = func() report { return out.report(p.end()) }
	defer func() {
		if err != nil {
			inst.kill()
			inst.stop()
		}
	}()
	// go-plugin knows no contexts: what it waits for comes when the process dies.
	defer context.AfterFunc(ctx, inst.kill)()

	if _, err := client.Start(); err != nil {
		return nil, l.startError(parent, ctx, p, "handshake", err)
	}
	inst.pid = p.pid
	if inst.api, err = dispense(client); err != nil {
		return nil, l.startError(parent, ctx, p, "connection", err)
	}
	if inst.desc, err = describe(ctx, inst.api); err != nil {
		return nil, l.startError(parent, ctx, p, "description", err)
	}
	return inst, nil
}

// spawn starts a process of the plugin.
func (l *launcher) spawn(cmd *exec.Cmd) error {
	return l.host.sessions.start(l.decl.Name, cmd, l.host.spawner.start)
}

// argv is the command as it is executed, with its socket in the directory sockets.
func (l *launcher) argv(copies, sockets string) []string {
	if len(l.host.o.Wrapper) == 0 {
		return l.decl.Command
	}
	args := append([]string(nil), l.host.o.Wrapper...)
	return append(args, l.decl.Wrap(os.Getpid(), l.as, l.dir, copies, sockets)...)
}

// copies makes the directory for the files of one start that are compared and run. It is empty when there are none.
func (l *launcher) copies() (string, error) {
	if len(l.decl.SHA256) == 0 || len(l.host.o.Wrapper) == 0 {
		return "", nil
	}
	return os.MkdirTemp(l.host.sockets, "run-") // mode 0700
}

func (l *launcher) tls() bool { return l.decl.TLS != confine.TLSOff }

func (l *launcher) config(p *process, out *words, copies string) *goplugin.ClientConfig {
	dial := []grpc.DialOption{
		grpc.WithDisableServiceConfig(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
	}
	if l.as.Own() {
		dial = append(dial, grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.as.Dial(ctx, p.socket) }))
	}
	return &goplugin.ClientConfig{
		HandshakeConfig:  goplugin.HandshakeConfig{ProtocolVersion: protocolVersion, MagicCookieKey: confine.CookieKey, MagicCookieValue: cookieValue},
		Plugins:          goplugin.PluginSet{serviceName: transport{}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         l.tls(),
		SkipHostEnv:      true,
		StartTimeout:     l.host.o.StartTimeout + time.Second, // ours comes first
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: l.host.sockets},
		Logger:           transportLog(l.log),
		SyncStdout:       counter{out},
		SyncStderr:       counter{out},
		GRPCDialOptions:  dial,
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, sockets string) (runner.Runner, error) {
			p.argv = l.argv(copies, sockets)
			p.env = append(l.env(), cmd.Env...)
			p.check = func(line string) error { return checkHandshake(line, l.tls(), []string{sockets, l.dir}) }
			return p, l.as.Give(sockets)
		},
	}
}

// env is the environment of the plugin, without what go-plugin adds.
func (l *launcher) env() []string {
	env := append([]string{"HOME=" + l.dir, "TMPDIR=" + l.dir}, l.decl.Limits.Env()...)
	for _, name := range l.decl.Env {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// startError says in words why a plugin did not start. missing is what did not come of it.
func (l *launcher) startError(parent, ctx context.Context, p *process, missing string, err error) error {
	shook, refused := p.handshake()
	var bad *descriptionError
	// told says kind, and what the plugin itself has a part in as long as it knows nobody.
	told := func(kind, said string) error {
		if l.host.said.knowing() {
			said = kind + l.refusedBy(said) + l.host.said.words(l.decl.Name, said)
		}
		return fmt.Errorf("plugin %s: %s", l.decl.Name, said)
	}
	last := p.out.lastWords()
	switch {
	case p.pid == 0:
		return fmt.Errorf("plugin %s: start: %w", l.decl.Name, err)
	case refused != nil:
		return told("no handshake", refused.Error()+last)
	case parent.Err() != nil:
		return fmt.Errorf("plugin %s: start: %w", l.decl.Name, parent.Err())
	case expired(ctx, err):
		late := fmt.Sprintf("no %s within %s", missing, l.host.o.StartTimeout)
		return told(late, late+last)
	case errors.As(err, &bad):
		return told("its description cannot be used", err.Error())
	case !shook || missing != "handshake" && waitBriefly(p.exited):
		<-p.exited // without handshake go-plugin has seen its end
		ended := fmt.Sprintf("it ended (%s) before its %s", p.end(), missing)
		return told(ended, ended+p.out.lastWords())
	}
	return told("no "+missing, fmt.Sprintf("no %s: %v%s", missing, err, last))
}

// refusedBy names the rule by which something was refused, if text says that something was.
func (l *launcher) refusedBy(text string) string {
	if rule := l.decl.Refused(text).Rule; rule != "" {
		return ": " + rule + " refused it"
	}
	return ""
}

// expired reports whether the time was over. On a busy machine others notice that before ctx does.
func expired(ctx context.Context, err error) bool {
	deadline, _ := ctx.Deadline()
	return ctx.Err() != nil || !time.Now().Before(deadline) || status.Code(err) == codes.DeadlineExceeded
}

// waitBriefly reports whether a process whose connection broke is found dead.
func waitBriefly(exited <-chan struct{}) bool {
	t := time.NewTimer(300 * time.Millisecond)
	defer t.Stop()
	select {
	case <-exited:
		return true
	case <-t.C:
		return false
	}
}

func dispense(client *goplugin.Client) (pluginv1.LookupServiceClient, error) {
	proto, err := client.Client()
	if err != nil {
		return nil, err
	}
	raw, err := proto.Dispense(serviceName)
	if err != nil {
		return nil, err
	}
	api, ok := raw.(pluginv1.LookupServiceClient)
	if !ok {
		return nil, fmt.Errorf("go-plugin gave a %T", raw)
	}
	return api, nil
}

// stop ends a process. go-plugin asks it and waits for its word without limit, so the process is killed when none comes.
func stop(client *goplugin.Client, p *process) {
	late := time.AfterFunc(stopTime, func() { _ = p.Kill(context.Background()) })
	defer late.Stop()
	client.Kill()
	if p.cmd != nil {
		<-p.exited
	}
}
