package sidecar

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/internal/conform"
	"github.com/claimsmith/claimsmith/sidecar/internal/hostile"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/pluginhost"
	"github.com/claimsmith/claimsmith/sidecar/internal/socket"
)

// What the plugin of VerifyConfinement is asked, and the fact that it answers with.
const (
	AttackParameter = "attack"
	AttackFact      = "outcome"
)

// Attack does one thing that no plugin should be able to do, and says how that went. A plugin that answers with it is what
// VerifyConfinement starts.
func Attack(what string) string { return hostile.Attack(what) }

// VerifyConfinement starts command, a plugin that answers with Attack, as Serve would start one of an operator, with the user of that name or number
// if it is not empty, and has it try what plugins/README.md says of confinement: a check for each line of that table. What this
// kernel cannot hold is not tried in vain but reported as such.
func VerifyConfinement(ctx context.Context, command []string, user string, o compile.Options) (_ *PluginReport, err error) {
	o.WorkDir = ""
	log := o.Log(nil)
	host, err := pluginhost.New(compile.HostOptions(o, log))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, host.Close()) }()
	b := &box{host: host, command: command, user: user}
	defer b.close()
	if err := b.build(); err != nil {
		return nil, err
	}
	if err := b.start(ctx); err != nil {
		return nil, err
	}
	held := b.plugin.Status().Confinement
	report := &conform.Report{Plugin: "what confines a plugin here:", Version: held.String()}
	for _, line := range boxLines {
		report.Checks = append(report.Checks, line.try(held, b.pointed, func(what string) (string, error) { return b.ask(ctx, what) }))
	}
	return report, ctx.Err()
}

// box is a plugin, and around it what it must not reach.
type box struct {
	host           *pluginhost.Host
	command        []string
	user           string
	dir            string
	places         map[string]string // what the attacks are pointed at
	plugin, victim *pluginhost.Plugin
	closers        []func()
}

func (b *box) close() {
	for _, c := range slices.Backward(b.closers) {
		c()
	}
}

// build makes the files and sockets. The folder can be entered by everybody, so that what keeps a plugin out is its box.
func (b *box) build() (err error) {
	if b.dir, err = os.MkdirTemp("", "box-"); err != nil {
		return err
	}
	b.closers = append(b.closers, func() { _ = os.RemoveAll(b.dir) })
	b.places = map[string]string{"host": strconv.Itoa(os.Getpid()), "dir": b.dir, "user": strconv.Itoa(os.Geteuid())}
	if err := os.Chmod(b.dir, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"secret", "other", "claimsmith.yaml"} {
		file := filepath.Join(b.dir, name)
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			return err
		}
		b.places[name] = file
	}
	if err := b.lend(b.places["secret"]); err != nil {
		return err
	}
	for _, s := range []struct {
		name  string
		creds func() (credentials.TransportCredentials, error)
	}{
		{"hook", func() (credentials.TransportCredentials, error) { return socket.HookPeers(nil, b.host) }},
		{"admin", func() (credentials.TransportCredentials, error) { return socket.OwnerOnly(b.host) }},
		{"elsewhere", func() (credentials.TransportCredentials, error) { return socket.OwnerOnly(new(pluginhost.Host)) }}, // of another sidecar
	} {
		creds, err := s.creds()
		if err != nil {
			return err
		}
		listener, err := b.socket(s.name)
		if err != nil {
			return err
		}
		server := grpc.NewServer(grpc.Creds(creds))
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = server.Serve(listener) // until it is stopped
		}()
		b.closers = append(b.closers, func() { server.Stop(); <-done })
	}
	listener, err := b.socket("neighbour")
	if err != nil {
		return err
	}
	b.accept(listener)
	for _, name := range []string{"declared", "undeclared"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		b.accept(l)
		b.places[name] = l.Addr().String()
	}
	return nil
}

