package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
)

// recordingConfig asks the plugin directory and records what it decides.
const recordingConfig = `listen: unix://DIR/run/hook.sock
budget: 10s
connectors: {google: {emailDomains: [gmail.com]}}
plugins: {people: {builtin: directory, config: {file: DIR/people.yaml}}}
state: {file: state.db, keyFile: key}
record: {max: 100}
pipeline:
  - {lookup: people, with: {email: identity.email}, cache: {ttl: 10m, maxStale: 24h}}
  - {name: only the family, deny: not people.found, message: 'Nobody has the address ${identity.email}.'}
  - {set: {username: people.name}}
`

func recordingHousehold(t *testing.T) (file string) {
	t.Helper()
	dir := shortDir(t)
	file = filepath.Join(dir, "claimsmith.yaml")
	write(t, file, []byte(strings.ReplaceAll(recordingConfig, "DIR", dir)))
	write(t, filepath.Join(dir, "people.yaml"), []byte("people: [{name: mum, email: mum@gmail.com}]\n"))
	write(t, filepath.Join(dir, "key"), []byte(strings.Repeat("0f", 32)))
	return file
}

var changing = []struct {
	pattern *regexp.Regexp
	mask    string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`), "WHEN"},
	{regexp.MustCompile(`(after|took) [0-9.]+(ns|µs|ms|s)\b`), "$1 T"},
	{regexp.MustCompile(`process \d+`), "process N"},
	{regexp.MustCompile(`\b(for|loaded|failed) \d+s\b`), "$1 Ns"},
	{regexp.MustCompile(`claimsmith +[^,\n]*, process`), "claimsmith     VERSION, process"},
	{regexp.MustCompile(`directory [^,\n]*, running`), "directory VERSION, running"},
	{regexp.MustCompile(`\b[0-9a-f]{12}\b`), "DIGEST"},
	{regexp.MustCompile(`confined: user \d+, as claimsmith, .*no processes.*256 descriptors`), "confined: CONFINEMENT"}, // by the kernel
}

// about runs a command about the sidecar of a file, and masks what is another each time.
func about(t *testing.T, file string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e strings.Builder
	code = run(append(args, "-c", file), strings.NewReader(""), &o, &e)
	mask := func(s string) string {
		s = strings.ReplaceAll(s, filepath.Dir(file)+"/", "")
		for _, c := range changing {
			s = c.pattern.ReplaceAllString(s, c.mask)
		}
		return s
	}
	return code, mask(o.String()), mask(e.String())
}

func TestTheCommandsAboutARunningSidecar(t *testing.T) {
	file := recordingHousehold(t)
	s := serve(t, file)
	request := mum(`{"sub":"a","aud":"synology","name":"Mum"}`)
	patched, err := s.client.ExtendPayload(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	request.Identity.Email = "x@gmail.com"
	refused, err := s.client.ExtendPayload(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	ids := strings.NewReplacer(patched.GetDecisionId(), "PATCHED", refused.GetDecisionId(), "REFUSED")
	tests := []struct {
		name string
		args []string
		code int
		out  string
		errs string
	}{
		{
			name: "status", args: []string{"status"},
			out: `claimsmith     VERSION, process N, serving for Ns
configuration  claimsmith.yaml, DIGEST, loaded Ns ago: 3 steps, 0 tests
plugins        people: directory VERSION, running, process N for Ns
                 confined: CONFINEMENT
decisions      1 patched, 0 unchanged, 1 denied, 0 failed
facts          people (people, claimsmith.yaml:8): up to 2d old
worst case     3d from an account being switched off to the end of the last token, which lives for 24h unless expiry.idTokens in Dex says otherwise
record         2 of 100 requests, for 7d; 0 not recorded
`,
		},
		{
			name: "why, for a patch", args: []string{"why", strings.ToLower(patched.GetDecisionId())},
			out: `PATCHED  WHEN  synology by google, token: patched
    username: set at claimsmith.yaml:10, from people.name: "mum"
    lookup people: from plugin, took T
`,
		},
		{
			name: "why, for a refusal", args: []string{"why", refused.GetDecisionId()},
			out: `REFUSED  WHEN  synology by google, token: denied at claimsmith.yaml:9
    Nobody has the address x@gmail.com.
    lookup people: from plugin, took T
`,
		},
		{
			name: "why, without an id", args: []string{"why"},
			out: `REFUSED  WHEN  synology by google, token: denied at claimsmith.yaml:9
PATCHED  WHEN  synology by google, token: patched
`,
		},
		{
			name: "explain, with values", args: []string{"explain", "--decision", refused.GetDecisionId()},
			out: `REFUSED  WHEN  synology by google, token: denied at claimsmith.yaml:9
✓ claimsmith.yaml:8  lookup people
      asked {"email":"x@gmail.com"}
      not found (none), from plugin, 0s old: {"attributes":[],"department":"","displayName":"","employeeNumber":"","familyName":"","givenName":"","groups":[],"locale":"","name":"","phone":"","title":""}
✓ claimsmith.yaml:9  deny  (only the family): refused
      people.found  → false

no token: refused by claimsmith.yaml:9
    Nobody has the address x@gmail.com.
took T
`,
		},
		{
			name: "a test of a recorded request", args: []string{"test", "--from-record", refused.GetDecisionId()},
			out: `  - name: "from decision REFUSED"
    given:
      client: "synology"
      connector: "google"
      identity: {email: "person1@gmail.com", emailVerified: true, userId: "subject1", username: "Person2"}
      scopes: ["openid"]
      grant: "authorization_code"
      stage: token
      facts:
        people: {found: false, problem: "none"}
    want: {denied: "Nobody has the address person1@gmail.com."}
`,
		},
		{
			name: "why, for nothing", args: []string{"why", "0000-0000"}, code: exitProblems,
			errs: "claimsmith: no decision 0000-0000: the last 1000 since the start are kept\n",
		},
		{
			name: "forget", args: []string{"forget", "x@gmail.com"},
			out: "erased: 1 recorded request, and 0 requests in memory\ndropped: 2 cached answers, in the store too\n",
		},
		{
			name: "forget, who is not known", args: []string{"forget", "x@gmail.com"}, code: exitProblems,
			errs: "claimsmith: nothing is known of this person: no request, no link and no cached fact\n" +
				"hint: a link that was made by hand may not know the address: claimsmith links list, then claimsmith links reset --account NAME\n",
		},
		{
			name: "forget the facts of who is not known", args: []string{"forget", "--facts", "x@gmail.com"},
			out: "erased: 0 recorded requests, and 0 requests in memory\ndropped: all cached facts of people, in the store too\n",
		},
		{
			name: "explain, without values", args: []string{"explain", "--decision", refused.GetDecisionId()},
			out: `REFUSED  WHEN  synology by google, token: denied at claimsmith.yaml:9
✓ claimsmith.yaml:8  lookup people, after T
✓ claimsmith.yaml:9  deny  (only the family): refused, after T

    lookup people: from plugin, took T
took T
note: The record does not have this request.
`,
		},
		{
			name: "reload", args: []string{"reload", "--fresh"},
			out: "claimsmith.yaml: DIGEST decides now: 3 steps, 0 tests\n",
		},
		{name: "forget, whom?", args: []string{"forget"}, code: exitUsage, errs: "claimsmith: forget needs one person: an address, or the user id at the connector\nhint: claimsmith forget --help\n"},
		{name: "why, two", args: []string{"why", "a", "b"}, code: exitUsage, errs: "claimsmith: why takes one decision id, not \"b\" too\nhint: claimsmith why --help\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			code, out, errs := about(t, file, test.args...)
			if diff := cmp.Diff([]string{fmt.Sprint(test.code), test.out, test.errs}, []string{fmt.Sprint(code), ids.Replace(out), errs}); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}

	write(t, file, []byte(strings.Replace(strings.ReplaceAll(recordingConfig, "DIR", filepath.Dir(file)), "people.name}", "people.nmae}", 1)))
	code, out, errs := about(t, file, "reload")
	const problem = `claimsmith.yaml:10:29: pipeline[2].set.username: unknown fact "nmae" of people
   10 |   - {set: {username: people.nmae}}
      |                             ^
hint: did you mean "name"?
`
	if code != exitProblems || out != "" || errs != problem+"claimsmith: the old configuration goes on serving\n" {
		t.Errorf("reload: %d %q\n%s", code, out, errs)
	}
	// The status is found although the file is wrong, and says so.
	if _, out, errs = about(t, file, "status"); !strings.Contains(out, "last reload    failed Ns ago, so the one above goes on: claimsmith.yaml:10:29: ") {
		t.Errorf("status: %s%s", out, errs)
	}
	// So it is although the file is no YAML any more, and what needs a new start is said.
	write(t, file, []byte(strings.ReplaceAll(recordingConfig, "DIR", filepath.Dir(file))+"foo: [\n"))
	if code, out, errs = about(t, file, "why"); code != 0 || strings.Count(out, "\n") != 2 {
		t.Errorf("why: %d %s%s", code, out, errs)
	}
	write(t, file, []byte(strings.ReplaceAll(recordingConfig, "DIR", filepath.Dir(file))+"metrics: {address: \"127.0.0.1:0\"}\n"))
	if code, out, errs = about(t, file, "reload"); code != 0 || out != "claimsmith.yaml: DIGEST decides now: 3 steps, 0 tests\nneeds a new start: metrics\n" {
		t.Errorf("reload: %d %s%s", code, out, errs)
	}
	if strings.Contains(s.log(), "gmail") {
		t.Errorf("the log holds an address:\n%s", s.log())
	}
}

func TestCommandsAboutASidecarThatDoesNotRun(t *testing.T) {
	file := plainConfig(t)
	for _, args := range [][]string{{"status"}, {"reload"}, {"why", "7K2M-Q9XD"}, {"explain", "--decision", "7K2M-Q9XD"}, {"forget", "x"}, {"test", "--from-record", "7K2M-Q9XD"}} {
		t.Run(args[0], func(t *testing.T) {
			code, out, errs := about(t, file, args...)
			if code != exitProblems || out != "" || errs != "claimsmith: no sidecar answers at run/admin.sock: is it running, and is it yours? no such file or directory\n" {
				t.Errorf("%d %q %q", code, out, errs)
			}
		})
	}
}

func TestAnIdThatDexMadeIsKnown(t *testing.T) {
	for _, args := range [][]string{{"why", "dex-nof3nqfl"}, {"explain", "--decision", "dex-nof3nqfl"}, {"test", "--from-record", "dex-nof3nqfl"}} {
		code, out, errs := about(t, "no/such.yaml", args...)
		const want = "claimsmith: the id dex-nof3nqfl was made by Dex, because the sidecar gave it no decision: look for it in the log of Dex\n"
		if code != exitProblems || out != "" || errs != want {
			t.Errorf("%s: %d %q %q", args[0], code, out, errs)
		}
	}
}

func TestWhereTheSidecarAnswersMayBeUnknown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "claimsmith.yaml")
	write(t, file, []byte("foo: [\n"))
	code, out, errs := about(t, file, "status")
	const want = "claimsmith: the configuration does not say where the sidecar answers: claimsmith.yaml:1:1: this line does not fit what is above it\n" +
		"hint: --socket names its admin socket\n"
	if code != exitProblems || out != "" || errs != want {
		t.Errorf("%d %q %q", code, out, errs)
	}
}

func TestStatusTellsWhatIsWrong(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	ago := func(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(now.Add(-d)) }
	st := &adminv1.StatusResponse{
		Version: "v1.0.0", Pid: 7, NeedsRestart: []string{"metrics", "record"}, Started: ago(50 * time.Hour),
		Configuration: &adminv1.Configuration{File: "c.yaml", Digest: "0123456789ab", Loaded: ago(90 * time.Minute), Steps: 1, Tests: 2},
		FailedReload:  &adminv1.FailedReload{Time: ago(61 * time.Second), Reason: "c.yaml:1:1: no", Rendered: "c.yaml:1:1: no\n    1 | x\n"},
		Plugins: []*adminv1.Plugin{
			{Name: "a", Is: "synology", Version: "1", State: "running", Pid: 8, Since: ago(time.Second), Restarts: 1, LastCrash: "signal: killed",
				Confinement: "user 64001, its own"},
			{Name: "b", Is: "ldap", Version: "2", State: "down", Restarts: 4, Failing: "look up: nobody listens", FailingSince: ago(90 * time.Second)},
			{Name: "c", Is: "http", Version: "3", State: "down", LastCrash: "signal: killed, and it does not start again: its digest is another"},
		},
		Lookups:   []*adminv1.Lookup{{Name: "a", Plugin: "a", Place: "c.yaml:3"}, {Name: "x", Plugin: "b", Place: "c.yaml:4", WorstStaleness: durationpb.New(90 * time.Second)}},
		LinksLost: ago(2 * time.Hour),
		Record:    &adminv1.Record{Max: 5, MaxAge: durationpb.New(time.Hour), Dropped: 3, Err: "nobody answers"},
		Shadow:    &adminv1.Shadow{File: "d.yaml", Digest: "ba9876543210", Loaded: ago(time.Minute), Same: 9, Changes: map[string]int64{"refused": 1, "claims": 2}},
	}
	const want = `claimsmith     v1.0.0, process 7, serving for 2d2h
configuration  c.yaml, 0123456789ab, loaded 1h30m ago: 1 step, 2 tests
               needs a new start: metrics, record
last reload    failed 1m1s ago, so the one above goes on: c.yaml:1:1: no
    c.yaml:1:1: no
        1 | x
links          lost, known for 2h: nobody is linked at a first sign-in until claimsmith links accept --complete or reset --all
plugins        a: synology 1, running, process 8 for 1s, restarted once, the last time after: signal: killed
                 confined: user 64001, its own
               b: ldap 2, down, restarted 4 times
                 failing for 1m30s: look up: nobody listens
               c: http 3, down, its last crash: signal: killed, and it does not start again: its digest is another
decisions      0 patched, 0 unchanged, 0 denied, 0 failed
facts          a (a, c.yaml:3): asked for each time
               x (b, c.yaml:4): up to 1m30s old
record         0 of 5 requests, for 1h; 3 not recorded
               it cannot be read: nobody answers
shadow         d.yaml, ba9876543210, for 1m: 9 alike, 2 claims, 1 refused, 0 not comparable, 0 left out
`
	if diff := cmp.Diff(want, statusText(st, now)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
