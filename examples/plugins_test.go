package examples

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar"
)

// need runs a command without which a test cannot be run, and skips the test when it fails. Where changes are checked it must not.
func need(t *testing.T, dir, install string, command ...string) string {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		said := fmt.Sprintf("%s: %v: %s\n%s", strings.Join(command, " "), err, install, out)
		if os.Getenv("CLAIMSMITH_CI") != "" {
			t.Fatal(said)
		}
		t.Skip(said)
	}
	return string(out)
}

// copied is a copy of a folder of an example, beside a directory for temporary files that is short enough for sockets.
func copied(t *testing.T, example string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ex")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("TMPDIR", dir)
	to := filepath.Join(dir, "plugin")
	if err := os.CopyFS(to, os.DirFS(example)); err != nil {
		t.Fatal(err)
	}
	return to
}

// keeps puts a plugin through the contract and returns what was not tried.
func keeps(t *testing.T, trial sidecar.PluginTrial) (untried []string) {
	t.Helper()
	report, err := sidecar.VerifyPlugin(t.Context(), trial, confined())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range report.Checks {
		switch c.Outcome {
		case "kept":
		case "untried":
			untried = append(untried, c.ID)
		default:
			t.Errorf("%s: %s: %s %s", c.ID, c.Outcome, c.Detail, c.Hint)
		}
	}
	return untried
}

// moved writes a configuration to a new file, with some of its texts replaced, and returns its name and where its socket will be.
func moved(t *testing.T, file string, oldnew ...string) (name, socket string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(os.Getenv("TMPDIR"), "run")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "hook.sock")
	changed := strings.NewReplacer(append(oldnew, "unix:///run/claimsmith/hook.sock", "unix://"+socket)...).Replace(string(text))
	name = filepath.Join(filepath.Dir(file), "moved.yaml")
	if err := os.WriteFile(name, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return name, socket
}

// served runs a sidecar until the test ends, and returns a client of its socket.
func served(t *testing.T, file, socket string) hookv1.ClaimsHookServiceClient {
	t.Helper()
	server, err := sidecar.New(t.Context(), file, confined())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx) }()
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		cancel()
		if err := errors.Join(<-done, server.Close()); err != nil {
			t.Error(err)
		}
	})
	return hookv1.NewClaimsHookServiceClient(conn)
}

// claimed is the value of a claim that somebody gets at a client, as the sidecar has Dex write it.
func claimed(t *testing.T, hook hookv1.ClaimsHookServiceClient, client, email, claim string) string {
	t.Helper()
	payload, err := json.Marshal(map[string]string{"iss": "https://dex.example.org", "sub": "CgQ", "aud": client, "email": email})
	if err != nil {
		t.Fatal(err)
	}
	reply, err := hook.ExtendPayload(t.Context(), &hookv1.ExtendPayloadRequest{
		Payload: payload, Identity: &hookv1.Identity{UserId: "1", Email: email, EmailVerified: true},
		ConnectorId: "google", ClientId: client, Audience: []string{client}, Stage: hookv1.Stage_STAGE_TOKEN,
		TokenKinds: []hookv1.TokenKind{hookv1.TokenKind_TOKEN_KIND_ID}, GrantType: "authorization_code", RequestId: email, Features: []string{"login", "grant-type"},
	})
	if err != nil {
		return err.Error()
	}
	return string(reply.GetPatches().GetIdToken().GetSet()[claim])
}

// describes holds what a plugin says about itself against the schema.json in its folder.
func describes(t *testing.T, dir string, trial sidecar.PluginTrial) {
	t.Helper()
	got, err := sidecar.DescribePlugin(t.Context(), trial)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(dir, "schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

// sameMessages holds the copy of lookup.proto in an example against the contract.
func sameMessages(t *testing.T, example string) {
	t.Helper()
	theirs, err := os.ReadFile(filepath.Join(example, "lookup.proto"))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := os.ReadFile("../proto/claimsmith/plugin/v1/lookup.proto")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(theirs, ours) {
		t.Errorf("copy proto/claimsmith/plugin/v1/lookup.proto to examples/%s", example)
	}
}
