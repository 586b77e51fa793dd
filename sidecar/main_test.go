package sidecar_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/synology"
	"github.com/claimsmith/claimsmith/sidecar"
)

// The test binary plays every part: started again with one of these it is the wrapper of a plugin, or a plugin.
const (
	asWrapper  = "as-wrapper"
	asPlugin   = "as-plugin"
	asSynology = "as-synology"
	asHoarder  = "as-hoarder"
	asHostile  = "as-hostile"
	asEcho     = "as-echo"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case asWrapper:
			fmt.Fprintln(os.Stderr, sidecar.PluginExec(os.Args[2:]))
			os.Exit(1)
		case asPlugin:
			sdk.Main(directory())
		case asSynology:
			sdk.Main(synology.Plugin())
		case asHoarder:
			sdk.Main(hoarder(os.Args[2]))
		case asHostile:
			sdk.Main(hostile())
		case asEcho:
			sdk.Main(echo())
		}
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		postgres.Stop()
		os.Exit(code)
	}))
}

type config struct {
	Flood int    `json:"flood,omitempty" doc:"how many lines it logs when it is opened"`
	Gate  string `json:"gate,omitempty" doc:"unix socket of the test that holds answers back"`
}

type params struct {
	Email string `json:"email" doc:"address of the person"`
}

type personFacts struct {
	Name   string   `json:"name" doc:"name of the account"`
	Groups []string `json:"groups" doc:"groups of the account"`
	UID    int64    `json:"uid" doc:"number of the account"`
	Admin  bool     `json:"admin" doc:"whether the account is an administrator's"`
	Linked bool     `json:"linked" doc:"whether the configuration chose the account"`
}

// directory is a plugin that knows a few people by their addresses.
func directory() sdk.Spec[config, params, personFacts] {
	return sdk.Spec[config, params, personFacts]{Name: "directory", Version: "1.0.0", Open: func(_ context.Context, h sdk.Host, c config) (sdk.Lookup[params, personFacts], error) {
		for range c.Flood {
			h.Log.Info("noise " + strings.Repeat("x", 1000))
		}
		return sdk.Func[params, personFacts](c.look), nil
	}}
}

func (c config) look(ctx context.Context, p params) (sdk.Answer[personFacts], error) {
	if strings.Contains(p.Email, "wqkzjx") {
		return betray(p.Email)
	}
	switch name, _, _ := strings.Cut(p.Email, "@"); name {
	case "nobody":
		return sdk.Answer[personFacts]{Problem: "none"}, nil
	case "broken":
		return sdk.Answer[personFacts]{}, errors.New("the directory says no to " + p.Email)
	case "slow":
		return person(name), c.waitAtTheGate(ctx)
	case "traced":
		return person("trace:" + sdk.Traceparent(ctx)), nil
	default:
		return person(name), nil
	}
}

// person is an account by its name. One "again" has the name of another and a number of its own; root and boss are administrators, and boss was
// chosen by the configuration.
func person(name string) sdk.Answer[personFacts] {
	f := personFacts{Groups: []string{"users"}, UID: 1000 + int64(len(name)), Admin: name == "root" || name == "boss", Linked: name == "boss"}
	f.Name, _, _ = strings.Cut(name, "-again")
	return sdk.Answer[personFacts]{Found: true, Facts: f}
}

// waitAtTheGate tells the test that a lookup is under way, and waits until the test lets it go on.
func (c config) waitAtTheGate(ctx context.Context) error {
	conn, err := net.Dial("unix", c.Gate)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	_, err = io.Copy(io.Discard, conn) // until the test closes its end
	return err
}
