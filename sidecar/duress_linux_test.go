package sidecar_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// enduring is a household that keeps everything that a sidecar can keep.
func enduring(dir string) string {
	return strings.NewReplacer("cache: {ttl: 1h}", "cache: {ttl: 1h, maxStale: 24h}", "record: {max: 2}", "record: {}").Replace(pinned(dir))
}

// disk mounts a disk of 1 MiB for the state of a configuration.
func disk(t *testing.T, dir string) string {
	t.Helper()
	at := filepath.Join(dir, "state")
	must(t, os.Mkdir(at, 0o700))
	if err := unix.Mount("tmpfs", at, "tmpfs", 0, "size=1m,mode=700"); err != nil {
		said := fmt.Sprintf("a disk cannot be mounted here, which takes root: %v", err)
		if os.Getenv("CLAIMSMITH_CI") != "" {
			t.Fatal(said)
		}
		t.Skip(said)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return at
}

// fill leaves no room on a disk, and returns what makes room again.
func fill(t *testing.T, at string) (empty func()) {
	t.Helper()
	ballast, err := os.Create(filepath.Join(at, "ballast"))
	must(t, err)
	for _, size := range []int{4096, 1} {
		for err = nil; err == nil; {
			_, err = ballast.Write(make([]byte, size))
		}
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	must(t, ballast.Close())
	return func() { must(t, os.Remove(ballast.Name())) }
}

// signsIn has people sign in, each in a request of their own, and returns what they are told. Nobody waits for the store.
func (r *running) signsIn(user, email string) string {
	r.t.Helper()
	began := time.Now()
	got := r.failure(with(comes(user, email, atToken), func(q *hookv1.ExtendPayloadRequest) { q.RequestId = fmt.Sprint(began.UnixNano()) }))
	if took := time.Since(began); took > 2*time.Second {
		r.t.Errorf("%s waited for %v", email, took)
	}
	return got
}

// recorded waits until a decision is in the record.
func (r *running) recorded(id string) {
	r.t.Helper()
	var note string
	for range 100 {
		e, why := r.explained(id)
		if e != nil {
			return
		}
		note = why
		r.log.next(r.t, 200*time.Millisecond)
	}
	r.t.Errorf("%s is not recorded: %s", id, note)
}

// once holds how often the log says something.
func (r *running) once(words ...string) {
	r.t.Helper()
	for _, w := range words {
		if n := strings.Count(r.log.String(), w); n != 1 {
			r.t.Errorf("the log says %d times: %s", n, w)
		}
	}
}

// A full disk keeps nobody out whom the rules let in, except for those who would be linked now. It is told once, and what it did not take
// is there when there is room again.
func TestADiskThatIsFull(t *testing.T) {
	dir := shortDir(t)
	at := disk(t, dir)
	r := serveFile(t, dir, written(t, dir, enduring(dir)))
	if got := r.signsIn("1", "mum@gmail.com"); got != "in" {
		t.Fatal(got)
	}
	r.recorded(r.decide(comes("1", "mum@gmail.com", atToken)))
	empty := fill(t, at)
	var last string
	for range 30 { // the pages of the journal of SQLite that are there already take some
		if got := r.signsIn("1", "mum@gmail.com"); got != "in" {
			t.Fatal(got)
		}
		last = r.decide(comes("1", "mum@gmail.com", atToken))
		if strings.Contains(r.log.String(), `"requests are not recorded"`) {
			break
		}
		r.log.next(t, 200*time.Millisecond)
	}
	r.log.wait(t, `"msg":"requests are not recorded"`)
	const unlinked = "pipeline[0].steps[0].pin: write links: "
	if got := r.signsIn("3", "kid1@gmail.com"); !strings.HasPrefix(got, unlinked) {
		t.Errorf("somebody new: %s", got)
	}
	for until := time.Now().Add(6 * time.Second); time.Now().Before(until); { // it is tried again meanwhile
		r.log.next(t, time.Until(until))
	}
	if got := r.signsIn("1", "mum@gmail.com"); got != "in" {
		t.Errorf("while it is full: %s", got)
	}
	empty()
	r.log.wait(t, `"msg":"requests are recorded again"`)
	r.recorded(last)
	if got := r.signsIn("3", "kid1@gmail.com"); got != "in" {
		t.Errorf("somebody new, afterwards: %s", got)
	}
	r.once(`"requests are not recorded"`, `"requests are recorded again"`)
	nothingPersonal(t, r.log.String())
}

// A store that cannot be made yet is tried again until it can.
func TestAFolderThatIsReadOnly(t *testing.T) {
	dir := shortDir(t)
	at := disk(t, dir)
	must(t, unix.Mount("", at, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	r := serveFile(t, dir, written(t, dir, strings.Replace(enduring(dir), "        pin: {subject: identity.userId, account: nas.name, id: nas.uid}\n", "", 1)))
	if got := r.signsIn("1", "mum@gmail.com"); got != "in" {
		t.Error(got)
	}
	id := r.decide(comes("1", "mum@gmail.com", atToken))
	r.log.wait(t, `"msg":"requests are not recorded"`)
	must(t, unix.Mount("", at, "", unix.MS_REMOUNT, ""))
	r.log.wait(t, `"msg":"requests are recorded again"`)
	r.recorded(id)
	r.once(`"requests are not recorded"`, `"requests are recorded again"`)
}

// Somebody else holds the file, as a backup does: each write takes the 5 seconds that SQLite waits, and then fails.
func TestAStoreThatTakesFiveSecondsForAWrite(t *testing.T) {
	r := serve(t, enduring)
	for user, email := range map[string]string{"1": "mum@gmail.com", "3": "kid1@gmail.com"} {
		if got := r.signsIn(user, email); got != "in" {
			t.Fatal(got)
		}
	}
	r.recorded(r.decide(comes("1", "mum@gmail.com", atToken)))
	db, err := sql.Open("sqlite", "file:"+filepath.Join(r.dir, "state", "state.db")+"?_txlock=immediate")
	must(t, err)
	defer db.Close()
	held, err := db.BeginTx(t.Context(), nil)
	must(t, err)
	var last string
	for range 6 {
		for user, email := range map[string]string{"1": "mum@gmail.com", "3": "kid1@gmail.com"} {
			if got := r.signsIn(user, email); got != "in" {
				t.Errorf("%s: %s", email, got)
			}
		}
		last = r.decide(comes("1", "mum@gmail.com", atToken))
		r.log.next(t, time.Second)
	}
	r.log.wait(t, `"msg":"requests are not recorded"`)
	must(t, held.Rollback())
	r.log.wait(t, `"msg":"requests are recorded again"`)
	r.recorded(last)
	if t.Failed() {
		t.Log(r.log.String())
	}
	r.once(`"requests are not recorded"`, `"requests are recorded again"`)
}
