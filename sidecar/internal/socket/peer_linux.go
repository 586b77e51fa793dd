package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/credentials"

	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
)

// peerCheck decides who gets in by what the kernel says of the other end of a unix socket (unix(7), SO_PEERCRED).
type peerCheck struct {
	credentials.TransportCredentials // of insecure.NewCredentials: the socket never leaves the machine
	peers
}

// knowsPeers reports whether the kernel says who connects.
const knowsPeers = true

func newPeerCheck(base credentials.TransportCredentials, p peers) (credentials.TransportCredentials, error) {
	return &peerCheck{TransportCredentials: base, peers: p}, nil
}

// ServerHandshake refuses a connection of a user who is not listed, and of a plugin.
func (p *peerCheck) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if err := p.admit(conn); err != nil {
		return nil, nil, err
	}
	return p.TransportCredentials.ServerHandshake(conn)
}

// ClientHandshake is the one of the base: the check is of those who connect.
func (p *peerCheck) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return p.TransportCredentials.ClientHandshake(ctx, authority, conn)
}

// Clone copies the check.
func (p *peerCheck) Clone() credentials.TransportCredentials {
	return &peerCheck{TransportCredentials: p.TransportCredentials.Clone(), peers: p.peers}
}

func (p *peerCheck) admit(conn net.Conn) error {
	if counted, ok := conn.(*countedConn); ok {
		conn = counted.Conn
	}
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return fmt.Errorf("%s is no unix socket", conn.LocalAddr())
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var refused error
	if err := raw.Control(func(fd uintptr) { refused = p.judge(int(fd)) }); err != nil {
		return err
	}
	return refused
}

func (p *peerCheck) judge(fd int) error {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return fmt.Errorf("ask the kernel who connects: %w", err)
	}
	if p.uids != nil && !slices.Contains(p.uids, int(cred.Uid)) {
		return fmt.Errorf("user %d is %s", cred.Uid, p.refusal)
	}
	if cred.Pid == 0 { // of another container, where the plugins of this sidecar are not
		return nil
	}
	session, err := unix.Getsid(int(cred.Pid))
	if err != nil {
		return errors.New("who connected has ended")
	}
	if plugin := p.plugin(session); plugin != "" {
		return fmt.Errorf("it is a process of the plugin %s, and plugins do not ask", plugin)
	}
	if confine.Marked(int(cred.Pid)) {
		return errors.New("it is a process of a plugin of another claimsmith, and plugins do not ask")
	}
	return stillThere(fd)
}

// stillThere returns an error when the process that connected has ended: its id may be that of another now.
func stillThere(fd int) error {
	process, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	if errors.Is(err, unix.ENOPROTOOPT) {
		return nil // before Linux 6.5
	}
	if err != nil {
		return errors.New("who connected has ended")
	}
	defer unix.Close(process)
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(process), Events: unix.POLLIN}}, 0); err != nil || n > 0 {
		return errors.New("who connected has ended")
	}
	return nil
}
