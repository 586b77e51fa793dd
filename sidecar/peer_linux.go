package sidecar

import (
	"context"
	"fmt"
	"net"
	"slices"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/credentials"
)

// peerCheck lets only processes of some users in, by what the kernel says of the other end of a unix socket (unix(7), SO_PEERCRED).
type peerCheck struct {
	credentials.TransportCredentials // of insecure.NewCredentials: the socket never leaves the machine
	uids                             []int
	refusal                          string // what others are: not in a list
}

// knowsPeers reports whether the kernel says who connects.
const knowsPeers = true

func newPeerCheck(base credentials.TransportCredentials, uids []int, refusal string) (credentials.TransportCredentials, error) {
	return &peerCheck{TransportCredentials: base, uids: uids, refusal: refusal}, nil
}

// ServerHandshake refuses a connection of a user who is not listed.
func (p *peerCheck) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	uid, err := peerUID(conn)
	if err != nil {
		return nil, nil, fmt.Errorf("ask the kernel who connects: %w", err)
	}
	if !slices.Contains(p.uids, uid) {
		return nil, nil, fmt.Errorf("user %d is %s", uid, p.refusal)
	}
	return p.TransportCredentials.ServerHandshake(conn)
}

// ClientHandshake is the one of the base: the check is of those who connect.
func (p *peerCheck) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return p.TransportCredentials.ClientHandshake(ctx, authority, conn)
}

// Clone copies the check.
func (p *peerCheck) Clone() credentials.TransportCredentials {
	return &peerCheck{TransportCredentials: p.TransportCredentials.Clone(), uids: p.uids, refusal: p.refusal}
}

func peerUID(conn net.Conn) (int, error) {
	if counted, ok := conn.(*countedConn); ok {
		conn = counted.Conn
	}
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return 0, fmt.Errorf("%s is no unix socket", conn.LocalAddr())
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return 0, err
	}
	if credErr != nil {
		return 0, credErr
	}
	return int(cred.Uid), nil
}