func (b *box) socket(name string) (net.Listener, error) {
	file := filepath.Join(b.dir, name)
	l, err := net.Listen("unix", file)
	if err != nil {
		return nil, err
	}
	b.places[name] = file
	return l, os.Chmod(file, 0o666)
}

// accept lets everybody in, and out again.
func (b *box) accept(l net.Listener) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	b.closers = append(b.closers, func() { _ = l.Close(); <-done })
}

// lend gives a file to the user of the plugin, if it has one.
func (b *box) lend(file string) error {
	if b.user == "" {
		return nil
	}
	a, message, _ := confine.AccountOf(b.user)
	if message != "" {
		return errors.New(message)
	}
	b.places["user"] = strconv.Itoa(a.UID)
	return os.Chown(file, a.UID, a.GID)
}

// start starts the plugin, and a second one beside it, which is no accomplice.
func (b *box) start(ctx context.Context) (err error) {
	digest, err := fileDigest(b.command[0])
	if err != nil {
		return err
	}
	d := confine.Declaration{
		Name: "hostile", Command: b.command, SHA256: map[string]string{b.command[0]: digest}, Foreign: true, User: b.user, Limits: compile.LimitsOf(&config.Plugin{}),
	}
	if d.Config, err = json.Marshal(map[string]string{"url": "http://" + b.places["declared"], "secretFile": b.places["secret"]}); err != nil {
		return err
	}
	if b.plugin, err = b.run(ctx, d); err != nil {
		return err
	}
	d.Name, d.Config = "victim", nil
	b.victim, err = b.run(ctx, d)
	if err == nil {
		b.places["victim"] = strconv.Itoa(b.victim.PID())
	}
	return err
}

func (b *box) run(ctx context.Context, d confine.Declaration) (*pluginhost.Plugin, error) {
	plugin, err := b.host.Start(ctx, d)
	if err != nil {
		return nil, err
	}
	problems, err := plugin.Configure(ctx, false)
	if err == nil && len(problems) > 0 {
		err = errors.New(problems[0].Message)
	}
	return plugin, err
}

func fileDigest(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

// try makes the attacks of a line. What got through where the system lacks what would hold it is a warning.
func (line boxLine) try(held *confine.Report, pointed func(string) string, ask func(string) (string, error)) conform.Check {
	check := conform.Check{ID: line.id, Name: line.name, Outcome: conform.Kept, Detail: fmt.Sprintf("%d tried", len(line.attacks))}
	if len(line.attacks) == 1 {
		check.Detail = ""
	}
	var through, cannot []string
	for _, a := range line.attacks {
		what, want := pointed(a.what), pointed(a.want)
		got, err := ask(what)
		switch {
		case err != nil:
			through = append(through, fmt.Sprintf("%s: it was not answered: %v", what, err))
		case got == want:
		case a.needs != nil && a.needs(held) != "":
			cannot = append(cannot, fmt.Sprintf("%s: %s; that takes %s", what, got, a.needs(held)))
		default:
			through = append(through, fmt.Sprintf("%s: %s, want %s", what, got, want))
		}
	}
	switch {
	case len(through) > 0:
		check.Outcome, check.Detail = conform.Broken, strings.Join(through, "\n      ")
	case len(cannot) > 0:
		check.Outcome, check.Detail = conform.Warning, "this system cannot hold it: "+strings.Join(cannot, "\n      ")
	}
	return check
}

// pointed puts places into the text of an attack.
func (b *box) pointed(text string) string {
	return os.Expand(text, func(name string) string { return b.places[name] })
}

func (b *box) ask(ctx context.Context, what string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	params, err := json.Marshal(map[string]string{AttackParameter: what})
	if err != nil {
		return "", err
	}
	answer, err := b.plugin.Asker(answers.Policy{}).Ask(ctx, pipeline.Question{Params: params})
	if err != nil {
		return "", err
	}
	got, _ := answer.Facts[AttackFact].(string)
	return got, nil
}
