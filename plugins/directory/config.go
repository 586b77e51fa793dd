package directory

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/sidecar/files"
)

// Config is what the operator writes.
type Config struct {
	File          string       `json:"file" doc:"path of the file with the people, from the root; its name ends in .yaml, .yml or .csv"`
	AllowWritable bool         `json:"allowWritable,omitempty" doc:"whether the file, or its folder, may be one that group or others can write, who then decide every login; default: false"`
	AllowEmpty    bool         `json:"allowEmpty,omitempty" doc:"whether nobody may be in the file: without it a file that lost its people is kept out; default: false"`
	KeepOld       sdk.Duration `json:"keepOld,omitempty" doc:"how long people who are found in the last good file are answered with when the file has become one that cannot be used; default: 24h"`
}

// maxFile is the longest file.
const maxFile = 32 << 20

// parser reads the content of a file. There are people when nothing is found to be wrong.
type parser func(data []byte) (*people, []finding)

// settle checks what can be checked without the file.
func (c Config) settle() (parse parser, keep time.Duration, problems sdk.Problems) {
	bad := func(path string, err error, hint string) {
		problems = append(problems, sdk.Problem{Path: path, Message: err.Error(), Hint: hint})
	}
	switch strings.ToLower(filepath.Ext(c.File)) {
	case ".yaml", ".yml":
		parse = parseYAML
	case ".csv":
		parse = parseCSV
	}
	if err := files.Absolute(c.File); err != nil {
		bad("file", err, "write the path from /")
	} else if parse == nil {
		bad("file", errors.New("its name does not tell what it is"), "let it end in .yaml or .csv")
	}
	keep = time.Duration(c.KeepOld)
	const low, high = time.Second, 30 * 24 * time.Hour
	switch {
	case keep == 0:
		keep = 24 * time.Hour
	case keep < low || keep > high:
		bad("keepOld", fmt.Errorf("must be between %s and %s", low, high), "")
	}
	return parse, keep, problems
}
