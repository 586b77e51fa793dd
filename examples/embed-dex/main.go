package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/dexidp/dex/server"
	dexsigner "github.com/dexidp/dex/server/signer"
	"github.com/dexidp/dex/storage"
	"github.com/dexidp/dex/storage/memory"
	"github.com/dexidp/dex/web"
	"github.com/prometheus/client_golang/prometheus"

	claimshook "github.com/claimsmith/claimsmith/dexpatch/hook"
)

func main() {
	address := flag.String("address", "127.0.0.1:5556", "where to serve")
	socket := flag.String("socket", "/run/claimsmith/hook.sock", "the socket of the sidecar")
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	dex, err := newDex(context.Background(), "http://"+*address+"/dex", *socket, log)
	if err == nil {
		err = http.ListenAndServe(*address, dex)
	}
	log.Error("ended", "err", err)
	os.Exit(1)
}

// passwordHash is the bcrypt hash of the word "password".
const passwordHash = "$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W"

// newDex makes a Dex with one client and one person, mum@example.org, whose password is "password".
func newDex(ctx context.Context, issuer, socket string, log *slog.Logger) (http.Handler, error) {
	var config claimshook.Config
	block, err := json.Marshal(map[string]any{"address": "unix://" + socket, "clients": []string{"embedded"}})
	if err != nil {
		return nil, err
	}
	if err := config.UnmarshalJSON(block); err != nil {
		return nil, err
	}
	metrics := prometheus.NewRegistry()
	hook, err := claimshook.New(config, claimshook.Options{RequestIDKey: server.RequestKeyRequestID, Logger: log, Registry: metrics})
	if err != nil {
		return nil, err
	}
	store := storage.WithStaticClients(memory.New(log), []storage.Client{{ID: "embedded", Name: "Embedded", Secret: "secret"}})
	store = storage.WithStaticPasswords(store, []storage.Password{{Email: "mum@example.org", Hash: []byte(passwordHash), Username: "mum", UserID: "117"}}, log)
	store = storage.WithStaticConnectors(store, []storage.Connector{{ID: server.LocalConnector, Type: server.LocalConnector, Name: "Email"}})
	keys := dexsigner.LocalConfig{KeysRotationPeriod: "6h"}
	signer, err := keys.Open(ctx, store, time.Hour, time.Now, log)
	if err != nil {
		return nil, fmt.Errorf("open the signer: %w", err)
	}
	policy, err := server.NewRefreshTokenPolicy(log, false, "", "", "")
	if err != nil {
		return nil, err
	}
	signer.Start(ctx)
	return server.NewServer(ctx, server.Config{
		Issuer: issuer, Storage: store, Signer: hookedSigner{signer, hook}, Logger: log, PrometheusRegistry: metrics,
		AllowedGrantTypes: []string{"password"}, PasswordConnector: server.LocalConnector, RefreshTokenPolicy: policy, Web: server.WebConfig{WebFS: web.FS()},
	})
}
