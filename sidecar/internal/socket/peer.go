package socket

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"os"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/claimsmith/claimsmith/sidecar/internal/pluginhost"
)

// peers are those who get in at a unix socket.
type peers struct {
	uids    []int                    // nil: all who may connect
	refusal string                   // what others are: not in a list
	plugin  func(session int) string // the plugin that leads a session, or "": plugins are asked, and do not ask
}

// HookPeers lets in who is listed; nil is everybody who reaches the socket.
func HookPeers(uids []int, host *pluginhost.Host) (credentials.TransportCredentials, error) {
	if uids == nil && !knowsPeers {
		return insecure.NewCredentials(), nil
	}
	return newPeerCheck(insecure.NewCredentials(), peers{uids: uids, refusal: "not in listen.allowUids", plugin: host.PluginOf})
}

// OwnerOnly lets in this user and root. Where the kernel does not say who connects, the rights of the socket have to do.
func OwnerOnly(host *pluginhost.Host) (credentials.TransportCredentials, error) {
	if !knowsPeers {
		return insecure.NewCredentials(), nil
	}
	return newPeerCheck(insecure.NewCredentials(), peers{uids: []int{os.Geteuid(), 0}, refusal: "not the owner of this sidecar", plugin: host.PluginOf})
}

// LoggedHandshake tells the log who was not let in: gRPC keeps it to itself, and the other end sees a closed connection.
type LoggedHandshake struct {
	credentials.TransportCredentials
	Log *slog.Logger
}

// ServerHandshake is that of the wrapped credentials. Who only looks whether somebody listens, as probes do, is not worth a line.
func (l LoggedHandshake) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secured, info, err := l.TransportCredentials.ServerHandshake(conn)
	if err != nil && !errors.Is(err, io.EOF) {
		l.Log.Warn("connection refused", "peer", conn.RemoteAddr().String(), "err", err)
	}
	return secured, info, err
}

// Clone copies the credentials and keeps the log.
func (l LoggedHandshake) Clone() credentials.TransportCredentials {
	return LoggedHandshake{TransportCredentials: l.TransportCredentials.Clone(), Log: l.Log}
}
