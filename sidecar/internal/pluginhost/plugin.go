package pluginhost

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// Plugin is a plugin that a host keeps running. It is safe for concurrent use. It ends with its host.
type Plugin struct {
	host    *Host
	launch  *launcher
	log     *slog.Logger
	config  []byte
	desc    Description
	answers *answers.Plugin // how it is asked

	configured atomic.Bool  // what a restarted process has to be told again
	maxAge     atomic.Int64 // how old it says its answers may be, in milliseconds; undeclared: it does not say
	sup        *supervisor

	renewing sync.Mutex
	looked   time.Time               // when its files were last looked at; guarded by renewing
	untaken  atomic.Pointer[untaken] // nil: the process has the files that are there
}

// Status is what a plugin is doing.
type Status struct {
	State   State
	PID     int       // zero while there is no process
	Since   time.Time // when the process was started; zero while there is none
	Crashes int       // since it was started
	Last    string    // how the last one went
	Crashed time.Time // when

	Restarts int       // after crashes
	Refused  string    // why it did not start again after the last one; empty: it did
	Next     time.Time // when that is tried again; zero: it is not waited for

	Unlogged int // lines that the current process printed and that did not reach the log

	answers.Status // what became of its questions

	Confinement *confine.Report // around the current process; nil while there is none, or when it has no wrapper
}

// Said returns what p said lately, the oldest first: errors, and log records. It may hold personal data.
func (p *Plugin) Said() []Saying { return p.host.said.of(p.Name()) }

// Refused is what p was refused, if text says so.
func (p *Plugin) Refused(text string) confine.Refusal { return p.launch.decl.Refused(text) }

// LastWords say how the last crash went, and why the plugin did not start again since then, if it did not.
func (s Status) LastWords() string {
	if s.Refused == "" {
		return s.Last
	}
	return s.Last + ", and it does not start again: " + s.Refused
}

// Problem is one thing that a plugin finds wrong with its configuration.
type Problem struct {
	Path    string // inside the configuration, like accounts[2].name; empty: all of it
	Message string
	Hint    string
}

func newPlugin(h *Host, d confine.Declaration, dir string) *Plugin {
	log := h.o.Log.With(slog.String("plugin", d.Name))
	config := []byte(d.Config)
	if len(bytes.TrimSpace(config)) == 0 {
		config = []byte("{}")
	}
	p := &Plugin{
		host: h, log: log, config: config, launch: &launcher{host: h, decl: d, dir: dir, log: log},
	}
	p.maxAge.Store(undeclared)
	return p
}

// undeclared stands for an age that a plugin does not declare.
const undeclared = -1

// Asker returns an Asker of p. See [answers.Plugin.Asker].
func (p *Plugin) Asker(policy answers.Policy) pipeline.Asker { return p.answers.Asker(policy) }

// MaxAge is how old knowledge can be, at most, from which p answers as it is configured. It reports false when p does not say.
func (p *Plugin) MaxAge() (time.Duration, bool) {
	ms := p.maxAge.Load()
	return time.Duration(ms) * time.Millisecond, ms != undeclared
}

// declare takes what a plugin says of how old its answers may be. One that cannot be is as good as none.
func (p *Plugin) declare(resp *pluginv1.ConfigureResponse) {
	ms := int64(undeclared)
	if resp.MaxAgeMs != nil && resp.GetMaxAgeMs() >= 0 && resp.GetMaxAgeMs() <= int64(answers.MaxAge/time.Millisecond) {
		ms = resp.GetMaxAgeMs()
	}
	p.maxAge.Store(ms)
}

// first starts the plugin.
func (p *Plugin) first(ctx context.Context) error {
	inst, err := p.launch.start(ctx)
	if err != nil {
		return err
	}
	p.desc = inst.desc
	p.answers = p.host.answers.Plugin(p.Name(), p.scope(), p.desc.Facts, p.lookup)
	p.answers.RenewWith(func(ctx context.Context) { p.renew(ctx, true) })
	p.log.Info("plugin started", slog.Int("pid", inst.pid), slog.String("confinement", inst.confined().String()))
	p.sup = supervise(p.launch.decl.Name, p.log, inst, p.restart)
	return nil
}

// scope tells the answers of p from those of any other plugin, configuration and description.
func (p *Plugin) scope() []byte {
	sum := sha256.New()
	for _, part := range [][]byte{[]byte(p.Name()), p.config, p.desc.schemas[2]} {
		own := sha256.Sum256(part)
		sum.Write(own[:])
	}
	return sum.Sum(nil)
}

