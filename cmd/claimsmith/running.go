package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/operator"
)

// running finds the sidecar that a command is about.
type running struct{ file, socket *string }

// runningFlags add -c and --socket.
func runningFlags(cmd *cobra.Command) running {
	return running{file: configFlag(cmd), socket: cmd.Flags().String("socket", "", "the admin `socket` of the sidecar; by default where the configuration says")}
}

// where is the admin socket.
func (r running) where() (string, error) {
	if *r.socket != "" {
		return *r.socket, nil
	}
	if _, err := os.Stat(*r.file); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("there is no %s\nhint: -c names the configuration of the sidecar, or --socket its admin socket", *r.file)
	}
	at, err := operator.AdminSocket(*r.file)
	if errors.As(err, new(*sidecar.Problems)) { // which of them keeps it from being read does not matter here: check says it
		return "", fmt.Errorf("the configuration does not say where the sidecar answers: %s\nhint: --socket names its admin socket", err.Error())
	}
	return at, err
}

// ask connects for one question to one of the services of a running sidecar.
func ask[C any](r running, service func(grpc.ClientConnInterface) C, question func(C) error) error {
	at, err := r.where()
	if err != nil {
		return err
	}
	conn, err := operator.DialAdmin(at)
	if err != nil {
		return err
	}
	defer conn.Close()
	return question(service(conn))
}

func (r running) ask(question func(adminv1.AdminServiceClient) error) error {
	return ask(r, adminv1.NewAdminServiceClient, question)
}

func (r running) askLinks(question func(adminv1.LinkServiceClient) error) error {
	return ask(r, adminv1.NewLinkServiceClient, question)
}

func (r running) askPlugins(question func(adminv1.PluginServiceClient) error) error {
	return ask(r, adminv1.NewPluginServiceClient, question)
}

// rawJSON is a message as JSON, in the same form each time: protojson scatters spaces on purpose.
func rawJSON(m proto.Message) (json.RawMessage, error) {
	scattered, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = json.Compact(&b, scattered)
	return b.Bytes(), err
}

func writeMessage(out io.Writer, m proto.Message) error {
	raw, err := rawJSON(m)
	if err != nil {
		return err
	}
	return writeJSON(out, raw)
}
