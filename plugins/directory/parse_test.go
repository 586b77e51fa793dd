package directory

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

const someKeys = "known here: name, email, groups, disabled, attributes, displayName, givenName, familyName, department, title, phone, locale, employeeNumber"
const someColumns = "known here: name, email, groups, disabled, displayName, givenName, familyName, department, title, phone, locale, employeeNumber"

func TestWhatIsWrongWithADocument(t *testing.T) {
	const quoted = "write the value itself, in quotes if it begins with !, & or *"
	tests := []struct {
		name, content string
		want          []string
	}{
		{"a good one", household, nil},
		{"nobody", "people: []", nil},
		{"nothing", "", []string{"1:1: the file is empty (begin with people:)"}},
		{"nothing but a comment", "# soon", []string{"1:1: the file is empty (begin with people:)"}},
		{"nothing but groups", "groups: []", []string{"1:1: people is missing (begin with people:)"}},
		{"a list", "- name: mum", []string{"1:1: must be a map with the keys people, groups"}},
		{"people without value", "people:", []string{"1:8: must be a list of people (begin each with a hyphen: - name: mum)"}},
		{"people as a map", "people: {mum: x}", []string{"1:9: must be a list of people (begin each with a hyphen: - name: mum)"}},
		{"broken YAML", "people:\n  - name: [mum", []string{"1:1: not valid YAML: did not find expected ',' or ']'"}},
		{"an alias of nothing", "people: *mum", []string{"1:1: not valid YAML: unknown anchor"}},
		{"not UTF-8", "people:\n  - name: m\xfcm", []string{"2:12: the file is not UTF-8 (save it as UTF-8: \"CSV UTF-8\" in Excel, or iconv -f WINDOWS-1252 -t UTF-8)"}},
		{"two documents", "people: []\n---\npeople: []", []string{"2:1: a second document begins here (leave out the line ---)"}},
		{"broken YAML in a second document", "people: []\n---\n[", []string{"3:1: not valid YAML: did not find expected node content"}},
		{"keys that there are not", "poeple: []\npeople:\n- {name: a, emial: a@b.c, Groups: [], zzzzzzzz: 1}", []string{
			"1:1: unknown key (did you mean people?)", "3:13: unknown key (did you mean email?)", "3:27: unknown key (did you mean groups?)",
			"3:39: unknown key (" + someKeys + ")"}},
		{"a key twice", "people:\n- {name: a, name: b}", []string{"2:13: this key is given twice"}},
		{"all at once", "people:\n- email: a\n- name: ' b'\n  email: [c@example.org, C@example.org, '']\n  groups: [x, x, 'y ']\n- {name: c, disabled: yes}\n- {name: C, groups: x}", []string{
			"2:3: the name is missing", "2:10: this is no e-mail address",
			"3:9: the name begins or ends with a blank", "4:26: this person has the address already", "4:41: the value is empty (leave out the key, or write one)",
			"5:15: this person is in the group already", "5:18: the group begins or ends with a blank",
			"6:23: must be true or false", "7:10: the person in line 6 has this name, up to upper and lower case (names tell people apart)",
			"7:21: must be a list of groups"}},
		{"no values", "people:\n- {name: , email: null, groups: [~], phone: '', disabled: }", []string{
			"2:10: there is no value (leave out the key, or write one)", "2:45: the value is empty (leave out the key, or write one)"}},
		{"no values of somebody with a name", "people:\n- {name: a, email: null, groups: [~], phone: '', disabled: , attributes: }", []string{
			"2:20: there is no value (leave out the key, or write one)", "2:35: there is no value (leave out the key, or write one)",
			"2:46: the value is empty (leave out the key, or write one)", "2:60: must be true or false",
			"2:74: must be a map of names and values"}},
		{"maps and lists for texts", "people:\n- {name: [a]}\n- {name: b, title: {c: d}, email: {}, groups: [[x]]}\n- c", []string{
			"2:10: must be a text", "3:20: must be a text", "3:35: must be a text", "3:48: must be a text",
			"4:3: must be a map with the keys " + strings.TrimPrefix(someKeys, "known here: ")}},
		{"anchors, aliases and tags", "people:\n- &a {name: mum}\n- *a\n- name: !!str b\n  <<: {phone: 1}\n- {name: c, title: &t x, phone: *t}", []string{
			"2:3: anchors, aliases and tags are not used here (" + quoted + ")", "3:3: anchors, aliases and tags are not used here (" + quoted + ")",
			"4:9: anchors, aliases and tags are not used here (" + quoted + ")", "5:3: must be a plain key",
			"6:20: anchors, aliases and tags are not used here (" + quoted + ")", "6:33: anchors, aliases and tags are not used here (" + quoted + ")"}},
		{"a group that is not listed", "groups: [family, family]\npeople:\n- {name: a, groups: [familly]}", []string{
			"1:18: this group is listed already", "3:22: no such group is listed under groups"}},
		{"groups that are no list", "groups: family\npeople: []", []string{"1:9: must be a list of the groups that there are"}},
		{"attributes", "people:\n- {name: a, attributes: {x: 1, X: 2, 'a b': 3, y: , z: [1, ''], w: {v: 1}}}", []string{
			"2:32: this attribute is given twice, up to upper and lower case",
			"2:38: the name of an attribute must be letters, digits, dots, _ and -, at most 64",
			"2:51: there is no value (leave out the key, or write one)", "2:60: the value is empty (leave out the key, or write one)",
			"2:68: must be a text"}},
		{"what cannot be seen", "people:\n- {name: \"m\\u202em\", title: \"a\\nb\", phone: \"\ufffd\"}", []string{
			"2:10: the name holds a character that cannot be seen or could not be decoded",
			"2:29: title holds a character that cannot be seen or could not be decoded",
			"2:44: phone holds a character that cannot be seen or could not be decoded"}},
		{"too much", "people:\n- {name: " + strings.Repeat("a", 1025) + "}\n- {name: b, groups: [" + strings.Repeat("x,", 1001) + "]}", []string{
			"2:10: the name is longer than 1024 bytes", "3:2022: more than 1000 groups"}},
		{"more addresses and attributes than anybody has", "people:\n- name: a\n  email: [" + strings.Repeat("x,", 101) + "]\n  attributes:\n" + numbered("    a%d: 1\n", 105), []string{
			"3:211: more than 100 addresses", "105:5: more than 100 attributes"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			all, found := parseYAML([]byte(tt.content))
			wrong(t, found, tt.want)
			if (all == nil) != (tt.want != nil) {
				t.Errorf("people %v", all)
			}
		})
	}
}

