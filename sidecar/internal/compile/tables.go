package compile

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/files"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/rules"
)

// maxTable is how long the file of a table may be, in bytes.
const maxTable = 8 << 20

// tables are the tables of the file, with what their files say.
func (b *builder) tables() map[string]*rules.Table {
	out := map[string]*rules.Table{}
	for i := range b.cfg.Tables {
		t := &b.cfg.Tables[i]
		out[t.Name], _ = rules.NewTable(nil, nil, false) // where it cannot be read, what reads it is not wrong as well
		values := t.Values
		if t.File != "" {
			var err error
			if values, err = b.tableFile(t); err != nil {
				b.add(b.src.Problem(config.Join(t.Path, "file"), err.Error(), ""))
				continue
			}
		}
		table, err := rules.NewTable(values.Map, values.List, t.IgnoreCase)
		if err != nil {
			b.add(b.src.Problem(t.Path, err.Error(), ""))
			continue
		}
		out[t.Name] = table
	}
	return out
}

func (b *builder) tableFile(t *config.Table) (v config.TableValues, err error) {
	data, _, err := files.Read(t.File, maxTable)
	if err != nil {
		return v, files.Reason(err)
	}
	switch ext := strings.ToLower(filepath.Ext(t.File)); ext {
	case ".csv":
		return readCSV(data)
	case ".yaml", ".yml", ".json":
		v, problems := config.ParseTable(t.File, data)
		if len(problems) > 0 {
			return v, fmt.Errorf("line %d: %s", problems[0].Line, problems[0].Message)
		}
		return v, nil
	default:
		return v, fmt.Errorf("a table is a file that ends in .yaml, .json or .csv, not in %q", ext)
	}
}

// readCSV reads names and their values, or a list where there is one column. A name that comes again has several values.
func readCSV(data []byte) (v config.TableValues, err error) {
	r := csv.NewReader(bytes.NewReader(data))
	r.Comment, r.FieldsPerRecord, r.TrimLeadingSpace = '#', 0, true
	rows, err := r.ReadAll()
	if err != nil {
		return v, err
	}
	for _, row := range rows {
		switch len(row) {
		case 1:
			v.List = append(v.List, row[0])
		case 2:
			if v.Map == nil {
				v.Map = map[string][]string{}
			}
			v.Map[row[0]] = append(v.Map[row[0]], row[1])
		default:
			return v, fmt.Errorf("a row of a table has one or two columns, and here are %d", len(row))
		}
	}
	return v, nil
}
