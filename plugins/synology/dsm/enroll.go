package dsm

import (
	"context"
	"errors"
	"fmt"
)

// DeviceName is what DSM shows in its list of trusted devices.
const DeviceName = "claimsmith"

// ErrNoDevice is what Enroll gives when DSM signed in and named no device: the account has no second factor, so that none is needed.
var ErrNoDevice = errors.New("DSM named no trusted device: the account has no second factor")

// Enroll signs in with a one-time code, has DSM trust this machine from now on, and signs out. It returns the id of the device, which
// takes the place of codes and is as secret as the password. The login is tried whatever was refused before: a person waits for it.
func (c *Client) Enroll(ctx context.Context, code string) (string, error) {
	if err := c.enter(ctx); err != nil {
		return "", err
	}
	defer c.leave()
	s := c.newSession()
	if err := c.discover(ctx, s); err != nil {
		return "", err
	}
	reply, err := c.authenticate(ctx, s, map[string]string{
		"otp_code": code, "enable_device_token": "yes", "device_name": c.options.Name,
	})
	if err != nil {
		return "", err
	}
	if err := c.ask(ctx, s, request{api: apiAuth, method: "logout", version: authVersion}, nil); err != nil {
		return "", fmt.Errorf("sign out: %w", err)
	}
	device := reply.DeviceID
	if device == "" {
		device = reply.DID
	}
	switch {
	case device == "":
		return "", ErrNoDevice
	case !headerSafe(device):
		return "", fmt.Errorf("%s login: %w: no usable device in it", apiAuth, ErrUnexpected)
	}
	return device, nil
}
