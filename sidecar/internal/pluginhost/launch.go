package pluginhost

import (
	"os/exec"

	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
)

// Launch starts cmd as a process of a plugin that is declared as d, under all that confines one. cmd has its environment and
// its directory; sockets is the one for its socket. This is for those who speak to a plugin without the host between: it
// is neither supervised nor ended by h, but it does not outlive it.
func (h *Host) Launch(cmd *exec.Cmd, d confine.Declaration, sockets string) error {
	l := &launcher{host: h, decl: d, dir: cmd.Dir}
	cmd.Args = l.argv("", sockets)
	cmd.Path, cmd.Env = cmd.Args[0], append(cmd.Env, d.Limits.Env()...)
	return h.spawner.start(cmd)
}
