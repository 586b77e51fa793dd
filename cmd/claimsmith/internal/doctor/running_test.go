package doctor

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar/replay"
)

func TestSockets(t *testing.T) {
	listen := func(t *testing.T, path string) *net.UnixListener {
		t.Helper()
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	rights := func(t *testing.T, path string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name  string
		make  func(t *testing.T, path string)
		want  string
		serve bool
	}{
		{"nobody was there", func(*testing.T, string) {}, "wrong socket: there is no SOCKET: no sidecar is running here", false},
		{"a file is there", func(t *testing.T, path string) {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "wrong socket: SOCKET is no socket", false},
		{"whoever was there is dead", func(t *testing.T, path string) {
			l := listen(t, path)
			l.SetUnlinkOnClose(false)
			l.Close()
		}, "wrong socket: nobody listens at SOCKET any more", false},
		{"everybody may ask", func(t *testing.T, path string) {
			listen(t, path)
			rights(t, path, 0o666)
		}, "warning socket: SOCKET: every user of this machine can ask it", true},
		{"as it should be", func(t *testing.T, path string) {
			listen(t, path)
			rights(t, path, 0o660)
		}, "ok socket: SOCKET answers user ", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, err := os.MkdirTemp("/tmp", "cs-") // a path that is short enough for a socket
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			path := filepath.Join(dir, "hook.sock")
			test.make(t, path)
			d := fresh(Options{})
			d.outline = &replay.Outline{Socket: path}
			if serves := d.socket(t.Context()); serves != test.serve {
				t.Errorf("somebody serves: %t", serves)
			}
			said := strings.NewReplacer(path, "SOCKET").Replace(strings.Join(d.said(), "\n"))
			if !strings.HasPrefix(said, test.want) {
				t.Error(cmp.Diff(test.want, said))
			}
		})
	}
}
