package files

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync"
)

// maxSecret is the longest file of a secret.
const maxSecret = 64 << 10

// ErrNotPrivate is the error for a secret that everybody can read.
var ErrNotPrivate = errors.New("every user of this machine can read or change the file")

// SecretHint says how to mend a file with a secret; empty: nobody knows.
func SecretHint(err error, file string) string {
	switch {
	case errors.Is(err, ErrNotPrivate):
		return "chmod 0640 " + file
	case errors.Is(err, fs.ErrNotExist):
		return "write the secret into " + file
	}
	return ""
}

// Secret is a file with a password or a token in one line. It is read again when the file has changed. A file in its place that this process
// may not read, as in a sandbox, changes nothing: claimsmith starts another process for it, once it is good. It is safe for concurrent use.
type Secret struct {
	file string

	mu    sync.Mutex
	stamp Stamp
	value string
}

// OpenSecret reads a secret for the first time.
func OpenSecret(file string) (*Secret, error) {
	if err := Absolute(file); err != nil {
		return nil, err
	}
	s := &Secret{file: file}
	_, err := s.Value()
	return s, err
}

// Value gives the line as the file has it now, without the line break at its end.
func (s *Secret) Value() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := os.Stat(s.file)
	if err != nil {
		return "", Reason(err)
	}
	if s.stamp.Same(info) {
		return s.value, nil
	}
	value, stamp, err := readSecret(s.file, info)
	switch {
	case err == nil:
		s.stamp, s.value = stamp, value
	case s.value == "" || !unreadable(s.file):
		return "", err
	}
	return s.value, nil
}

// unreadable reports whether this process may not read a file.
func unreadable(file string) bool {
	f, err := os.Open(file)
	if err == nil {
		_ = f.Close() // it was only opened
	}
	return errors.Is(err, fs.ErrPermission)
}

// ReadSecret gives the line of a secret that is read once.
func ReadSecret(file string) (string, error) {
	if err := Absolute(file); err != nil {
		return "", err
	}
	info, err := os.Stat(file)
	if err != nil {
		return "", Reason(err)
	}
	value, _, err := readSecret(file, info)
	return value, err
}

func readSecret(file string, info os.FileInfo) (string, Stamp, error) {
	if !info.Mode().IsRegular() {
		return "", Stamp{}, errNotFile
	}
	if err := Private(info.Mode()); err != nil {
		return "", Stamp{}, err
	}
	content, stamp, err := Read(file, maxSecret)
	if err != nil {
		return "", Stamp{}, err
	}
	value, err := oneLine(string(content))
	return value, stamp, err
}

// Private reports the mode of a file that everybody can read or change.
func Private(mode os.FileMode) error {
	if mode.Perm()&0o006 != 0 {
		return ErrNotPrivate
	}
	return nil
}

func oneLine(content string) (string, error) {
	line := strings.TrimSuffix(strings.TrimSuffix(content, "\n"), "\r")
	switch {
	case line == "":
		return "", errors.New("the file is empty")
	case strings.ContainsAny(line, "\r\n\x00"):
		return "", errors.New("the file holds more than one line")
	}
	return line, nil
}
