package synology

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

var (
	errNotPrivate = errors.New("every user of this machine can read or change the file")
	errNotFile    = errors.New("not a file")
)

// maxSecret is the longest password file.
const maxSecret = 4096

// readPassword gives the one line of a file that is nobody else's business.
func readPassword(file string) (string, error) {
	if file == "" {
		return "", errors.New("the name of the file is empty")
	}
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return "", withoutName(err)
	case !info.Mode().IsRegular():
		return "", errNotFile
	case info.Size() > maxSecret:
		return "", fmt.Errorf("longer than %d bytes, which no password is", maxSecret)
	case info.Mode().Perm()&0o006 != 0:
		return "", errNotPrivate
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", withoutName(err)
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	switch {
	case password == "":
		return "", errors.New("the file is empty")
	case strings.ContainsAny(password, "\r\n\x00"):
		return "", errors.New("the file holds more than one line")
	}
	return password, nil
}

// hintFor says how to mend a password file.
func hintFor(err error, file string) string {
	switch {
	case errors.Is(err, errNotPrivate):
		return "chmod 0640 " + file
	case errors.Is(err, fs.ErrNotExist):
		return "write the password of the account into " + file
	}
	return ""
}

// withoutName shortens the error of a file whose name the operator sees anyway.
func withoutName(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// readDevice gives the id of a trusted device.
func readDevice(file string) (string, error) {
	device, err := readPassword(file)
	if err == nil && strings.ContainsFunc(device, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "", errors.New("no id of a trusted device in it")
	}
	return device, err
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
		return withoutName(err)
	}
	_, err = f.WriteString(device + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // it is of no use
	}
	return withoutName(err)
}
