package sidecar

import (
	"errors"
	"io"
	"log/slog"
	"net"

	"google.golang.org/grpc/credentials"
)

// loggedHandshake tells the log who was not let in: gRPC keeps it to itself, and the other end sees a closed connection.
type loggedHandshake struct {
	credentials.TransportCredentials
	log *slog.Logger
}

// ServerHandshake is that of the wrapped credentials. Who only looks whether somebody listens, as probes do, is not worth a line.
func (l loggedHandshake) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secured, info, err := l.TransportCredentials.ServerHandshake(conn)
	if err != nil && !errors.Is(err, io.EOF) {
		l.log.Warn("connection refused", "peer", conn.RemoteAddr().String(), "err", err)
	}
	return secured, info, err
}

// Clone copies the credentials and keeps the log.
func (l loggedHandshake) Clone() credentials.TransportCredentials {
	return loggedHandshake{TransportCredentials: l.TransportCredentials.Clone(), log: l.log}
}
