package conform

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
)

// Options say which plugin, and what it is asked. Questions and configuration are JSON objects.
type Options struct {
	Command []string // an absolute path, and arguments
	Env     []string // names that are handed on from this process
	NoTLS   bool     // for a plugin that is declared with tls: off

	Config  json.RawMessage // a configuration that it takes; empty: {}
	Known   json.RawMessage // a question whose answer is found; empty: what needs one is not tried
	Facts   json.RawMessage // some of the facts of that answer, digit by digit; may be empty
	Unknown json.RawMessage // a question that finds nobody; empty: one is made up from the schema
	Slow    json.RawMessage // a question that takes longer than a second; may be empty

	Dir     string        // where folders for its processes are made; empty: that for temporary files
	Calls   int           // how many are made to see whether memory grows; defaults to 10000
	Timeout time.Duration // for its start; defaults to 10 s
	Stderr  io.Writer     // gets all that it prints; may be nil

	Limits     confine.Limits // for Launch
	Unconfined bool           // for a plugin that is declared with unconfined: true
	// Launch starts a process, whose socket is in a directory, as a declaration confines it. It may put a line of its own before what the
	// plugin prints on stderr. Nil: it is started as it is. Hint is what may be done about text, by which the process says that something
	// was refused.
	Launch func(cmd *exec.Cmd, sockets string) error
	Hint   func(text string) string
}

const (
	defaultCalls   = 10_000
	defaultTimeout = 10 * time.Second
	checkTime      = 30 * time.Second // for a check that says nothing else
)

// runner holds the plugin between checks.
type runner struct {
	o      Options
	report *Report
	id     *identity

	p          *process
	hand       handshake
	conn       *grpc.ClientConn
	api        pluginv1.LookupServiceClient
	desc       *description // nil until it described itself well
	configured bool
	values     []string // what it was asked and must not repeat in errors and logs
	short      int      // how much of what it was asked is too short to be looked for there
	outs, errs []string // what processes before this one printed
}

// newRunner starts nothing yet.
func newRunner(o Options) (*runner, error) {
	o.Timeout = orDefault(o.Timeout)
	r := &runner{o: o, report: &Report{}}
	if o.NoTLS {
		return r, nil
	}
	var err error
	if r.id, err = newIdentity(); err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	return r, nil
}

// description is what a plugin says about itself.
type description struct {
	name, version         string
	config, params, facts *facts.Type
	raw                   *pluginv1.DescribeResponse
}

// Run puts the plugin through all checks. The error is for what is not the plugin's doing: a command that is not there, a
// context that ended.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Calls <= 0 {
		o.Calls = defaultCalls
	}
	if len(o.Config) == 0 {
		o.Config = json.RawMessage("{}")
	}
	r, err := newRunner(o)
	if err != nil {
		return nil, err
	}
	defer r.down()
	if err := r.all(ctx); err != nil {
		return nil, err
	}
	return r.report, ctx.Err()
}

func orDefault(d time.Duration) time.Duration {
	if d <= 0 {
		return defaultTimeout
	}
	return d
}

// step is a check and how long it may take.
type step struct {
	id, name string
	run      func(context.Context) verdict
	within   time.Duration // zero: checkTime
}

// all runs the checks in the order of a plugin's life. Those without which nothing else can be tried end it.
func (r *runner) all(ctx context.Context) error {
	byHand, err := r.byHand(ctx)
	if err != nil {
		return err
	}
	r.add("by-hand", "started by hand it says so and ends", byHand)
	if err := r.boot(ctx); err != nil {
		r.add("handshake", "its handshake is understood", broken("%v", err).but(hintForStart(err)))
		return nil
	}
	r.add("handshake", "its handshake is understood", kept(""))
	needed := []step{
		{id: "describe", name: "it describes itself, before anything else", run: r.describe},
		{id: "configure", name: "it takes a good configuration, and only checks when asked to check", run: r.configure},
	}
	first := []step{
		{id: "tls", name: "it speaks to nobody but its host", run: r.strangers},
		{id: "health", name: "it says that it is healthy", run: r.health},
		needed[0],
		{id: "unconfigured", name: "it does not answer before it is configured", run: r.unconfigured},
		{id: "config-unknown", name: "a key that it does not know is a problem with a path", run: r.configUnknown},
		{id: "config-type", name: "a value of another type is a problem with a path", run: r.configType},
		{id: "config-missing", name: "a key that is missing is a problem", run: r.configMissing},
		needed[1],
	}
	for _, s := range first {
		outcome := r.check(ctx, s)
		if outcome == Broken && (s.id == needed[0].id || s.id == needed[1].id) {
			return nil
		}
	}
	for _, s := range r.lookups() {
		r.check(ctx, s)
	}
	return nil
}

