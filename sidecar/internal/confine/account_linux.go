package confine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// needed is what root must be able to do to run processes of others: make them, give them their folders, connect to their
// sockets, and end them. Containers take some of it away.
var needed = [...]struct {
	bit  uint
	name string
}{
	{unix.CAP_CHOWN, "CAP_CHOWN"}, {unix.CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"}, {unix.CAP_KILL, "CAP_KILL"},
	{unix.CAP_SETGID, "CAP_SETGID"}, {unix.CAP_SETUID, "CAP_SETUID"},
}

// cannotChangeUser says why this process cannot run others under another user id, or "".
func cannotChangeUser() string {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var held [2]unix.CapUserData
	if err := unix.Capget(&header, &held[0]); err != nil {
		return "claimsmith cannot ask what it may: " + err.Error()
	}
	return unfit(os.Geteuid(), held[0].Effective)
}

func unfit(uid int, held uint32) string {
	if uid != 0 {
		return "a user of its own needs claimsmith to be started as root"
	}
	var missing []string
	for _, n := range needed {
		if held&(1<<n.bit) == 0 {
			missing = append(missing, n.name)
		}
	}
	if len(missing) == 0 {
		return ""
	}
	return "a user of its own needs what claimsmith was started without: " + strings.Join(missing, ", ")
}

// become makes this process run as a, for good.
func become(a Account) error {
	if err := syscall.Setgroups(nil); err != nil {
		return fmt.Errorf("leave all groups: %w", err)
	}
	if err := syscall.Setresgid(a.GID, a.GID, a.GID); err != nil {
		return fmt.Errorf("group %d: %w", a.GID, err)
	}
	if err := syscall.Setresuid(a.UID, a.UID, a.UID); err != nil {
		return fmt.Errorf("%s: %w", a, err)
	}
	// Securebits can keep privileges over the change; the ambient ones would even stay over execve.
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) // kernels without them have none to clear
	if syscall.Setresuid(0, 0, 0) == nil {
		return fmt.Errorf("%s: it could become root again", a)
	}
	return nil
}

// reaches returns an error when this process, as who it became, cannot use what it needs to start: whoever wrote the
// configuration forgot whom they gave it to. What does not exist is for the plugin to say.
func (o orders) reaches(a Account, program string) error {
	who := a.String()
	switch {
	case a.Own():
	case os.Geteuid() == 0:
		who = "root, who has no capabilities in a plugin,"
	default:
		return nil // it is the host, and the plugin says it best
	}
	for _, need := range []struct {
		files []string
		mode  uint32
		error string
	}{
		{[]string{os.Getenv("HOME"), os.Getenv("PLUGIN_UNIX_SOCKET_DIR")}, unix.W_OK | unix.X_OK, "cannot enter its folder"},
		{[]string{program}, unix.X_OK, "may not run"},
		{o.Named, unix.R_OK, "may not read"},
	} {
		for _, file := range need.files {
			if err := unix.Access(file, need.mode); errors.Is(err, unix.EACCES) {
				return fmt.Errorf("%s %s %s", who, need.error, file)
			}
		}
	}
	return nil
}

// Dial connects to a socket of a. What a plugin names may be a link to the socket of somebody else, who lets root in.
func (a Account) Dial(ctx context.Context, socket string) (_ net.Conn, err error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = conn.Close()
		}
	}()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return nil, err
	}
	var peer *unix.Ucred
	var asked error
	if err := raw.Control(func(fd uintptr) { peer, asked = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return nil, err
	}
	if asked != nil {
		return nil, asked
	}
	if int(peer.Uid) != a.UID {
		return nil, fmt.Errorf("its socket is one of user %d, not of %s", peer.Uid, a)
	}
	return conn, nil
}