// numbered repeats a line with numbers from 0.
func numbered(line string, times int) string {
	var b strings.Builder
	for i := range times {
		fmt.Fprintf(&b, line, i)
	}
	return b.String()
}

func wrong(t *testing.T, found []finding, want []string) {
	t.Helper()
	problems("", found) // sorts
	if diff := cmp.Diff(want, lines(found)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsWrongWithATable(t *testing.T) {
	tests := []struct {
		name, content string
		want          []string
	}{
		{"a good one", "name,email,groups,disabled,attributes.shell\nmum,mum@gmail.com,a;b,,/bin/sh\nkid,,,true,\n", nil},
		{"as a spreadsheet writes it", "\ufeffname,email\r\nmum,mum@gmail.com\r\n", nil},
		{"nobody", "name,email\n", nil},
		{"nothing", "", []string{"1:1: the file is empty (begin with a line like name,email,groups)"}},
		{"a separator that nobody uses", "sep=x\nnamexemail", []string{"1:1: unknown column (known here: name, email, groups, disabled, displayName, givenName, familyName, department, title, phone, locale, employeeNumber; a column of your own is called attributes.NAME)",
			"1:1: there is no column called name"}},
		{"a mistake below a separator", "sep=;\nname;email\nmum;mum", []string{"3:5: this is no e-mail address"}},
		{"columns that there are not", "emial,disabeld,Groups,zzzzzzzz,\n", []string{
			"1:1: unknown column (did you mean email?; a column of your own is called attributes.NAME)",
			"1:1: there is no column called name",
			"1:7: unknown column (did you mean disabled?; a column of your own is called attributes.NAME)",
			"1:16: unknown column (did you mean groups?; a column of your own is called attributes.NAME)",
			"1:23: unknown column (" + someColumns + "; a column of your own is called attributes.NAME)",
			"1:32: unknown column (" + someColumns + "; a column of your own is called attributes.NAME)"}},
		{"columns twice", "name,email,email,attributes.a,attributes.A,attributes.\n", []string{
			"1:12: this column is given twice", "1:31: this attribute is given twice, up to upper and lower case",
			"1:44: the name of an attribute must be letters, digits, dots, _ and -, at most 64"}},
		{"all at once", "name,email,groups,disabled\n,a@b.c,,\nmum, mum@gmail.com,x;;x,yes\nMUM,mum,\"a\nb\",\nkid,\n", []string{
			"2:1: the name is missing", "3:5: the address begins or ends with a blank", "3:20: the group is empty", "3:20: this person is in the group already",
			"3:25: must be true or false, or empty, which is false", "4:1: the person in line 3 has this name, up to upper and lower case (names tell people apart)",
			"4:5: this is no e-mail address", "4:9: the group holds a character that cannot be seen or could not be decoded",
			"6:1: this line has more or fewer columns than the header"}},
		{"columns count characters", "name,email\nmüüm,mum@\n", []string{"2:6: this is no e-mail address"}},
		{"a quote too many", "name,email\nmüm,\"mum\"@gmail.com\n", []string{
			`2:9: a quote is missing, or one is too many (a value with quotes in it is written "...", each quote in it twice)`}},
		{"a quote that is missing", "name\n\"mum\n", []string{
			`2:5: a quote is missing, or one is too many (a value with quotes in it is written "...", each quote in it twice)`}},
		{"more columns than anybody needs", "name" + strings.Repeat(",a", 120), []string{"1:204: more than 100 columns"}},
		{"not UTF-8", "name\nm\xfcm", []string{"2:2: the file is not UTF-8 (save it as UTF-8: \"CSV UTF-8\" in Excel, or iconv -f WINDOWS-1252 -t UTF-8)"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			all, found := parseCSV([]byte(tt.content))
			wrong(t, found, tt.want)
			if (all == nil) != (tt.want != nil) {
				t.Errorf("people %v", all)
			}
		})
	}
}

func TestNoMoreThanFiftyFindingsAreTold(t *testing.T) {
	_, found := parseYAML([]byte("people:\n" + strings.Repeat("- {}\n", 60)))
	got := problems("people.yaml", found)
	if len(got) != 51 || got[0].Message != "people.yaml:2:3: the name is missing" || got[50].Message != "people.yaml: and 10 more like these" {
		t.Errorf("%d: %v ... %v", len(got), got[0], got[len(got)-1])
	}
}

func FuzzYAML(f *testing.F) {
	for _, s := range []string{household, "", "people: []", "people: [{name: a, <<: *b}]", "people: &a [*a]", "? [a]\n: b", "people:\n- {name: \xff}", "# x", "---\n---\n", "%YAML 1.2"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { hold(t, data, parseYAML) })
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{"name,email,groups,disabled,attributes.x\nmum,a@b,c;d,true,y\n", "", "name\n\"a\"\"b\"", "name\r\n\r\na\r\n", "\ufeffname\na", "name,\"email\na", "name\n\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { hold(t, data, parseCSV) })
}

// hold checks what holds for every file.
func hold(t *testing.T, data []byte, parse parser) {
	all, found := parse(data)
	if (all == nil) != (len(found) > 0) {
		t.Fatalf("people %v with %v", all != nil, lines(found))
	}
	length := 2
	for _, lineBreak := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029"} { // as YAML 1.1 counts lines
		length += strings.Count(string(data), lineBreak)
	}
	for _, f := range found {
		if f.line < 1 || f.line > length || f.column < 1 || f.message == "" {
			t.Errorf("finding %+v in %d lines", f, length)
		}
	}
	if all == nil {
		return
	}
	if len(all.byName) != len(all.list) {
		t.Errorf("%d names of %d people", len(all.byName), len(all.list))
	}
	for i, p := range all.list {
		answer := all.answer([]int{all.byName[p.facts.Name]})
		if all.byName[p.facts.Name] != i || answer.Found == p.disabled || answer.Found != (answer.Problem == "") {
			t.Errorf("person %d: %+v", i, answer)
		}
		for _, text := range append(fmt.Append(nil, p.facts.Name), p.facts.Title...) {
			if text < ' ' {
				t.Errorf("person %d holds a control character", i)
			}
		}
	}
}

func TestTablesOfSpreadsheets(t *testing.T) {
	plain := "name,email,groups\nmum,mum@gmail.com,a;b\n"
	want, found := parseCSV([]byte(plain))
	if len(found) > 0 {
		t.Fatal(lines(found))
	}
	for name, text := range map[string]string{
		"semicolons":                "name;email;groups\r\nmum;mum@gmail.com;\"a;b\"\r\n",
		"tabs":                      "name\temail\tgroups\nmum\tmum@gmail.com\ta;b\n",
		"a mark":                    "\ufeff" + plain,
		"a separator":               "sep=;\r\nname;email;groups\r\nmum;mum@gmail.com;\"a;b\"\r\n",
		"a mark and a separator":    "\ufeffsep=,\n" + plain,
		"a separator of the header": "sep=\t\nname\temail\tgroups\nmum\tmum@gmail.com\ta;b",
	} {
		got, found := parseCSV([]byte(text))
		if len(found) > 0 {
			t.Errorf("%s: %v", name, lines(found))
			continue
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(people{}, person{}), cmp.Comparer(sameAddresses)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	utf16 := "\xff\xfe"
	for _, r := range plain {
		utf16 += string([]byte{byte(r), 0})
	}
	c := sdktest.Start(t, Plugin(), Config{File: write(t, "people.csv", utf16)})
	if found, _, err := c.Lookup(t.Context(), Params{Name: "mum"}, nil); !found || err != nil {
		t.Errorf("UTF-16: %v", err)
	}
}