func (r *runner) lookups() []step {
	return []step{
		{id: "known", name: "it finds a person that is there", run: r.known},
		{id: "unknown", name: "nobody found is an answer", run: r.unknown},
		{id: "params", name: "a question that does not fit is an invalid argument", run: r.badParams},
		{id: "numbers", name: "numbers keep their digits", run: r.numbers},
		{id: "sizes", name: "messages of 4 MiB are its limit and not its end", run: r.sizes},
		{id: "concurrency", name: "64 questions at once get the answers of one", run: r.concurrency},
		{id: "cancel", name: "it survives those who do not wait", run: r.canceled},
		{id: "slow", name: "it stops working for those who do not wait", run: r.slow},
		{id: "reconfigure", name: "it takes its configuration again", run: r.reconfigure},
		{id: "memory", name: fmt.Sprintf("memory does not grow over %d calls", r.o.Calls), run: r.memory, within: 10 * time.Minute},
		{id: "signals", name: "its end is left to its host", run: r.signals},
		{id: "shutdown", name: "it ends when it is told to", run: r.shutdown},
		{id: "stdout", name: "stdout is for the handshake", run: r.stdout},
		{id: "stderr", name: "stderr is for log records, without personal data", run: r.stderr},
	}
}

// check runs s and notes how it went. A plugin that died of it is started again.
func (r *runner) check(ctx context.Context, s step) Outcome {
	if s.within == 0 {
		s.within = checkTime
	}
	if err := r.alive(ctx); err != nil {
		return r.add(s.id, s.name, broken("it does not start again: %v", err))
	}
	before := r.p
	limited, cancel := context.WithTimeout(ctx, s.within)
	defer cancel()
	v := s.run(limited)
	lost := v.outcome == Broken && r.p != nil && r.p.ended(100*time.Millisecond) // its connection is seen to break first
	if r.p != nil && r.p == before && (lost || !r.p.running()) {
		v = broken("its process ended (%s)%s", r.p.cmd.ProcessState, r.p.stderr.last())
	}
	if v.outcome == Broken {
		r.release(ctx)
	}
	return r.add(s.id, s.name, v)
}

// release kills a plugin that a broken check left unable to answer, so that the next one is not broken by it.
func (r *runner) release(ctx context.Context) {
	if r.p == nil || !r.configured {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	if _, err := r.ask(ctx, r.question()); status.Code(err) == codes.DeadlineExceeded {
		r.p.stop()
	}
}

func (r *runner) add(id, name string, v verdict) Outcome {
	v = r.limited(v)
	r.report.Checks = append(r.report.Checks, Check{ID: id, Name: name, Outcome: v.outcome, Detail: v.detail, Hint: v.hint})
	return v.outcome
}

// alive sees to it that there is a process to ask, except for the last checks, which judge what was printed.
func (r *runner) alive(ctx context.Context) error {
	if r.p == nil || r.p.running() {
		return nil
	}
	if err := r.boot(ctx); err != nil || !r.configured {
		return err
	}
	_, err := r.api.Configure(ctx, &pluginv1.ConfigureRequest{Config: r.o.Config})
	return err
}

// boot starts a process and connects to it.
func (r *runner) boot(ctx context.Context) (err error) {
	r.down()
	certificate := ""
	if r.id != nil {
		certificate = r.id.pem
	}
	p, err := start(r.o, certificate, false)
	if err != nil {
		return err
	}
	r.p = p
	if r.hand, err = p.awaitHandshake(r.o.Timeout, r.id != nil); err != nil {
		return err
	}
	if r.conn, err = dial(r.hand, r.id); err != nil {
		return err
	}
	r.api = pluginv1.NewLookupServiceClient(r.conn)
	return ctx.Err()
}

// down ends what boot began and keeps what was printed.
func (r *runner) down() {
	if r.conn != nil {
		_ = r.conn.Close()
		r.conn = nil
	}
	if r.p != nil {
		r.p.stop()
		r.outs = append(r.outs, skipFirst(r.p.stdout.lines())...)
		r.errs = append(r.errs, r.p.stderr.lines()...)
		r.p = nil
	}
}

func skipFirst(lines []string) []string { return lines[min(1, len(lines)):] }
