package logfile

import (
	"bytes"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pair is a value with two members.
type pair struct {
	a string
	n int
}

func (p pair) LogValue() slog.Value {
	return slog.GroupValue(slog.String("a", p.a), slog.Int("n", p.n))
}

func (p pair) AppendMembers(b []byte) []byte {
	return strconv.AppendInt(append(strconv.AppendQuote(append(b, `,"a":`...), p.a), `,"n":`...), int64(p.n), 10)
}

// What is appended is what slog would have written.
func TestLinesAreThoseOfSlog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var want, got bytes.Buffer
		ours, end := New(&got, true, slog.LevelInfo)
		for _, log := range []*slog.Logger{slog.New(slog.NewJSONHandler(&want, nil)), ours} {
			log.Info("decision", slog.Any("", pair{"x", 3}))
			log.Info("decision", slog.Any("", pair{"x", 3}), "b", 1)
			log.Info("another", "key", "value")
			log.With("plugin", "nas").Info("decision", slog.Any("", pair{"x", 3}))
			log.WithGroup("g").Warn("decision", slog.Any("", pair{"x", 3}))
			log.Debug("nobody reads it")
		}
		end()
		if got.String() != want.String() {
			t.Errorf("got\n%swant\n%s", got.String(), want.String())
		}
	})
}

func TestWarningsDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out taker
		log, end := New(&out, false, slog.LevelInfo)
		defer end()
		log.Info("collected")
		log.Warn("at once")
		synctest.Wait()
		if got, _ := out.text(); strings.Count(got, "\n") != 2 {
			t.Errorf("%q", got)
		}
	})
}

func TestThatLinesWereLostIsALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := taker{gate: make(chan struct{})}
		log, end := New(&out, false, slog.LevelInfo)
		log.Warn("x")
		synctest.Wait()
		long := strings.Repeat("x", most/2)
		for range 5 {
			log.Info(long)
		}
		time.Sleep(patience)
		close(out.gate)
		synctest.Wait()
		end()
		if got, _ := out.text(); !strings.Contains(got, "lines were lost") {
			t.Errorf("it is not said: %d bytes", len(got))
		}
	})
}
