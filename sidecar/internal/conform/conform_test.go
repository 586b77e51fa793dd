package conform

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMain lets the test binary be the plugins that its tests start.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "as-plugin" {
		playPlugin(os.Args[2])
	}
	os.Exit(m.Run())
}

// trial is a plugin that behaves as mode says, and good questions for it.
func trial(t *testing.T, mode string) Options {
	t.Helper()
	tmp, err := os.MkdirTemp("", "c") // t.TempDir is too long a path for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(tmp) })
	return Options{
		Dir:     tmp,
		Command: []string{os.Args[0], "as-plugin", mode}, Timeout: 3 * time.Second, Calls: 400,
		Config: json.RawMessage(`{"url":"https://example.org"}`),
		Known:  json.RawMessage(`{"name":"ada@example.org"}`), Facts: json.RawMessage(`{"name":"ada","n":9007199254740993}`),
		Unknown: json.RawMessage(`{"name":"nobody@example.org"}`), Slow: json.RawMessage(`{"name":"slow"}`),
	}
}

func run(t *testing.T, o Options) *Report {
	t.Helper()
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(o.Dir); err != nil || len(left) > 0 {
		t.Errorf("it left %v behind (%v)", left, err)
	}
	return r
}

// ids are those of the checks with an outcome.
func ids(r *Report, o Outcome) (found []string) {
	for _, c := range r.Checks {
		if c.Outcome == o {
			found = append(found, c.ID)
		}
	}
	return found
}

func TestAGoodPluginKeepsAllOfTheContract(t *testing.T) {
	for name, noTLS := range map[string]bool{"with TLS": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			o := trial(t, "recording")
			o.NoTLS = noTLS
			r := run(t, o)
			var text strings.Builder
			_ = r.Render(&text)
			var untried []string
			if noTLS {
				untried = []string{"tls"}
			}
			if diff := cmp.Diff(untried, ids(r, Untried)); diff != "" || r.Failed() > 0 || len(ids(r, Warning)) > 0 {
				t.Errorf("%s\n%s", diff, text.String())
			}
			if r.Plugin != "played" || r.Version != "1" {
				t.Errorf("it is %s %s", r.Plugin, r.Version)
			}
		})
	}
}

func TestWhatIsNotGivenIsNotTried(t *testing.T) {
	o := trial(t, "good")
	o.Known, o.Facts, o.Unknown, o.Slow = nil, nil, nil, nil
	r := run(t, o)
	if diff := cmp.Diff([]string{"known", "slow"}, ids(r, Untried)); diff != "" || r.Failed() > 0 {
		t.Error(diff)
	}
}

// varying is what holds another number each time.
var (
	varying = regexp.MustCompile(`it grew from .*|printed \d+ lines|\d+ lines are`)
	digits  = regexp.MustCompile(`\d+`)
)

func TestABrokenPluginIsToldWhatItBroke(t *testing.T) {
	for _, tt := range breaches {
		t.Run(tt.mode, func(t *testing.T) {
			t.Parallel()
			r := run(t, trial(t, tt.mode))
			var got []string
			for _, c := range r.Checks {
				if c.Outcome == Broken || c.Outcome == Warning {
					got = append(got, c.ID+": "+varying.ReplaceAllStringFunc(c.Detail, func(s string) string { return digits.ReplaceAllString(s, "N") }))
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestACommandThatIsNotThereIsNotThePluginsDoing(t *testing.T) {
	o := trial(t, "good")
	o.Command = []string{"/nonexistent/plugin"}
	_, err := Run(t.Context(), o)
	if want := "start the plugin: fork/exec /nonexistent/plugin: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestReportsAreForPeopleAndForMachines(t *testing.T) {
	r := &Report{Plugin: "played", Version: "1", Checks: []Check{
		{ID: "a", Name: "the first", Outcome: Kept, Detail: "12 MiB"},
		{ID: "b", Name: "the second", Outcome: Broken, Detail: "it did not", Hint: "do it"},
		{ID: "c", Name: "the third", Outcome: Warning, Detail: "hm"},
		{ID: "d", Name: "the fourth", Outcome: Untried, Detail: "not given"},
	}}
	var text strings.Builder
	if err := r.Render(&text); err != nil {
		t.Fatal(err)
	}
	want := `played 1

ok    the first (12 MiB)
FAIL  the second
      it did not
      hint: do it
warn  the third
      hm
--    the fourth
      not given

1 kept, 1 broken, 1 to look at, 1 not tried
`
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Error(diff)
	}
	got, err := json.Marshal(Report{Checks: r.Checks[1:2]})
	if err != nil {
		t.Fatal(err)
	}
	wantJSON := `{"plugin":"","version":"","checks":[{"id":"b","name":"the second","outcome":"broken","detail":"it did not","hint":"do it"}]}`
	if diff := cmp.Diff(wantJSON, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsTooShortToBeLookedForIsSaid(t *testing.T) {
	values, short := texts([]byte(`{"name":"ada","mail":["ada@example.org",""],"n":1}`))
	if diff := cmp.Diff([]string{"ada@example.org"}, values); diff != "" || short != 1 {
		t.Errorf("%s, %d short", diff, short)
	}
	r := &runner{short: short}
	want := "of what it was asked, 1 value is too short to be looked for: ask with texts of 4 letters and more"
	if got := r.searched(kept("")); got.hint != want || got.outcome != Kept {
		t.Errorf("got %+v", got)
	}
}

func TestAPluginWithoutTLSIsToldHowItIsTried(t *testing.T) {
	const hint = "if it is declared with tls: off, write --tls off before its command"
	o := trial(t, "no-tls")
	checks := run(t, o).Checks
	if last := checks[len(checks)-1]; last.ID != "handshake" || last.Hint != hint {
		t.Errorf("got %+v", last)
	}
	_, err := Describe(t.Context(), o)
	want := "start the plugin: it offers no TLS: PLUGIN_CLIENT_CERT was set, and its handshake has no certificate\nhint: " + hint
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestDescribe(t *testing.T) {
	got, err := Describe(t.Context(), trial(t, "good"))
	if err != nil {
		t.Fatal(err)
	}
	want := &Description{Name: "played", Version: "1", Config: []byte(configSchema), Params: []byte(paramsSchema), Facts: []byte(factsSchema)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The page lists the checks in their order, in the words of reports.
func TestThePageOfTheProtocolListsTheChecks(t *testing.T) {
	page, err := os.ReadFile("../../../plugins/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| ([^|:]+?)(?::[^|]*)? \\|$").FindAllSubmatch(page[bytes.Index(page, []byte("## Trying it")):], -1) {
		listed = append(listed, string(m[1])+": "+string(m[2]))
	}
	o := trial(t, "good")
	o.Calls = 10_000
	r := run(t, o)
	var want []string
	for _, c := range r.Checks {
		want = append(want, c.ID+": "+c.Name)
	}
	want = append(want, "host: claimsmith takes it as it takes any plugin")
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Error(diff)
	}
}
