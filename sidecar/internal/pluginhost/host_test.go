package pluginhost

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

func sortedWords(words []string) string {
	return strings.Join(slices.Sorted(slices.Values(words)), " ")
}

func TestAPluginAnswers(t *testing.T) {
	for _, tls := range []string{confine.TLSAuto, confine.TLSOff, ""} {
		t.Run("tls "+tls, func(t *testing.T) {
			d := playing("good")
			d.TLS = tls
			p := start(t, newTestHost(t, Options{}), d)
			answer, err := p.Asker(answers.Policy{}).Ask(within(t, 10*time.Second), question(`{"email":"mum@gmail.com"}`))
			if err != nil {
				t.Fatal(err)
			}
			want := &pipeline.Answer{Found: true, Facts: map[string]any{"name": "mum", "groups": []string{"users"}}, Size: len(`{"groups":["users"],"name":"mum"}`), Source: "plugin"}
			if diff := cmp.Diff(want, answer); diff != "" {
				t.Error(diff)
			}
			if s := p.Status(); s.State != Running || s.PID == 0 || s.PID != p.PID() {
				t.Errorf("status %+v", s)
			}
		})
	}
}

func TestAPluginWithoutTLSMayBeUsedIfThatIsSaid(t *testing.T) {
	d := playing("no-tls")
	d.TLS = confine.TLSOff
	p := start(t, newTestHost(t, Options{}), d)
	if _, err := p.Asker(answers.Policy{}).Ask(within(t, 10*time.Second), question(`{"email":"mum@gmail.com"}`)); err != nil {
		t.Error(err)
	}
}

func TestProblemsOfAConfiguration(t *testing.T) {
	h := newTestHost(t, Options{})
	p, err := h.Start(t.Context(), playing("picky"))
	if err != nil {
		t.Fatal(err)
	}
	found, err := p.Configure(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	want := []Problem{{Path: "url", Message: "is not reachable", Hint: "plug it in"}, {Message: "and more"}}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
}

func TestCheckOnlyConfiguresNothing(t *testing.T) {
	h := newTestHost(t, Options{})
	p, err := h.Start(t.Context(), playing("good"))
	if err != nil {
		t.Fatal(err)
	}
	if found, err := p.Configure(t.Context(), true); len(found) > 0 || err != nil {
		t.Fatal(found, err)
	}
	_, err = p.Asker(answers.Policy{}).Ask(t.Context(), question(`{"email":"a@b.c"}`))
	if want := "plugin nas: lookup: failed precondition: not configured"; err == nil || h.Reveal(err.Error()) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAFailedLookup(t *testing.T) {
	tests := []struct {
		mode string
		want string
		is   error
	}{
		{"refusing", "plugin nas: lookup: unavailable: GET https://nas/?q=… for …", nil},
		{"lying", "plugin nas: lookup: its answer: facts that are not in the schema: name: must be a string, not a list", nil},
		{"lying-found", "plugin nas: lookup: its answer: found and a problem at once", nil},
		{"lying-problem", "plugin nas: lookup: its answer: the problem is not one word", nil},
		{"lying-age", "plugin nas: lookup: its answer: the age is out of range", nil},
		{"lying-size", "plugin nas: lookup: resource exhausted: grpc: received message larger than max (5242910 vs. 4194304)", nil},
		{"hang-call", "plugin nas: lookup: no answer in time", context.DeadlineExceeded},
		{"frozen", "plugin nas: lookup: no answer in time", context.DeadlineExceeded},
		{"crash-loop", "plugin nas: down: it does not stay up, and is started again after a pause", ErrDown},
	}
	for _, tt := range tests {
		t.Run(tt.mode, func(t *testing.T) {
			h := newTestHost(t, Options{CallTimeout: 10 * time.Second})
			if tt.is == context.DeadlineExceeded {
				h.o.CallTimeout = 200 * time.Millisecond
			}
			p := start(t, h, playing(tt.mode))
			_, err := p.Asker(answers.Policy{}).Ask(t.Context(), question(`{"email":"mum@gmail.com"}`))
			for i := 0; tt.mode == "crash-loop" && !errors.Is(err, ErrDown) && i < patience; i++ {
				// A crash that is mended at once is told as itself; a later question finds the plugin down.
				_, err = p.Asker(answers.Policy{}).Ask(t.Context(), question(`{"email":"mum@gmail.com"}`))
			}
			if err == nil || h.Reveal(err.Error()) != tt.want || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestNoValueIsLogged(t *testing.T) {
	for _, mode := range []string{"chatty", "panic", "panic-value", "refusing", "lying", "lying-problem", "good"} {
		t.Run(mode, func(t *testing.T) {
			log, raw := &logBuffer{}, &logBuffer{}
			h := newTestHost(t, Options{Log: log.logger(), Stderr: raw})
			p := start(t, h, playing(mode))
			_, err := p.Asker(answers.Policy{}).Ask(within(t, 20*time.Second), question(`{"email":"mum@gmail.com"}`))
			if err != nil && strings.Contains(err.Error(), "mum") {
				t.Errorf("the error holds a value: %v", err)
			}
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(log.String(), "mum") {
				t.Errorf("the log holds a value:\n%s", log)
			}
			if mode == "chatty" {
				checkChatter(t, p, log.String(), raw.String())
			}
			if last := h.Reveal(p.Status().Last); mode == "panic" && !strings.Contains(last, "Lookup.func1") {
				t.Errorf("the status does not tell where: %s", last)
			}
		})
	}
}

func checkChatter(t *testing.T, p *Plugin, log, raw string) {
	t.Helper()
	want := `level=WARN msg="the plugin logged warnings: claimsmith plugin status shows them" plugin=nas warnings=1`
	if !strings.Contains(log, want) || strings.Contains(log, "slow") {
		t.Errorf("the log does not count the warning, or quotes it:\n%s", log)
	}
	if said := p.Said(); len(said) != 1 || said[0].Text != "WARN the NAS is slow plugin=me took_ms=9007199254740993" {
		t.Errorf("kept: %+v", said)
	}
	for _, want := range []string{"raw: mum@gmail.com\n", `{"@message":1,`} {
		if !strings.Contains(raw, want) {
			t.Errorf("what was printed lacks %s", want)
		}
	}
}

func TestDescription(t *testing.T) {
	d := start(t, newTestHost(t, Options{}), playing("good")).Description()
	if d.Name != "played" || d.Version != "1" || len(d.Config.Required) != 1 || d.Params.Fields["email"] == nil || d.Facts.Fields["groups"] == nil {
		b, _ := json.Marshal(d)
		t.Errorf("got %s", b)
	}
}
