package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
)

// Options says how to run the demo.
type Options struct {
	Self  string                                                   // this program, which is started again as the sidecar
	Dex   func(ctx context.Context, say io.Writer) (string, error) // returns the path of a Dex with the hook
	Port  int                                                      // of the first of four neighbouring ports; 0 picks free ones
	Serve bool                                                     // stay up until ctx ends
	Say   io.Writer                                                // the story, for people
	JSON  io.Writer                                                // the report, for machines; nil means none
}

// Chain is everything that runs.
type Chain struct {
	o        Options
	at       places
	nas      *dsmtest.NAS
	children *nursery
	sidecar  *process
	http     *http.Client // of relying parties
}

// Run starts the chain, signs in, reports, and ends everything, also when ctx ends in the middle. With Serve it stays up.
func Run(ctx context.Context, o Options) (err error) {
	start := time.Now()
	fmt.Fprint(o.Say, intro)
	dex, err := o.Dex(ctx, o.Say)
	if err != nil {
		return err
	}
	report := &Report{Timings: Timings{Dex: since(start)}}
	up := time.Now()
	c, err := Start(ctx, o, dex)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	report.Timings.Start = since(up)
	if err := c.story(ctx, report); err != nil {
		return err
	}
	report.Timings.Total = since(start)
	if o.JSON != nil {
		e := json.NewEncoder(o.JSON)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(report); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if o.Serve {
		c.sayServing()
		<-ctx.Done()
	}
	return nil
}

const intro = `claimsmith demo: a family signs in to its NAS with Google accounts, all on this machine.

It runs the real Dex with the claims hook (built on first use: 2 to 4 minutes and about 2 GB for the Go caches with those of claimsmith, once),
the real sidecar with the Synology plugin in a process of its own, a stand-in for Google (another Dex),
and an emulated Synology DSM, which is the NAS that the family signs in to. Nothing leaves this machine but the download of Dex.

`

// Start brings everything up with a Dex that has the hook. The caller stops it, unless there was an error.
func Start(ctx context.Context, o Options, dex string) (_ *Chain, err error) {
	c := &Chain{o: o, http: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Stop())
		}
	}()
	return c, c.start(ctx, dex)
}

// start brings up each part once the one it needs answers.
func (c *Chain) start(ctx context.Context, dex string) (err error) {
	if c.at.dir, err = makeDir(); err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	c.children = newNursery(c.at.dir)
	ports, err := pickPorts(c.o.Port)
	if err != nil {
		return err
	}
	c.at.dex, c.at.stock, c.at.google = ports[0], ports[1], ports[2]
	c.nas, err = dsmtest.Start(dsmtest.Options{
		Name: "the family's NAS", Addr: ports[3], Accounts: accounts(),
		Service: dsmtest.Account{Name: serviceAccount, Password: servicePassword},
	})
	if err != nil {
		return fmt.Errorf("start the emulated NAS: %w", err)
	}
	c.at.nas = c.nas.URL()
	if err := c.at.write(c.nas); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if err := c.startSidecar(ctx); err != nil {
		return err
	}
	for _, d := range []struct{ name, config, issuer string }{
		{"google", c.at.goConf, "http://" + c.at.google + "/google"},
		{"stock-dex", c.at.plain, c.at.stockIssuer()},
		{"dex", c.at.hooked, c.at.issuer()},
	} {
		p, err := c.children.start(d.name, dex, "serve", d.config)
		if err != nil {
			return err
		}
		if err := p.ready(ctx, c.discovery(d.issuer)); err != nil {
			return err
		}
	}
	c.nas.SetSSO(&dsmtest.SSOConfig{
		Name: "Google", WellKnown: c.at.issuer() + "/.well-known/openid-configuration", ClientID: clientID, ClientSecret: clientSecret,
		RedirectURI: c.at.nas, Scope: "openid profile email", UsernameClaim: "username", AllowLocal: true, HTTPClient: c.http,
	})
	return nil
}

// makeDir makes the folder of the run. The path of a unix socket in it must fit 104 bytes on every system, so a temporary
// folder with a long name is passed over.
func makeDir() (string, error) {
	dir, err := os.MkdirTemp("", "claimsmith-demo-")
	if err == nil && len(filepath.Join(dir, "run", "hook.sock")) > 100 {
		_ = os.Remove(dir) // it is empty
		return os.MkdirTemp("/tmp", "claimsmith-demo-")
	}
	return dir, err
}

