package pluginhost

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimsmith/claimsmith/plugins/directory"
	httpplugin "github.com/claimsmith/claimsmith/plugins/http"
	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
)

// mv puts content in the place of file at one stroke.
func mv(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, file string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}

// TestAReplacedFile: a good one is taken over, a bad one is explained with its places, once, and the process from before goes on.
func TestAReplacedFile(t *testing.T) {
	if !confine.HasFileRules() {
		t.Skip("this kernel has no Landlock: a plugin reads its files by name, and nothing has to be taken over")
	}
	now, log := time.Now(), &logBuffer{}
	h := newTestHost(t, Options{Log: log.logger(), Now: func() time.Time { return now }})
	file := filepath.Join(t.TempDir(), "people.csv")
	mv(t, file, "name,email\nmum,mum@example.org\n")
	p := servingOn(t, h, "builtin-directory", directory.Config{File: file})
	asker := p.Asker(answers.Policy{})
	for _, step := range []struct {
		name, content string // empty: the file stays
		want, failing string
		said          int // lines of the log that name the file, so far
	}{
		{"as it was", "", "mum", "", 0},
		{"a good one", "name,email\nmummy,mum@example.org\n", "mummy", "", 1},
		{"a bad one", "name,email\nmummy,mum@example.org\n,dad@example.org\n", "mummy", "people.csv:3:1: the name is missing", 3},
		{"the bad one is left alone", "", "mummy", "people.csv:3:1: the name is missing", 3},
		{"an empty one", "name,email\n", "mummy", "people.csv: nobody is in it", 5},
		{"mended", "name,email\nmum,mum@example.org\n", "mum", "", 6},
	} {
		now = now.Add(time.Minute)
		if step.content != "" {
			mv(t, file, step.content)
		}
		answer, err := asker.Ask(within(t, 20*time.Second), question(`{"email":"mum@example.org"}`))
		if err != nil || answer.Facts["name"] != step.want {
			t.Errorf("%s: %+v, %v", step.name, answer, err)
		}
		failing := ""
		if f := p.Status().Failing; f != nil {
			failing = h.Reveal(f.Err)
		}
		if step.failing == "" && failing != "" || !strings.Contains(failing, step.failing) {
			t.Errorf("%s: failing: %q, want %q", step.name, failing, step.failing)
		}
		if n := strings.Count(log.String(), "file="+file); n != step.said {
			t.Errorf("%s: %d lines about the file, want %d:\n%s", step.name, n, step.said, log.String())
		}
	}
	if text := log.String(); !strings.Contains(text, "people.csv:3:1") || strings.Contains(text, "the name is missing") {
		t.Errorf("the log has the words of a plugin, or not the place:\n%s", text)
	}
}

// TestARotatedSecretCostsNoLogin: the call that fails because its file was replaced is answered by the process that reads the new one.
func TestARotatedSecretCostsNoLogin(t *testing.T) {
	now := time.Now()
	h := fakeHost(t, Options{Now: func() time.Time { return now }})
	defer h.Close()
	file := filepath.Join(t.TempDir(), "password")
	mv(t, file, "one")
	started := 1
	instanceOf := func(password string) *instance {
		inst, _ := fakeInstance(started, &lookups{answer: func(context.Context, int) (*pluginv1.LookupResponse, error) {
			if content, err := os.ReadFile(file); err != nil || string(content) != password {
				return nil, status.Error(codes.Unauthenticated, "the password is wrong")
			}
			return found(0), nil
		}})
		inst.granted = grantedNow(map[string]os.FileInfo{file: nil})
		return inst
	}
	p := fakePlugin(t, h, "{}", nil, func(context.Context) (*instance, error) {
		started++
		content, err := os.ReadFile(file)
		return instanceOf(string(content)), err
	})
	p.sup.set(Running, instanceOf("one"))
	for i, password := range []string{"one", "two", "three"} { // all within the second in which files are looked at once
		mv(t, file, password)
		if _, err := p.Asker(answers.Policy{}).Ask(t.Context(), question(fmt.Sprintf(`{"email":"%d"}`, i))); err != nil {
			t.Errorf("%s: %v", password, err)
		}
	}
	if started != 4 {
		t.Errorf("%d processes", started)
	}
}

// TestASecretThatIsNotTakenOver: what the process from before knows counts until a good file is there, also one that is good since a chmod,
// and then nobody waits until the plugin is asked again after its failures.
func TestASecretThatIsNotTakenOver(t *testing.T) {
	if !confine.HasFileRules() {
		t.Skip("this kernel has no Landlock: a plugin reads its files by name, and nothing has to be taken over")
	}
	var wanted atomic.Value
	wanted.Store("Bearer one")
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != wanted.Load() {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"name": "mum"}`)
	}))
	defer service.Close()
	now, asked := time.Now(), 0
	h := newTestHost(t, Options{Log: (&logBuffer{}).logger(), Now: func() time.Time { return now }})
	file := filepath.Join(t.TempDir(), "token")
	mv(t, file, "one\n")
	p := servingOn(t, h, "builtin-http", httpplugin.Config{
		URL: service.URL + "?mail={email}", AllowPlainHTTP: true, AllowNetworks: []string{"127.0.0.1"}, BearerFile: file, Answers: httpplugin.Answers{Name: "/name"},
	})
	ask := func() error {
		now = now.Add(time.Millisecond)
		asked++
		_, err := p.Asker(answers.Policy{}).Ask(within(t, 20*time.Second), question(fmt.Sprintf(`{"email":"%d@example.org"}`, asked)))
		return err
	}
	for _, step := range []struct {
		name string
		do   func()
		in   bool
	}{
		{"as it was", func() {}, true},
		{"an empty file", func() { mv(t, file, "") }, true},
		{"one that everybody can read", func() {
			mv(t, file, "two\n")
			chmod(t, file, 0o644)
		}, true},
		{"the service wants the new one", func() { wanted.Store("Bearer two") }, false},
		{"everybody is kept waiting", func() {
			for range 10 {
				_ = ask() // it fails
			}
			if state := p.Status().Breaker; state != "open" {
				t.Errorf("the plugin is still asked: %s", state)
			}
		}, false},
		{"mended by its mode", func() { chmod(t, file, 0o600) }, true},
	} {
		step.do()
		if err := ask(); (err == nil) != step.in {
			t.Errorf("%s: %v", step.name, err)
		}
	}
}
