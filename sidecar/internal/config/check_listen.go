package config

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"
)

// maxSocket is how long the path of a unix socket may be on Linux.
const maxSocket = 107

// wholePath reports whether a path says everything: from the root, without detours.
func wholePath(path string) bool { return filepath.IsAbs(path) && filepath.Clean(path) == path }

func (d *decoder) checkListen(l *Listen) {
	socket, tcp := l.has("socket"), l.has("tcp")
	switch {
	case socket && tcp:
		d.wrongKey(member(l.Path, "tcp"), "the sidecar listens at one address: socket or tcp", "")
	case socket:
		d.misplaced(l.Place, "tls belongs to tcp; a socket has permissions instead", "tls")
		d.socketFields(l)
	case tcp:
		d.misplaced(l.Place, "this belongs to socket; who may connect over tcp is said under tls", "mode", "group", "allowUids")
		d.tcpFields(l)
	default:
		d.wrong(l.Path, "an address is missing", "write socket: /run/claimsmith/hook.sock")
	}
}

func (d *decoder) socketFields(l *Listen) {
	path := member(l.Path, "socket")
	if unix, ok := strings.CutPrefix(l.Socket, "unix://"); ok {
		d.wrong(path, "the long form wants the path alone", "write socket: "+unix)
		return
	}
	if l.Socket != "" {
		d.socket(item{node: l.value("socket"), path: path}, l.Socket)
	}
	if l.Mode&0o002 != 0 && len(l.AllowUIDs) == 0 {
		d.warn(member(l.Path, "mode"), "every user of this machine may ask the sidecar", "name the users that may: allowUids: [1001]")
	}
}

// socket looks at the path of a socket in either form.
func (d *decoder) socket(it item, path string) {
	switch {
	case !wholePath(path):
		d.report(it, "the path of a socket must be absolute, without .. and //", "")
	case len(path) > maxSocket:
		d.report(it, "a socket cannot have a path of more than "+strconv.Itoa(maxSocket)+" bytes", "")
	}
}

func (d *decoder) tcpFields(l *Listen) {
	host, port, err := net.SplitHostPort(l.TCP)
	number, perr := strconv.ParseUint(port, 10, 16)
	if l.TCP != "" && (err != nil || perr != nil || number == 0 || strings.ContainsAny(host, "/ ")) {
		d.wrong(member(l.Path, "tcp"), "must be an address and a port from 1 to 65535", "such as 0.0.0.0:7443")
	}
	if !l.has("tls") {
		d.wrong(member(l.Path, "tcp"), "tcp needs tls: anyone who can ask the sidecar could learn what it knows",
			"add tls: {certFile: ..., keyFile: ..., clientCAFile: ...}")
	}
}