func (c *Chain) startSidecar(ctx context.Context) (err error) {
	c.sidecar, err = c.children.start("sidecar", c.o.Self, "serve", "-c", c.at.rules, "--log-format", "json", "--log-level", "debug")
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient("unix://"+c.at.socket, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	if err != nil {
		return fmt.Errorf("reach the sidecar: %w", err)
	}
	defer conn.Close()
	return c.sidecar.ready(ctx, func(ctx context.Context) error {
		_, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{})
		return err
	})
}

func (c *Chain) discovery(issuer string) func(context.Context) error {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, issuer+"/.well-known/openid-configuration", nil)
		if err != nil {
			return err
		}
		response, err := c.http.Do(request)
		if err != nil {
			return err
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", response.StatusCode)
		}
		return nil
	}
}

// Dir is where the files and logs of the chain are.
func (c *Chain) Dir() string { return c.at.dir }

// Stop ends everything in reverse order and takes the folder away.
func (c *Chain) Stop() error {
	c.http.CloseIdleConnections()
	if c.children != nil {
		c.children.stop()
	}
	if c.nas != nil {
		c.nas.Close()
	}
	if c.at.dir == "" {
		return nil
	}
	return os.RemoveAll(c.at.dir)
}

// pickPorts returns four addresses on loopback: neighbours from first, or free ones.
func pickPorts(first int) (out [4]string, err error) {
	var taken [4]net.Listener
	for i := range taken {
		addr := "127.0.0.1:0"
		if first != 0 {
			addr = fmt.Sprintf("127.0.0.1:%d", first+i)
		}
		if taken[i], err = net.Listen("tcp", addr); err != nil {
			return out, fmt.Errorf("the port of %s is taken: choose others with --port, or leave it out to get free ones (%w)", addr, err)
		}
		defer taken[i].Close() // all are held until all are chosen
		out[i] = taken[i].Addr().String()
	}
	return out, nil
}

var decisionID = regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\b`)

// refusal signs somebody in at the NAS and expects a page that says why not.
func (c *Chain) refusal(ctx context.Context, who person) (Refusal, error) {
	b, err := newBrowser(c.nas.CA())
	if err != nil {
		return Refusal{}, err
	}
	defer b.close()
	rest, err := b.signIn(ctx, c.at.nas+"/sso/start", who, nil)
	if err != nil {
		return Refusal{}, err
	}
	seen := strings.Join(rest.paragraphs(), " ")
	r := Refusal{User: who.who, HTTPStatus: rest.status, Seen: seen, DecisionID: decisionID.FindString(seen)}
	if r.DecisionID == "" {
		return r, fmt.Errorf("%s should have been refused, but saw: %s (status %d at %s)", who.who, seen, rest.status, rest.url.Path)
	}
	d, err := lastDecision(ctx, c.sidecar.log, func(d decision) bool { return d.ID == r.DecisionID })
	if err != nil {
		return r, err
	}
	r.Stage, r.Rule = d.Stage, d.Rule
	return r, nil
}

// SignIn signs somebody in at the NAS with their Google account, and returns the name that the NAS knows them by. An error
// says what they saw instead.
func (c *Chain) SignIn(ctx context.Context, email string) (string, error) {
	who := person{who: email, email: email, password: "password"}
	b, err := newBrowser(c.nas.CA())
	if err != nil {
		return "", err
	}
	defer b.close()
	rest, err := b.signIn(ctx, c.at.nas+"/sso/start", who, nil)
	if err != nil {
		return "", err
	}
	said := strings.Join(rest.paragraphs(), " ")
	name, found := strings.CutPrefix(said[max(0, strings.Index(said, "Signed in to DSM as ")):], "Signed in to DSM as ")
	if !found {
		return "", fmt.Errorf("the NAS did not let %s in, but said: %s (status %d)", who.who, said, rest.status)
	}
	name, _, _ = strings.Cut(name, " ")
	return strings.TrimRight(name, "."), nil
}
