package synology

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
)

// Enroll makes DSM trust this machine: it signs in with a one-time code and writes the id of the device that DSM gives into
// the file deviceFile of the configuration, which is the block config of the plugin as JSON. What is wrong with the configuration is
// returned as sdk.Problems, a refusal of DSM as *dsm.Error. The code is asked for only when all else is well.
func Enroll(ctx context.Context, config json.RawMessage, log *slog.Logger, code func() (string, error)) (file string, err error) {
	var c Config
	if err := json.Unmarshal(config, &c); err != nil {
		return "", fmt.Errorf("read the configuration of the plugin: %w", err)
	}
	s, err := c.settle(false)
	switch {
	case err != nil:
		return "", err
	case s.snapshot != nil:
		return "", sdk.Problems{{Path: "source", Message: "a snapshot is read without any account, so there is nothing to enroll"}}
	case c.DeviceFile == "":
		return "", sdk.Problems{{Path: "deviceFile", Message: "the name of the file is empty", Hint: "say where the id of the device is to be kept"}}
	}
	s.client.Log = log
	client, err := dsm.New(s.client)
	if err != nil {
		return "", err
	}
	one, err := code()
	if err != nil {
		return "", fmt.Errorf("read the code: %w", err)
	}
	if one == "" {
		return "", errors.New("no code was given")
	}
	device, err := client.Enroll(ctx, one)
	if err != nil {
		return "", err
	}
	if err := writeDevice(c.DeviceFile, device); err != nil {
		return "", fmt.Errorf("DSM trusts this machine now, but the device cannot be kept in %s: %w", c.DeviceFile, err)
	}
	return c.DeviceFile, nil
}
