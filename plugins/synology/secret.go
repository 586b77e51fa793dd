package synology

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/files"
)

// hintFor says how to mend a password file.
func hintFor(err error, file string) string {
	switch {
	case errors.Is(err, files.ErrNotPrivate):
		return "chmod 0640 " + file
	case errors.Is(err, fs.ErrNotExist):
		return "write the password of the account into " + file
	}
	return ""
}

// readDevice gives the id of a trusted device.
func readDevice(file string) (string, error) {
	device, err := files.ReadSecret(file)
	if err == nil && strings.ContainsFunc(device, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "", errors.New("no id of a trusted device in it")
	}
	return device, err
}

// Secrets are the password of the account and the id of the trusted device as the files have them now; the id is empty without a file.
func (c Config) Secrets() (password, device string, err error) {
	if password, err = files.ReadSecret(c.PasswordFile); err != nil || c.DeviceFile == "" {
		return password, "", err
	}
	device, err = readDevice(c.DeviceFile)
	return password, device, err
}

// orNone is what a file holds at the moment of a login. Where it cannot be read there is nothing: it may be about to be written, and
// DSM says what it thinks of a login without.
func orNone(secret string, err error) string {
	if err != nil {
		return ""
	}
	return secret
}

// writeDevice keeps the id of a trusted device where only this user can read it. The file appears whole or not at all.
func writeDevice(file, device string) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".device-*") // 0600
	if err != nil {
		return files.Reason(err)
	}
	_, err = f.WriteString(device + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // it is of no use
	}
	return files.Reason(err)
}
