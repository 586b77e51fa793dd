package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

func dexProbeCommand() *cobra.Command {
	var ca, cert, key, name string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:     "probe ADDRESS",
		Short:   "Ask a sidecar whether it serves, from Dex's side",
		Long:    "probe connects like the hook in Dex does and ends with 0 if the sidecar says that it serves. It is made for the probes of Kubernetes.",
		Example: "  claimsmith dex probe unix:///run/claimsmith/hook.sock\n  claimsmith dex probe dns:///claimsmith:7443 --ca ca.crt --cert tls.crt --key tls.key",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || !strings.HasPrefix(args[0], "unix:///") && !strings.HasPrefix(args[0], "dns:///") {
				return usageError{errors.New("dex probe takes an address: unix:///path or dns:///host:port")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			creds := insecure.NewCredentials()
			if strings.HasPrefix(args[0], "dns:///") {
				config, err := probeTLS(ca, cert, key, name)
				if err != nil {
					return err
				}
				creds = credentials.NewTLS(config)
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return probe(ctx, args[0], timeout, creds)
		},
	}
	f := cmd.Flags()
	f.StringVar(&ca, "ca", "", "the `file` with the certificates that the sidecar's must chain to")
	f.StringVar(&cert, "cert", "", "the `file` with the certificate to show")
	f.StringVar(&key, "key", "", "the `file` with its key")
	f.StringVar(&name, "server-name", "", "the `name` in the sidecar's certificate (default: the host)")
	f.DurationVar(&timeout, "timeout", 2*time.Second, "how long to `wait`")
	return cmd
}

func probeTLS(ca, cert, key, name string) (*tls.Config, error) {
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("--ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--ca: %s holds no certificate", ca)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("--cert, --key: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, Certificates: []tls.Certificate{pair}, ServerName: name}, nil
}

// probe asks for the health of a sidecar once.
func probe(ctx context.Context, address string, timeout time.Duration, creds credentials.TransportCredentials) error {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(creds), grpc.WithNoProxy())
	if err != nil {
		return err
	}
	defer conn.Close()
	resp, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{}, grpc.WaitForReady(true))
	if err != nil {
		return unanswered(address, timeout, status.Convert(err))
	}
	if resp.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		return fmt.Errorf("the sidecar at %s says %s", address, resp.GetStatus())
	}
	return nil
}

// unanswered says why a probe failed, without those who pass the reason on.
func unanswered(address string, timeout time.Duration, why *status.Status) error {
	if why.Code() == codes.Unimplemented {
		return fmt.Errorf("what answers at %s is no sidecar", address)
	}
	_, reason, known := strings.Cut(why.Message(), "connection error: ")
	switch {
	case !known && why.Code() == codes.DeadlineExceeded:
		return fmt.Errorf("no sidecar answers at %s within %s", address, timeout)
	case !known:
		return fmt.Errorf("ask the sidecar at %s: %s", address, why.Message())
	}
	return fmt.Errorf("no sidecar answers at %s within %s: %s", address, timeout, strings.Trim(reason[strings.LastIndex(reason, ": ")+1:], ` "`))
}
