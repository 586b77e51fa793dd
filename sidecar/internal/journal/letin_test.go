package journal

import (
	"bytes"
	"os"
	"testing"
	"time"
)

func (k *kept) countLetIn(t *testing.T) int {
	t.Helper()
	n, err := k.rows.letIn.Count(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPeopleAreCountedOnceAtEachClient(t *testing.T) {
	k := newKept(t, false)
	k.comes(t, "", "mum", "nas", Patched, noon.Add(-2*time.Hour))
	k.comes(t, "", "mum", "nas", Patched, noon)
	k.comes(t, "", "mum", "wiki", Unchanged, noon)
	e, v := came(t, "", "mum", "nas", Patched, noon)
	v.Input.Connector = "ldap"
	k.Add(e, v)
	k.comes(t, "", "stranger", "nas", Denied, noon)
	k.run()
	if n := k.countLetIn(t); n != 3 {
		t.Errorf("%d are counted", n)
	}
}

func TestWhoWasLetInLongAgoIsForgotten(t *testing.T) {
	k := newKept(t, false)
	k.comes(t, "", "mum", "nas", Patched, noon.Add(-LetInAge-time.Minute))
	k.run() // trims at its end
	if n := k.countLetIn(t); n != 0 {
		t.Errorf("%d are counted", n)
	}
}

func TestAPersonIsForgottenAtEveryClient(t *testing.T) {
	k := newKept(t, false)
	for _, client := range []string{"nas", "wiki"} {
		for _, user := range []string{"mum", "dad"} {
			k.comes(t, "", user, client, Patched, noon)
		}
	}
	k.runs(t)
	if _, n, err := k.Forget(t.Context(), &Forgotten{Name: "mum"}); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if n := k.countLetIn(t); n != 2 {
		t.Errorf("%d are left", n)
	}
}

func TestNobodyCanBeReadOutOfTheFile(t *testing.T) {
	k := newKept(t, false)
	k.comes(t, "", "108a-of-mum", "nas", Patched, noon)
	k.run()
	for _, name := range []string{k.file, k.file + "-wal"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("108a-of-mum")) {
			t.Errorf("%s holds the id", name)
		}
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// Without a record only what is news waits to be written.
func TestWhoComesAgainIsNoNews(t *testing.T) {
	k := newKept(t, false)
	k.comes(t, "", "mum", "nas", Patched, noon)
	k.run()
	for range 10 {
		k.comes(t, "", "mum", "nas", Patched, noon.Add(time.Minute))
		k.comes(t, "", "stranger", "nas", Denied, noon.Add(time.Minute))
	}
	if n := len(k.rows.queue); n != 0 {
		t.Errorf("%d wait", n)
	}
}
