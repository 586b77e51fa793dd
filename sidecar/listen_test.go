package sidecar_test

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimsmith/claimsmith/sidecar"
)

// listenOnce listens and stops at once.
func listenOnce(t *testing.T, text string) error {
	t.Helper()
	server, err := sidecar.New(t.Context(), written(t, shortDir(t), text), program(t, newLogBuffer()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return server.Serve(ctx)
}

// leaveSocket leaves what a process leaves that was killed.
func leaveSocket(t *testing.T, path string) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhereItDoesNotListen(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, dir string)
		want    string // $DIR is the folder in which the folder of the socket is
	}{
		{
			name: "where another process serves",
			prepare: func(t *testing.T, dir string) {
				must(t, os.Mkdir(dir+"/run", 0o750))
				l, err := net.Listen("unix", dir+"/run/hook.sock")
				must(t, err)
				t.Cleanup(func() { l.Close() })
			},
			want: "listen on $DIR/run/hook.sock: another process is serving there",
		},
		{
			name: "where something stands that is no socket",
			prepare: func(t *testing.T, dir string) {
				must(t, os.Mkdir(dir+"/run", 0o750), os.WriteFile(dir+"/run/hook.sock", nil, 0o600))
			},
			want: "listen on $DIR/run/hook.sock: something that is no socket is there",
		},
		{
			name:    "in a folder that everybody can write",
			prepare: func(t *testing.T, dir string) { must(t, os.Mkdir(dir+"/run", 0o750), os.Chmod(dir+"/run", 0o777)) },
			want:    "the folder of the socket, $DIR/run, can be written by others (mode 0777): anyone who can do that can answer in our place; make it 0750",
		},
		{
			name:    "in a folder that its group can write",
			prepare: func(t *testing.T, dir string) { must(t, os.Mkdir(dir+"/run", 0o750), os.Chmod(dir+"/run", 0o770)) },
			want:    "the folder of the socket, $DIR/run, can be written by others (mode 0770): anyone who can do that can answer in our place; make it 0750",
		},
		{
			name:    "in a file",
			prepare: func(t *testing.T, dir string) { must(t, os.WriteFile(dir+"/run", nil, 0o600)) },
			want:    "the folder of the socket, $DIR/run, is no folder",
		},
		{
			name: "in a folder that somebody may move",
			prepare: func(t *testing.T, dir string) {
				must(t, os.Mkdir(dir+"/there", 0o750), os.Symlink(dir+"/there", dir+"/run"))
			},
			want: "the folder of the socket, $DIR/run, is no folder",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := shortDir(t)
			test.prepare(t, dir)
			err := listenOnce(t, plain(dir))
			if want := strings.ReplaceAll(test.want, "$DIR", dir); err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func TestItDoesNotListenInNoFolder(t *testing.T) {
	dir := shortDir(t)
	err := listenOnce(t, "listen: unix://"+dir+"/a/b/hook.sock\n")
	if want := "make the folder " + dir + "/a/b for the socket: " + dir + "/a does not exist"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestItDoesNotListenInTheFolderOfAnother(t *testing.T) {
	folder, owner := "/", 0 // which is root's
	if os.Geteuid() == 0 {
		folder, owner = shortDir(t), 12345
		must(t, os.Chown(folder, owner, -1))
	}
	err := listenOnce(t, "listen: unix://"+filepath.Join(folder, "hook.sock")+"\n")
	want := fmt.Sprintf("the folder of the socket, %s, belongs to user %d, not to this process (user %d); name a folder that is ours, as in %s",
		folder, owner, os.Geteuid(), filepath.Join(folder, "claimsmith", "hook.sock"))
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestTheSocketOfADeadProcessIsReplaced(t *testing.T) {
	r := serve(t, func(dir string) string {
		must(t, os.Mkdir(dir+"/run", 0o750))
		leaveSocket(t, dir+"/run/hook.sock")
		return plain(dir)
	})
	if _, err := r.client().ExtendPayload(t.Context(), signIn("mum@gmail.com")); err != nil {
		t.Error(err)
	}
}

func TestTheSocketGoesWithTheProcess(t *testing.T) {
	r := serve(t, plain)
	r.end()
	<-r.done
	if _, err := os.Lstat(r.socket()); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

// aGroup is one that this process may give files to, and not the one that they get anyway if that can be had.
func aGroup(t *testing.T) int {
	t.Helper()
	if os.Geteuid() == 0 {
		return 12345
	}
	groups, err := os.Getgroups()
	must(t, err)
	return append(groups, os.Getegid())[0]
}

func TestRightsOfTheSocket(t *testing.T) {
	group := aGroup(t)
	tests := []struct {
		name         string
		listen       string
		mode, folder fs.FileMode
		group        int
	}{
		{"by default its group may connect", "{socket: $SOCKET}", 0o660, 0o750, os.Getegid()},
		{"a mode", `{socket: $SOCKET, mode: "0600"}`, 0o600, 0o750, os.Getegid()},
		{"a group", "{socket: $SOCKET, group: " + strconv.Itoa(group) + "}", 0o660, 0o750, group},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := serve(t, func(dir string) string {
				return "listen: " + strings.ReplaceAll(test.listen, "$SOCKET", dir+"/run/hook.sock") + "\n"
			})
			for path, want := range map[string]fs.FileMode{r.socket(): test.mode, filepath.Dir(r.socket()): test.folder} {
				info, err := os.Lstat(path)
				must(t, err)
				if info.Mode().Perm() != want {
					t.Errorf("%s: mode %04o, want %04o", path, info.Mode().Perm(), want)
				}
				if got := int(info.Sys().(*syscall.Stat_t).Gid); got != test.group {
					t.Errorf("%s: group %d, want %d", path, got, test.group)
				}
			}
		})
	}
}

func TestAllowUids(t *testing.T) {
	listen := func(uid int) func(string) string {
		return func(dir string) string {
			return fmt.Sprintf("listen: {socket: %s/run/hook.sock, allowUids: [%d]}\n", dir, uid)
		}
	}
	t.Run("a listed user is let in", func(t *testing.T) {
		if _, err := serve(t, listen(os.Getuid())).client().ExtendPayload(t.Context(), signIn("mum@gmail.com")); err != nil {
			t.Error(err)
		}
	})
	t.Run("another is not, and the log says who it was", func(t *testing.T) {
		r := serve(t, listen(os.Getuid()+1))
		_, err := r.client().ExtendPayload(t.Context(), signIn("mum@gmail.com"))
		if status.Code(err) != codes.Unavailable {
			t.Errorf("%v", err)
		}
		got := masked(r.log.wait(t, "connection refused"))
		want := fmt.Sprintf(`{"time":"T","level":"WARN","msg":"connection refused","peer":"@","err":"user %d is not in listen.allowUids"}`, os.Getuid()) + "\n"
		if got != want {
			t.Errorf("got  %swant %s", got, want)
		}
	})
}
