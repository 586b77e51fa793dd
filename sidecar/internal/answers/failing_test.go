package answers

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSinceWhenAPluginFails(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	p := &Plugin{cache: &Cache{o: Options{Now: func() time.Time { return now }}}}
	began := now.Add(time.Minute) // each call takes one
	for _, step := range []struct {
		name string
		err  error
		want *Failing
	}{
		{"an answer", nil, nil},
		{"the first without one", errors.New("nobody listens"), &Failing{Err: "nobody listens", Since: began}},
		{"another", errors.New("logins are paused"), &Failing{Err: "logins are paused", Since: began}},
		{"an answer again", nil, nil},
	} {
		p.noteCall(step.err)
		if diff := cmp.Diff(step.want, p.failing.Load()); diff != "" {
			t.Errorf("%s, -want +got:\n%s", step.name, diff)
		}
		now = now.Add(time.Minute)
	}
}
