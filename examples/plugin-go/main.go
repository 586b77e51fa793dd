// Command plugin-go is a plugin of claimsmith that reads a list of people who have left: one address a line, which whoever
// keeps it may extend while everything runs.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// Config is what stands below "config:".
type Config struct {
	File string `json:"file" doc:"the list: an address and a day in each line, # begins a comment"`
}

// Params is what rules ask.
type Params struct {
	Email string `json:"email" doc:"address that somebody verified"`
}

// Facts is what rules read.
type Facts struct {
	Since string `json:"since" doc:"the last day of somebody on the list"`
}

func main() { sdk.Main(plugin()) }

func plugin() sdk.Spec[Config, Params, Facts] {
	return sdk.Spec[Config, Params, Facts]{Name: "leavers", Version: "1.0", Open: open}
}

// open has a look at the file, so that a wrong name is found at "claimsmith check" and not at somebody's login.
func open(ctx context.Context, _ sdk.Host, c Config) (sdk.Lookup[Params, Facts], error) {
	if !filepath.IsAbs(c.File) {
		return nil, sdk.Problems{{Path: "file", Message: "must be an absolute path", Hint: "a plugin runs in a directory of its own"}}
	}
	if _, err := c.look(ctx, Params{}); err != nil {
		return nil, sdk.Problems{{Path: "file", Message: err.Error()}}
	}
	return sdk.Func[Params, Facts](c.look), nil
}

// look reads the list. It is short, and read again for each question.
func (c Config) look(_ context.Context, p Params) (sdk.Answer[Facts], error) {
	f, err := os.Open(c.File)
	if err != nil {
		return sdk.Answer[Facts]{}, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
			continue
		case len(fields) != 2:
			return sdk.Answer[Facts]{}, fmt.Errorf("%s: line %d is not an address and a day", c.File, n)
		case strings.EqualFold(fields[0], p.Email):
			return sdk.Answer[Facts]{Found: true, Facts: Facts{Since: fields[1]}}, nil
		}
	}
	if err := lines.Err(); err != nil {
		return sdk.Answer[Facts]{}, err
	}
	return sdk.Answer[Facts]{Problem: "none"}, nil
}
