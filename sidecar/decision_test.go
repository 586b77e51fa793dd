package sidecar_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

var changing = []struct {
	pattern *regexp.Regexp
	mask    string
}{
	{regexp.MustCompile(`"time":"[^"]*"`), `"time":"T"`},
	{regexp.MustCompile(`"decision_id":"[^"]*"`), `"decision_id":"ID"`},
	{regexp.MustCompile(`"(took_ms|age_ms)":[\d.]+`), `"$1":0`},
	{regexp.MustCompile(`/tmp/cs-\d+/`), ""},
	{words, "(words ID)"},
}

// words stand in an error in the place of what a plugin said.
var words = regexp.MustCompile(`\(words [0-9A-Z]{6}\)`)

// masked is a line of the log without what is another each time.
func masked(line string) string {
	for _, c := range changing {
		line = c.pattern.ReplaceAllString(line, c.mask)
	}
	return line
}

// The decision line is what help desks and the demo read: keys and their order stay as they are.
func TestTheDecisionLine(t *testing.T) {
	const head = `{"time":"T","level":"INFO","msg":"decision","decision_id":"ID","request_id":"r1",`
	const asked = `"client_id":"synology","connector_id":"google","stage":"token","grant":"authorization_code",`
	const patched = head + asked + `"outcome":"patched","claims":[` +
		`{"claim":"username","op":"set","rule":"c.yaml:13","facts":["nas.name"]},` +
		`{"claim":"groups","op":"set","rule":"c.yaml:13","facts":["nas.groups"]},` +
		`{"claim":"name","op":"remove","rule":"c.yaml:14"}],`
	tests := []struct {
		name string
		req  *hookv1.ExtendPayloadRequest
		want string
	}{
		{
			name: "facts from the plugin", req: signIn("mum@gmail.com"),
			want: patched + `"facts":[{"lookup":"nas","source":"plugin","age_ms":0,"took_ms":0}],"took_ms":0}`,
		},
		{
			name: "facts from the cache", req: with(signIn("mum@gmail.com"), func(r *hookv1.ExtendPayloadRequest) { r.RequestId = "r2" }),
			want: strings.Replace(patched, "r1", "r2", 1) + `"facts":[{"lookup":"nas","source":"cache","age_ms":0,"took_ms":0}],"took_ms":0}`,
		},
		{
			name: "a refusal, at login",
			req: with(signIn("nobody@gmail.com"), func(r *hookv1.ExtendPayloadRequest) {
				r.Stage, r.GrantType = hookv1.Stage_STAGE_LOGIN, ""
			}),
			want: head + `"client_id":"synology","connector_id":"google","stage":"login","grant":"","outcome":"denied","rule":"c.yaml:12",` +
				`"facts":[{"lookup":"nas","source":"plugin","age_ms":0,"took_ms":0}],"took_ms":0}`,
		},
		{
			name: "a lookup that fails", req: signIn("broken@gmail.com"),
			want: strings.Replace(head, "INFO", "WARN", 1) + asked + `"outcome":"failed","rule":"c.yaml:9","code":"Unavailable",` +
				`"err":"pipeline[0].steps[0]: plugin nas: lookup: unavailable (words ID)",` +
				`"facts":[{"lookup":"nas","source":"failed","age_ms":0,"took_ms":0,"err":"plugin nas: lookup: unavailable (words ID)"}],"took_ms":0}`,
		},
		{
			name: "a request that makes no sense", req: with(signIn("mum@gmail.com"), func(r *hookv1.ExtendPayloadRequest) { r.Payload = []byte("[]") }),
			want: strings.Replace(head, "INFO", "WARN", 1) + asked + `"outcome":"failed","code":"InvalidArgument","err":"read the payload: payload is not a JSON object","took_ms":0}`,
		},
		{
			name: "a client without rules",
			req: with(signIn("mum@gmail.com"), func(r *hookv1.ExtendPayloadRequest) {
				r.ClientId, r.Audience = "wiki", []string{"wiki"}
			}),
			want: head + `"client_id":"wiki","connector_id":"google","stage":"token","grant":"authorization_code","outcome":"unchanged","took_ms":0}`,
		},
	}
	r := serve(t, household)
	client := r.client()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := len(r.log.String())
			_, _ = client.ExtendPayload(t.Context(), test.req) // what it answers is tested elsewhere
			var lines []string
			for line := range strings.Lines(r.log.String()[before:]) {
				if strings.Contains(line, `"msg":"decision"`) {
					lines = append(lines, masked(line))
				}
			}
			if diff := cmp.Diff([]string{test.want + "\n"}, lines); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	nothingPersonal(t, r.log.String())
}

// nothingPersonal looks for what tests put into requests and facts.
func nothingPersonal(t *testing.T, log string) {
	t.Helper()
	log = regexp.MustCompile(`"(request|decision)_id":"[^"]*"`).ReplaceAllString(log, "") // some are random letters
	for line := range strings.Lines(log) {
		if found := regexp.MustCompile(`(?i)gmail|mum|108a|CgQ`).FindString(line); found != "" {
			t.Errorf("the log holds %q: %s", found, line)
		}
	}
}
