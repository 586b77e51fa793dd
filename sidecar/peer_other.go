//go:build !linux

package sidecar

import (
	"errors"

	"google.golang.org/grpc/credentials"
)

func newPeerCheck(credentials.TransportCredentials, []int) (credentials.TransportCredentials, error) {
	return nil, errors.New("listen.allowUids needs Linux: give the socket a group and a mode instead")
}
