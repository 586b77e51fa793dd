//go:build !linux

package socket

import (
	"errors"

	"google.golang.org/grpc/credentials"
)

// knowsPeers reports whether the kernel says who connects.
const knowsPeers = false

func newPeerCheck(credentials.TransportCredentials, peers) (credentials.TransportCredentials, error) {
	return nil, errors.New("listen.allowUids needs Linux: give the socket a group and a mode instead")
}
