package operator

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
)

// AdminSocket is where the sidecar of a configuration answers its operator. The rest of the file may be wrong: a sidecar that
// could not load it goes on with the one before. It may even be no YAML any more.
func AdminSocket(file string) (string, error) {
	cfg, src, problems := config.LoadAddresses(file)
	switch {
	case cfg.Admin.Socket != "":
		return cfg.Admin.Socket, nil
	case cfg.Admin.Off:
		return "", fmt.Errorf("%s: admin is off", file)
	case config.HasErrors(problems):
		return "", &compile.Problems{List: problems, Source: src}
	}
	return "", fmt.Errorf("%s does not say where: a sidecar on tcp answers its operator at a socket that admin names", file)
}

// DialAdmin connects to the socket of a running sidecar, for the clients of package adminv1: a path, also as unix:///path. Errors of
// calls are put in words.
func DialAdmin(socket string) (*grpc.ClientConn, error) {
	absolute, err := filepath.Abs(strings.TrimPrefix(socket, "unix://"))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", socket, err)
	}
	socket = absolute
	words := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		err := invoke(ctx, method, req, reply, cc, opts...)
		switch s := status.Convert(err); {
		case err == nil || ctx.Err() != nil:
			return err
		case s.Code() == codes.Unavailable:
			reason := strings.Trim(s.Message()[strings.LastIndex(s.Message(), ": ")+1:], ` "`) // without those who pass it on
			return fmt.Errorf("no sidecar answers at %s: is it running, and is it yours? %w", socket, errors.New(reason))
		default:
			return errors.New(s.Message())
		}
	}
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUnaryInterceptor(words), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", socket, err)
	}
	return conn, nil
}