// restart starts the plugin as it was: with the same description, and configured if it was.
func (p *Plugin) restart(ctx context.Context) (_ *instance, err error) {
	inst, err := p.launch.start(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			inst.stop()
		}
	}()
	if !inst.desc.same(p.desc) {
		return nil, fmt.Errorf("plugin %s: it describes itself in another way than before: reload the configuration", p.Name())
	}
	p.answers.Renewed()
	if !p.configured.Load() {
		return inst, nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.host.o.StartTimeout)
	defer cancel()
	inst.hush()
	resp, err := inst.api.Configure(ctx, &pluginv1.ConfigureRequest{Config: p.config})
	if err != nil {
		return nil, p.configureError(ctx, inst, err)
	}
	if found := p.problems(resp); len(found) > 0 {
		return nil, &refusal{p.Name(), found}
	}
	p.untaken.Store(nil)
	p.declare(resp)
	return inst, nil
}

// refusal is that of a configuration which was taken before: a file that it names is another one now.
type refusal struct {
	plugin string
	found  []Problem
}

func (e *refusal) Error() string {
	const most = 3
	text := "plugin " + e.plugin + ": it refuses the configuration that it took before"
	for i, p := range e.found[:min(most, len(e.found))] {
		text += []string{": ", "; "}[min(i, 1)] + strings.TrimPrefix(p.Path+": ", ": ") + p.Message
	}
	if more := len(e.found) - most; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

// Restart starts a new process beside the current one, and ends that when it has finished the calls that it has. When the
// new one does not start, or does not take the configuration, the old one goes on, and the error says why.
func (p *Plugin) Restart(ctx context.Context) error { return p.sup.replace(ctx) }

func (p *Plugin) stop() { p.sup.close() }
func (p *Plugin) kill() { p.sup.kill() }

// Name is the name under which p is declared.
func (p *Plugin) Name() string { return p.launch.decl.Name }

// Description is what p said about itself when it was first started. It does not change.
func (p *Plugin) Description() Description { return p.desc }

// PID is the id of the current process, zero while there is none.
func (p *Plugin) PID() int { return p.Status().PID }

// Status tells what p is doing.
func (p *Plugin) Status() Status {
	p.sup.mu.Lock()
	defer p.sup.mu.Unlock()
	st := Status{
		State: p.sup.state, Crashes: p.sup.crashes, Last: p.sup.last, Crashed: p.sup.crashed,
		Restarts: p.sup.restarts, Refused: p.sup.refused, Next: p.sup.next,
		Status: p.answers.Status(),
	}
	if u := p.untaken.Load(); u != nil {
		st.Failing = &u.failing
	}
	if p.sup.cur != nil {
		st.PID, st.Since, st.Confinement, st.Unlogged = p.sup.cur.pid, p.sup.since, p.sup.cur.confined(), p.sup.cur.unlogged()
	}
	return st
}

// maxProblems is how many problems of one configuration are passed on.
const maxProblems = 100

// Configure sends the declared configuration. With checkOnly the plugin only looks at it. What the plugin finds wrong comes
// back as problems, with a nil error; an error means that it could not be asked.
//
// A configuration that was taken is sent again to every process that replaces a dead one.
func (p *Plugin) Configure(ctx context.Context, checkOnly bool) ([]Problem, error) {
	for {
		var asked *instance
		resp, err := call(ctx, p, func(inst *instance, opts ...grpc.CallOption) (*pluginv1.ConfigureResponse, error) {
			asked = inst
			inst.hush()
			return inst.api.Configure(ctx, &pluginv1.ConfigureRequest{Config: p.config, CheckOnly: checkOnly}, opts...)
		})
		if err != nil {
			return nil, p.configureError(ctx, asked, err)
		}
		p.declare(resp)
		if found := p.problems(resp); len(found) > 0 || checkOnly {
			return found, nil
		}
		p.configured.Store(true)
		if p.sup.current() == asked {
			return nil, nil
		}
		// The process that was configured is dead, and the next one may have been started before it was known that it
		// has to be configured.
	}
}

func (p *Plugin) problems(resp *pluginv1.ConfigureResponse) []Problem {
	var found []Problem
	for _, pb := range resp.GetProblems()[:min(len(resp.GetProblems()), maxProblems)] {
		found = append(found, p.problem(pb))
	}
	return found
}

// problem is one that p finds. Once plugins know people its words are kept from whoever logs it.
func (p *Plugin) problem(pb *pluginv1.Problem) Problem {
	out := Problem{Path: pb.GetPath(), Message: line(pb.GetMessage()), Hint: line(pb.GetHint())}
	if p.host.said.knowing() {
		at := p.place(out.Message)
		out = Problem{Message: "the plugin refuses it" + at + p.words(strings.TrimPrefix(out.Path+": ", ": ")+out.Message)}
	}
	return out
}

var placed = regexp.MustCompile(`^([^\s:]+):(\d{1,9}):(\d{1,9}): `)

// place is where in a file of the declaration a problem is, if its text begins with that: the only words of it that can be nobody's.
func (p *Plugin) place(message string) string {
	m := placed.FindStringSubmatch(message)
	if m == nil || !slices.ContainsFunc(p.launch.decl.Granted(), func(file string) bool { return filepath.Base(file) == m[1] }) {
		return ""
	}
	return fmt.Sprintf(" at %s:%s:%s", m[1], m[2], m[3])
}
