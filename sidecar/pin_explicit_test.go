package sidecar_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

func TestAnAccountThatTheConfigurationChoseMayBeAnAdministrators(t *testing.T) {
	explicit := func(dir string) string {
		return strings.Replace(pinned(dir), "id: nas.uid}", "id: nas.uid, explicit: nas.linked}", 1)
	}
	r := serve(t, explicit)
	steps := []struct {
		name string
		req  *hookv1.ExtendPayloadRequest
		want string
	}{
		{"an administrator by an address alone", comes("3", "root@gmail.com", atToken), adminSays},
		{"one whom the configuration names", comes("4", "boss@gmail.com", atToken), "in"},
		{"the same again", comes("4", "boss@gmail.com", atToken), "in"},
		{"somebody else who has the address now", comes("666", "boss@gmail.com", atToken), takenSays},
	}
	for _, step := range steps {
		if got := r.says(step.req); got != step.want {
			t.Errorf("%s: got %q, want %q", step.name, got, step.want)
		}
	}
	r.put(pinned(r.dir))
	must(t, r.server.ReloadForced(t.Context(), true))
	if got := r.says(comes("4", "boss@gmail.com", atToken)); got != adminSays {
		t.Errorf("after the configuration stopped to say so: %q", got)
	}
	const path = ": pipeline[0].steps[0].pin.explicit: "
	for _, test := range []struct{ expr, want string }{
		{"'true'", "c.yaml:12:84" + path + "this says nothing of the account that was found\n"},
		{"nas.asked", ""}, {"nas.nmae", "c.yaml:12:87" + path + `unknown fact "nmae" of nas` + "\n"},
	} {
		text := strings.Replace(explicit(r.dir), "explicit: nas.linked", "explicit: "+test.expr, 1)
		problems, err := replay.Check(t.Context(), written(t, shortDir(t), text), program(t, newLogBuffer()))
		must(t, err)
		var got strings.Builder
		for _, p := range problems.List {
			got.WriteString(p.String()[strings.Index(p.String(), "c.yaml"):] + "\n")
		}
		if test.want != got.String() {
			t.Errorf("%s: got %s, want %s", test.expr, got.String(), test.want)
		}
	}
}

func TestALiveExplanationReadsLinksAndMakesNone(t *testing.T) {
	r := serve(t, pinned)
	live := func(user string, links map[string]string) string {
		t.Helper()
		e, err := replay.ExplainLive(t.Context(), filepath.Join(r.dir, "c.yaml"), program(t, newLogBuffer()), replay.Request{
			Client: "synology", Connector: "google", Links: links,
			Identity: replay.RequestIdentity{UserID: user, Email: "mum@gmail.com", EmailVerified: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		return e.Outcome + ", " + e.Steps[1].Note
	}
	if got := live("1", nil); got != "patched, link: none" {
		t.Errorf("before: %q", got)
	}
	if got := r.linked(); got != nil {
		t.Errorf("a link was made: %v", got)
	}
	if got := r.says(comes("1", "mum@gmail.com", atToken)); got != "in" {
		t.Fatal(got)
	}
	linked := r.linked()
	for _, test := range []struct {
		user  string
		links map[string]string
		want  string
	}{
		{"1", nil, "patched, link: first"},
		{"2", nil, "denied, link: other, refused"},
		{"2", map[string]string{"nas": "none"}, "patched, link: none"},
	} {
		if got := live(test.user, test.links); got != test.want {
			t.Errorf("%s with %v: got %q, want %q", test.user, test.links, got, test.want)
		}
	}
	if diff := cmp.Diff(linked, r.linked()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	r.end()
	<-r.done
	if got := live("2", nil); got != "denied, link: other, refused" {
		t.Errorf("while nobody serves: %q", got)
	}
	must(t, os.RemoveAll(filepath.Join(r.dir, "state")))
	if got := live("2", nil); got != "failed, " {
		t.Errorf("where what was kept is gone: %q", got)
	}
	must(t, os.Remove(filepath.Join(r.dir, "key.links")))
	if got := live("2", nil); got != "patched, link: none" {
		t.Errorf("where nothing was kept: %q", got)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "state")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a store was made: %v", err)
	}
}
