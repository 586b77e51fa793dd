package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
)

// The handshake by which host and plugin recognise each other. The SDK repeats these values, and a test on each side holds
// them to the same words.
const (
	protocolVersion = 1
	cookieValue     = "claimsmith.plugin.v1"
	serviceName     = "lookup"
)

// maxHandshake is the length of the longest handshake line: a certificate is the most of it.
const maxHandshake = 8 << 10

// checkHandshake says in plain words what is wrong with the line that a plugin printed first. dirs are where its socket may be.
// What passes is still parsed by go-plugin.
func checkHandshake(line string, tls bool, dirs []string) error {
	parts := strings.Split(strings.TrimSpace(line), "|")
	if len(parts) < 5 {
		return fmt.Errorf("it printed %s instead of a handshake", confine.Quote(line))
	}
	switch {
	case parts[0] != strconv.Itoa(goplugin.CoreProtocolVersion):
		return fmt.Errorf("it speaks version %s of go-plugin, the host speaks %d", confine.Quote(parts[0]), goplugin.CoreProtocolVersion)
	case parts[1] != strconv.Itoa(protocolVersion):
		return fmt.Errorf("it speaks version %s of the plugin protocol, the host speaks %d", confine.Quote(parts[1]), protocolVersion)
	case parts[4] != string(goplugin.ProtocolGRPC):
		return fmt.Errorf("it speaks %s, want %s", confine.Quote(parts[4]), goplugin.ProtocolGRPC)
	case parts[2] != "unix" || !inside(parts[3], dirs):
		return errors.New("it does not listen on a unix socket in the directory that PLUGIN_UNIX_SOCKET_DIR names")
	case tls && (len(parts) < 6 || len(parts[5]) <= 50): // go-plugin takes no less for a certificate
		return errors.New("it offers no TLS: a plugin that cannot is declared with tls: off")
	}
	return nil
}

// inside reports whether path is a file in one of dirs.
func inside(path string, dirs []string) bool {
	for _, d := range dirs {
		if filepath.IsAbs(path) && filepath.Dir(filepath.Clean(path)) == filepath.Clean(d) {
			return true
		}
	}
	return false
}

// transport gets the service out of go-plugin.
type transport struct {
	goplugin.NetRPCUnsupportedPlugin
}

func (transport) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error {
	return errors.New("a host is not a plugin")
}

func (transport) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return pluginv1.NewLookupServiceClient(conn), nil
}
