package replay

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// expiring is a configuration with a step that is over, and its rule set.
func expiring(t *testing.T, more string) (file string, set *compile.Set) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "c.yaml")
	text := "listen: unix:///run/c.sock\npipeline:\n  - until: 2026-01-31\n    set: {day: now.day}\n" + more
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	set, problems := loadOffline(t.Context(), file, compile.Options{})
	if set == nil {
		t.Fatal(problems.List)
	}
	return file, set
}

// recorded is a request of the first month of 2026.
func recorded(t *testing.T) *journal.Request {
	t.Helper()
	req := &hookv1.ExtendPayloadRequest{
		Payload: []byte(`{"sub":"a"}`), Identity: &hookv1.Identity{UserId: "7"}, ConnectorId: "g", ClientId: "a", Audience: []string{"a"},
		Stage: hookv1.Stage_STAGE_TOKEN, TokenKinds: []hookv1.TokenKind{hookv1.TokenKind_TOKEN_KIND_ID}, GrantType: "authorization_code",
	}
	wire, err := proto.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	return &journal.Request{ID: "0000-0000", At: time.Date(2026, 1, 7, 12, 30, 5, 0, time.UTC), Outcome: "patched", Wire: wire, Request: req}
}

func TestARecordedRequestIsDecidedAsOfItsTime(t *testing.T) {
	_, set := expiring(t, "")
	r := recorded(t)
	t.Run("explain", func(t *testing.T) {
		e, _, err := Replay(t.Context(), set, r, "")
		if err != nil || !strings.Contains(string(e.Tokens[0].Claims), `"day":"2026-01-07"`) {
			t.Errorf("%+v, %v", e, err)
		}
	})
	t.Run("diff", func(t *testing.T) {
		trial := trialOf(r)
		out := trial.outcome(t.Context(), set, pipeline.StageToken)
		if day, _ := out.tokens[pipeline.KindID].Get("day"); string(day) != `"2026-01-07"` {
			t.Errorf("%+v", out)
		}
	})
	t.Run("a test made of it", func(t *testing.T) {
		yaml, note, err := TestCase(t.Context(), set, r, NewPseudonyms(""))
		if err != nil || note != "" || !strings.Contains(yaml, "\n      now: 2026-01-07T12:30Z\n") || !strings.Contains(yaml, `day: "2026-01-07"`) {
			t.Errorf("%v, %s\n%s", err, note, yaml)
		}
		file, _ := expiring(t, "tests:\n"+yaml)
		report, err := Test(t.Context(), file, compile.Options{})
		if err != nil || report.Failed() > 0 {
			t.Errorf("%v, %+v", err, report)
		}
	})
	t.Run("a test made of it where no rule reads time", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(file, []byte("listen: unix:///run/c.sock\npipeline:\n  - set: {day: client.id}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		set, _ := loadOffline(t.Context(), file, compile.Options{})
		if yaml, _, err := TestCase(t.Context(), set, r, NewPseudonyms("")); err != nil || strings.Contains(yaml, "now:") {
			t.Errorf("%v\n%s", err, yaml)
		}
	})
}

// A test says when it is, and without that it is the same day everywhere.
func TestATestIsComparedAsOfItsTime(t *testing.T) {
	const tests = "tests:\n  - name: no time\n    given: {client: a, connector: g}\n    want: {claims: {day: \"2026-01-01\"}}\n"
	before, _ := expiring(t, tests)
	after, _ := expiring(t, "  - set: {later: now.day}\n"+tests)
	d, err := Diff(t.Context(), before, after, compile.Options{}, DiffOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := d.Render(&text); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), `later`) || strings.Contains(text.String(), time.Now().UTC().Format("2006-01-02")) || !strings.Contains(text.String(), "2026-01-01") {
		t.Error(text.String())
	}
}
