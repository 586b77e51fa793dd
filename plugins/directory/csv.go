package directory

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// between parts the values of one cell.
const between = ";"

// extraColumn begins the names of columns that are attributes.
const extraColumn = keyAttributes + "."

// column says what the cells below a header are.
type column struct {
	name  string
	plain int // index into plain, or -1
}

// parseCSV reads a table: a header that names the columns, and a line for each person.
func parseCSV(data []byte) (*people, []finding) {
	var f findings
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // spreadsheets write it
	if at, ok := decodable(data); !ok {
		f.add(at, notUTF8, saveAsUTF8)
		return nil, f.found
	}
	comma, text := separator(data)
	t := &table{reader: csv.NewReader(bytes.NewReader(text)), builder: newBuilder(&f)}
	t.reader.Comma = comma
	if t.header() {
		for t.person() {
		}
	}
	if len(f.found) > 0 {
		countCharacters(f.found, data)
		return nil, f.found
	}
	return &t.people, nil
}

const (
	notUTF8    = "the file is not UTF-8"
	saveAsUTF8 = `save it as UTF-8: "CSV UTF-8" in Excel, or iconv -f WINDOWS-1252 -t UTF-8`
)

// separator says what parts the columns: what a line sep=; before the header says, which spreadsheets write and read, or what the header has
// in the place of commas. The text is data without such a line, whose break stays so that lines have their numbers.
func separator(data []byte) (comma rune, text []byte) {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	if said, ok := bytes.CutPrefix(bytes.TrimSuffix(line, []byte("\r")), []byte("sep=")); ok && len(said) == 1 && bytes.ContainsAny(said, ",;\t|") {
		return rune(said[0]), data[len(line):]
	}
	for _, other := range []byte("\t;") {
		if bytes.IndexByte(line, ',') < 0 && bytes.IndexByte(line, other) >= 0 {
			return rune(other), data
		}
	}
	return ',', data
}

// table is a file that is being read. Its places count bytes.
type table struct {
	*builder
	reader  *csv.Reader
	columns []column
}

// record reads the next line. False: there is none. Nil: it cannot be used, and that is noted.
func (t *table) record() ([]cell, bool) {
	fields, err := t.reader.Read()
	var at *csv.ParseError
	switch {
	case err == io.EOF:
		return nil, false
	case errors.Is(err, csv.ErrFieldCount) && errors.As(err, &at):
		t.findings.add(place{at.StartLine, 1}, "this line has more or fewer columns than the header", "")
		return nil, true
	case errors.As(err, &at):
		t.findings.add(place{at.Line, at.Column}, "a quote is missing, or one is too many", `a value with quotes in it is written "...", each quote in it twice`)
		return nil, false
	case err != nil:
		t.findings.add(place{1, 1}, "this is no table", "")
		return nil, false
	}
	cells := make([]cell, len(fields))
	for i, text := range fields {
		line, col := t.reader.FieldPos(i)
		cells[i] = cell{place{line, col}, text}
	}
	return cells, true
}

// header reads the names of the columns. False: what is below it cannot be read.
func (t *table) header() bool {
	names, ok := t.record()
	switch {
	case !ok && len(t.found) == 0:
		t.findings.add(place{1, 1}, "the file is empty", "begin with a line like name,email,groups")
		return false
	case !ok:
		return false
	case len(names) > maxExtra+len(columnNames()):
		t.findings.add(names[maxExtra].place, fmt.Sprintf("more than %d columns", maxExtra), "")
		return false
	}
	var (
		extras []extra
		seen   []string
	)
	for _, c := range names {
		name, own := strings.CutPrefix(c.text, extraColumn)
		switch {
		case own && t.attributeName(cell{c.place, name}, extras):
			extras = append(extras, extra{name: cell{c.place, name}})
		case own:
		case slices.Contains(seen, c.text):
			t.findings.add(c.place, "this column is given twice", "")
		case !slices.Contains(columnNames(), c.text):
			t.findings.add(c.place, "unknown column", near(c.text, columnNames())+"; a column of your own is called attributes.NAME")
		}
		seen = append(seen, c.text)
		t.columns = append(t.columns, column{name: c.text, plain: plainKey(c.text)})
	}
	if !slices.Contains(seen, keyName) {
		t.findings.add(place{1, 1}, "there is no column called name", "")
	}
	return len(t.found) == 0
}

// columnNames are those that the plugin knows.
func columnNames() []string {
	return slices.DeleteFunc(keys(), func(key string) bool { return key == keyAttributes })
}

// person reads a line. False: there is none.
func (t *table) person() bool {
	cells, ok := t.record()
	if !ok || cells == nil {
		return ok
	}
	e := entry{place: cells[0].place, plain: make([]cell, len(plain))}
	for i, c := range cells {
		switch col := t.columns[i]; {
		case c.text == "":
		case col.plain >= 0:
			e.plain[col.plain] = c
		case col.name == keyName:
			e.name = &c
		case col.name == keyEmail:
			e.email = several(c)
		case col.name == keyGroups:
			e.groups = several(c)
		case col.name == keyDisabled:
			e.disabled = t.truth(c)
		default:
			name := strings.TrimPrefix(col.name, extraColumn)
			e.attributes = append(e.attributes, extra{cell{c.place, name}, []cell{c}})
		}
	}
	t.add(e)
	return true
}

// several parts the values of a cell.
func several(c cell) (all []cell) {
	for text := range strings.SplitSeq(c.text, between) {
		all = append(all, cell{c.place, text})
	}
	return all
}

func (t *table) truth(c cell) bool {
	if c.text != "true" && c.text != "false" {
		t.findings.add(c.place, "must be true or false, or empty, which is false", "")
	}
	return c.text == "true"
}

// decodable finds the first place that is not UTF-8.
func decodable(data []byte) (place, bool) {
	if utf8.Valid(data) {
		return place{}, true
	}
	good := 0
	for good < len(data) {
		r, size := utf8.DecodeRune(data[good:])
		if r == utf8.RuneError && size <= 1 {
			break
		}
		good += size
	}
	before := data[:good]
	start := bytes.LastIndexByte(before, '\n') + 1
	return place{1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[start:])}, false
}

// countCharacters makes columns in characters of columns in bytes.
func countCharacters(list []finding, data []byte) {
	lines := bytes.Split(data, []byte("\n"))
	for i, f := range list {
		if f.line < 1 || f.line > len(lines) {
			continue
		}
		before := min(max(f.column-1, 0), len(lines[f.line-1]))
		list[i].column = 1 + utf8.RuneCount(lines[f.line-1][:before])
	}
}
