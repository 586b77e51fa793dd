package sidecar

import (
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

// hookPeers lets in who is listed; nil is everybody who reaches the socket.
func hookPeers(uids []int, host *pluginhost.Host) (credentials.TransportCredentials, error) {
	if uids == nil && !knowsPeers {
		return insecure.NewCredentials(), nil
	}
	return newPeerCheck(insecure.NewCredentials(), peers{uids: uids, refusal: "not in listen.allowUids", plugin: host.PluginOf})
}

// ownerOnly lets in this user and root. Where the kernel does not say who connects, the rights of the socket have to do.
func ownerOnly(host *pluginhost.Host) (credentials.TransportCredentials, error) {
	if !knowsPeers {
		return insecure.NewCredentials(), nil
	}
	return newPeerCheck(insecure.NewCredentials(), peers{uids: []int{os.Geteuid(), 0}, refusal: "not the owner of this sidecar", plugin: host.PluginOf})
}
