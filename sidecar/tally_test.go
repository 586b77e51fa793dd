package sidecar_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withState is the household that keeps state but no requests.
func withState(dir string) string {
	return household(dir) + "state: {file: state/state.db, keyFile: key}\n"
}

func TestThatNobodyIsLetInAnyMoreIsNoticedAfterARestart(t *testing.T) {
	dir := shortDir(t)
	must(t, os.WriteFile(filepath.Join(dir, "key"), []byte(strings.Repeat("5c", 32)), 0o600))
	r := serveFile(t, dir, written(t, dir, withState(dir)))
	r.visits("mum@gmail.com", "mum@gmail.com", "dad@gmail.com", "nobody@gmail.com")
	r.end()
	<-r.done

	// The same rules: people are counted, and whoever was refused before is no news.
	r = serveFile(t, dir, filepath.Join(dir, "c.yaml"))
	want := map[string]any{"level": "INFO", "msg": "people were let in within 30 days", "people_at_clients": 2.0}
	if diff := cmp.Diff(want, r.told(r.log.wait(t, "people_at_clients"))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	r.visits("nobody@gmail.com", "mum@gmail.com")
	r.end()
	<-r.done
	if strings.Contains(r.log.String(), "is refused, and nobody was let in") {
		t.Error("it warned of somebody who was never let in")
	}

	// Rules that keep everybody out: said once, without who.
	r = serveFile(t, dir, written(t, dir, strings.Replace(withState(dir), "not nas.found", "true", 1)))
	r.visits("nobody@gmail.com", "mum@gmail.com", "dad@gmail.com")
	want = map[string]any{
		"level": "WARN", "msg": "somebody who was let in within 30 days is refused, and nobody was let in since the start",
		"client_id": "synology", "connector_id": "google", "rule": "c.yaml:12",
	}
	if diff := cmp.Diff(want, r.told(r.log.wait(t, "is refused, and nobody was let in"))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	r.end()
	<-r.done
	if n := strings.Count(r.log.String(), "is refused, and nobody was let in"); n != 1 {
		t.Errorf("it was said %d times", n)
	}
}
