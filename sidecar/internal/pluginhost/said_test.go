package pluginhost

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
)

func TestWordsAreKeptForAWhile(t *testing.T) {
	now := time.Date(2026, 8, 20, 10, 0, 0, 0, time.UTC)
	h := &Host{said: newSayings(func() time.Time { return now })}
	if got := h.said.words("nas", "no licence"); got != ": no licence" {
		t.Errorf("a plugin that knows nobody: %q", got)
	}
	h.said.ask()
	hidden := "plugin nas: lookup: unavailable" + h.said.words("nas", "no such user: mum\n"+strings.Repeat("x", 1000))
	if !strings.HasPrefix(hidden, "plugin nas: lookup: unavailable (words ") || strings.Contains(hidden, "mum") {
		t.Error(hidden)
	}
	want := "plugin nas: lookup: unavailable: no such user: mum " + strings.Repeat("x", 300-len("no such user: mum ")) + "…"
	if got := h.Reveal(hidden); got != want {
		t.Errorf("got %s", got)
	}
	h.said.line("nas", "WARN mum is slow")
	now = now.Add(saidFor - 1)
	other := h.said.words("nas", "(words ABCDEF)")
	if got := h.Reveal(hidden + other); got != want+": (words ABCDEF)" {
		t.Errorf("got %s", got)
	}
	now = now.Add(1)
	if got := h.Reveal(hidden); got != hidden {
		t.Errorf("what is too old is there: %s", got)
	}
	want = "(words ABCDEF)"
	if got := h.said.of("nas"); len(got) != 1 || got[0].Text != want {
		t.Errorf("got %+v", got)
	}
	for i := range 200 {
		h.said.words("nas", fmt.Sprint("error ", i))
		h.said.line("nas", fmt.Sprint("line ", i))
		h.said.line("other", "x")
	}
	var texts []string
	for _, one := range h.said.of("nas") {
		texts = append(texts, one.Text)
	}
	var last []string
	for i := 200 - maxSaid; i < 200; i++ {
		last = append(last, fmt.Sprint("error ", i))
	}
	for i := 200 - maxLines; i < 200; i++ {
		last = append(last, fmt.Sprint("line ", i))
	}
	if diff := cmp.Diff(last, texts); diff != "" {
		t.Error(diff)
	}
}

// A plugin that was asked remembers whom for: what it says from then on is for no log, however its process says it.
func TestAPluginThatKnowsPeopleIsNotQuoted(t *testing.T) {
	for _, mode := range []string{"lying-name", "gossip"} {
		t.Run(mode, func(t *testing.T) {
			log := &logBuffer{}
			h := newTestHost(t, Options{Log: log.logger()})
			p := start(t, h, playing(mode))
			_, err := p.Asker(answers.Policy{}).Ask(within(t, 20*time.Second), question(`{"email":"mum@gmail.com"}`))
			if err == nil || strings.Contains(strings.ToLower(err.Error()), "mum") {
				t.Errorf("the error: %v", err)
			}
			for end := time.Now().Add(10 * time.Second); mode == "gossip" && p.Status().Refused == "" && time.Now().Before(end); {
				<-time.After(10 * time.Millisecond)
			}
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
			if said := log.String() + p.Status().Refused + p.Status().Last; strings.Contains(strings.ToLower(said), "mum") {
				t.Errorf("the log or the status:\n%s", said)
			}
			if said := fmt.Sprint(p.Said()); !strings.Contains(said, "MUM") {
				t.Errorf("kept: %s", said)
			}
		})
	}
}
