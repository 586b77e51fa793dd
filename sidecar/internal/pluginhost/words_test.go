package pluginhost

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
)

func TestWhatOfACrashIsShown(t *testing.T) {
	tests := []struct {
		name, printed string
		want          report
	}{
		{"an error of the runtime", `panic: runtime error: index out of range [5] with length 3

goroutine 34 [running]:
main.find({0xc000012345, 0xd})
	/src/main.go:12 +0x1d
main.(*directory).Lookup(0xc0000b2000, {0x7f0, 0xc0})
	/src/main.go:34 +0x1d
created by main.main in goroutine 1
	/src/main.go:50 +0x2

goroutine 1 [select]:
main.other()
`, report{how: "exit status 2", lines: 12, trace: ": panic: runtime error: index out of range [5] with length 3; main.find; main.(*directory).Lookup"}},
		{"a text that may be anything", "panic: mum@gmail.com is unknown\n\ngoroutine 1 [running]:\nmain.main()\n",
			report{how: "exit status 2", lines: 4, trace: ": panic: (its text may hold personal data); main.main"}},
		{"what looks like the runtime", "panic: runtime error: mum@gmail.com\nfatal error: mum@gmail.com\ngoroutine 1 [running]:\nfor mum@gmail.com(1)\n",
			report{how: "exit status 2", lines: 4, trace: ": panic: (its text may hold personal data)"}},
		{"what the host makes the JVM print", "Picked up JAVA_TOOL_OPTIONS: -XX:MaxRAM=256m\nmum\n", report{how: "exit status 2", lines: 1}},
		{"the end of another language", "Traceback (most recent call last):\nKeyError: 'mum@gmail.com'\n", report{how: "exit status 2", lines: 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := &words{log: slog.New(slog.DiscardHandler), said: newSayings(time.Now), refuses: confine.Declaration{}.Refused}
			w.hush()
			w.read(strings.NewReader(tt.printed))
			if diff := cmp.Diff(tt.want, w.report("exit status 2"), cmp.AllowUnexported(report{})); diff != "" {
				t.Error(diff)
			}
			if last := w.lastWords(); last != "" {
				t.Errorf("last words %s", last)
			}
		})
	}
}

func TestLevelsOfRecordsAreKept(t *testing.T) {
	log := &logBuffer{}
	w := &words{log: log.logger(), said: newSayings(time.Now), refuses: confine.Declaration{}.Refused}
	for _, level := range []string{"trace", "debug", "info", "warn", "error", "strange"} {
		w.read(strings.NewReader(`{"@level":"` + level + `","@message":"m","time":"t","n":1}`)) // the last line of a process has no end
	}
	want := `level=DEBUG-4 msg=m n=1 plugin_time=t
level=DEBUG msg=m n=1 plugin_time=t
level=INFO msg=m n=1 plugin_time=t
level=WARN msg=m n=1 plugin_time=t
level=ERROR msg=m n=1 plugin_time=t
level=DEBUG msg=m n=1 plugin_time=t
`
	if diff := cmp.Diff(want, log.String()); diff != "" {
		t.Error(diff)
	}
}

func TestBlot(t *testing.T) {
	tests := []struct{ name, text, params, want string }{
		{"an address", `no such user: mum@gmail.com!`, `{"email":"mum@gmail.com"}`, `no such user: …!`},
		{"in a URL", `GET https://nas/u/mum%40gmail.com?q=a+b`, `{"email":"mum@gmail.com","name":"a b"}`, `GET https://nas/u/…?q=…`},
		{"in other case", `MUM@Gmail.com`, `{"email":"mum@gmail.com"}`, `…`},
		{"inside lists and objects", `x abc def`, `{"l":["abc",{"m":"def"}]}`, `x … …`},
		{"quoted", `"a\"bc"`, `{"n":"a\"bc"}`, `"…"`},
		{"one inside another", `mum@gmail.com`, `{"a":"mum","b":"mum@gmail.com"}`, `…`},
		{"what is too short to tell from any text", `an id`, `{"a":"id"}`, `an id`},
		{"nothing", `connection refused`, `{}`, `connection refused`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := blot(tt.text, json.RawMessage(tt.params)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestTextsOfPluginsAreOneShortLine(t *testing.T) {
	got := line("a\tb\r\n\x1b[31mc\u202e\xff" + strings.Repeat("é", 400))
	if want := "a b  [31mc" + strings.Repeat("é", 290) + "…"; got != want {
		t.Errorf("got %q", got)
	}
}

// FuzzWords looks for output of a plugin that brings its host down, or that is logged although it is no record.
func FuzzWords(f *testing.F) {
	f.Add([]byte(`{"@message":1,"@level":"info"}`))
	f.Add([]byte(`{"@message":"m","@level":"info","@timestamp":7,"a":{"b":[null]}}`))
	f.Add([]byte("panic: runtime error: x\n\ngoroutine 1 [running]:\nmain.f(secret)\n"))
	f.Fuzz(func(t *testing.T, printed []byte) {
		log := &logBuffer{}
		w := &words{log: log.logger(), said: newSayings(time.Now), refuses: confine.Declaration{}.Refused}
		w.hush()
		w.read(strings.NewReader(string(printed)))
		records := 0
		for line := range strings.Lines(string(printed)) {
			if _, ok := parseRecord([]byte(strings.TrimRight(line, "\r\n"))); ok {
				records++
			}
		}
		if got := strings.Count(log.String(), "\n"); got > records {
			t.Errorf("%d lines are logged of %d records:\n%s", got, records, log)
		}
	})
}
