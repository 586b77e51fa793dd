package sidecar_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar"
)

// TestReloadsLeaveNothing reloads a configuration that is another one each time, with a shadow in another folder, and now and then with
// new processes. What one reload in a hundred leaves shows where CI makes it a thousand.
func TestReloadsLeaveNothing(t *testing.T) {
	reloads := 50
	if os.Getenv("CLAIMSMITH_CI") != "" {
		reloads = 1000
	}
	const folders = 20
	work := shortDir(t)
	r := serve(t, household, func(o *sidecar.Options) { o.WorkDir = work })
	client := r.client()
	reload := func(n int) {
		t.Helper()
		shadow := fmt.Sprintf("%s/shadow%d/c.yaml", r.dir, n%folders)
		must(t, os.MkdirAll(filepath.Dir(shadow), 0o700), os.WriteFile(shadow, []byte(plain(r.dir)+"pipeline: [{set: {username: identity.userId}}]\n"), 0o600))
		r.put(strings.Replace(household(r.dir), "username: nas.name", fmt.Sprintf("username: nas.name, round: %d", n), 1) + "shadow: {file: " + shadow + "}\n")
		must(t, r.server.Reload(t.Context(), n%100 == 50))
		reply, err := client.ExtendPayload(t.Context(), signIn("mum@gmail.com"))
		must(t, err)
		if got := string(reply.GetPatches().GetIdToken().GetSet()["round"]); got != fmt.Sprint(n) {
			t.Fatalf("after reload %d the rules are those of %s", n, got)
		}
	}
	for n := range folders {
		reload(n)
	}
	counts := map[string]func() int{
		"open files": func() int { return entries("/dev/fd") }, "goroutines": runtime.NumGoroutine, "watched folders": watchedFolders,
		"folders of plugins": func() int { return entries(work) }, "times 8 MiB of memory": func() int { return (heap() - len(r.log.String())) >> 23 },
		"processes": children,
	}
	before := map[string]int{}
	for what, count := range counts {
		before[what] = count()
	}
	before["watched folders"] = 2     // that of the configuration, and of the shadow in use
	before["times 8 MiB of memory"]++ // what it had is no round number
	for n := range reloads {
		reload(folders + n)
	}
	for what, count := range counts {
		noMore(t, what, before[what], count)
	}
}

// TestCallsThatDoNotComeKeepNobodyWaiting has connections that say nothing or half a word, calls whose request never comes, and one whose
// answer nobody reads.
func TestCallsThatDoNotComeKeepNobodyWaiting(t *testing.T) {
	t.Parallel()
	const each = 24
	r := serve(t, plain, func(o *sidecar.Options) { o.LongestCall = 2 * time.Second })
	for i := range each {
		conn, err := net.Dial("unix", r.socket())
		must(t, err)
		t.Cleanup(func() { conn.Close() })
		_, err = conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")[:i])
		must(t, err)
	}
	desc := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	var streams []grpc.ClientStream
	conn := r.dial()
	for range each {
		stream, err := conn.NewStream(t.Context(), desc, hookv1.ClaimsHookService_ExtendPayload_FullMethodName)
		must(t, err)
		streams = append(streams, stream)
	}
	unread, err := r.dial().NewStream(t.Context(), desc, hookv1.ClaimsHookService_ExtendPayload_FullMethodName)
	must(t, err, unread.SendMsg(signIn("mum@gmail.com")), unread.CloseSend())
	began := time.Now()
	for range each {
		_, err := r.client().ExtendPayload(t.Context(), signIn("mum@gmail.com"))
		must(t, err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("others are answered after %s", took/each)
	}
	for _, stream := range streams {
		if err := stream.RecvMsg(new(hookv1.ExtendPayloadResponse)); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("a call without a request ended with %v", err)
		}
	}
	r.end()
	select {
	case <-r.done:
	case <-time.After(10 * time.Second):
		t.Error("they keep it from stopping")
	}
}

// TestAPluginThatLogsTooMuch: the disk of the host is not filled, the operator learns of it, and the plugin answers.
func TestAPluginThatLogsTooMuch(t *testing.T) {
	t.Parallel()
	const lines = 20_000
	r := serve(t, func(dir string) string {
		return strings.Replace(household(dir), "gate: "+dir, fmt.Sprintf("flood: %d, gate: %s", lines, dir), 1) + "admin: unix://" + dir + "/run/admin.sock\n"
	})
	if got := r.username("mum@gmail.com"); got != `"mum"` {
		t.Errorf("got %s", got)
	}
	log := r.log.String()
	logged, told := strings.Count(log, "noise "), strings.Count(log, `"msg":"the plugin logs too much: what it logs in the rest of this minute is counted and left out","plugin":"nas"`)
	list, err := r.plugins().ListPlugins(t.Context(), &adminv1.ListPluginsRequest{})
	must(t, err)
	if left := int(list.GetPlugins()[0].GetUnlogged()); logged < 100 || logged > 256 || told != 1 || logged+left != lines {
		t.Errorf("of %d lines %d are in the log and %d counted, which the log says %d times", lines, logged, left, told)
	}
}

func entries(dir string) int {
	list, _ := os.ReadDir(dir)
	return len(list)
}

// children is how many processes this one has started that have not ended.
func children() (n int) {
	tasks, _ := filepath.Glob("/proc/self/task/*/children")
	for _, task := range tasks {
		list, _ := os.ReadFile(task)
		n += len(strings.Fields(string(list)))
	}
	return n
}

// watchedFolders is how many this process has the kernel watch.
func watchedFolders() (n int) {
	files, _ := filepath.Glob("/proc/self/fdinfo/*")
	for _, file := range files {
		info, _ := os.ReadFile(file)
		n += strings.Count(string(info), "inotify wd:")
	}
	return n
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// noMore waits until there is not more of something than there was: what is about to end takes a moment, and what leaks stays.
func noMore(t *testing.T, what string, most int, count func() int) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(10 * time.Second); ; {
		got := count()
		if got <= most {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Errorf("%d %s, there were %d", got, what, most)
			return
		}
	}
}
