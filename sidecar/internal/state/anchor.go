package state

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// anchor remembers the highest serial number of bound rows that was seen, in a file outside the database if there is one.
type anchor struct {
	file  string // empty: none
	kind  string
	key   *Key
	reads bool // and never writes

	mu     sync.Mutex
	read   bool   // the file was
	serial int64  // the highest that is known
	broken bool   // the file does not open
	next   string // the file that takes the place of file; empty: none
	ahead  int64  // the serial number in it
}

func (a *anchor) place() place { return place{kind: a.kind, scope: "anchor"} }

// least returns the serial number that the rows have at the least. It is ErrUnsound where the file does not open.
func (a *anchor) least() (int64, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file != "" && !a.read {
		data, err := os.ReadFile(a.file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, fmt.Errorf("read the anchor: %w", err)
		}
		a.read = true
		if err == nil {
			sealed, err := hex.DecodeString(strings.TrimSpace(string(data)))
			value, opens := a.key.open(a.place(), sealed)
			if a.broken = err != nil || !opens || len(value) != 8; !a.broken {
				a.serial = max(a.serial, int64(binary.BigEndian.Uint64(value)))
			}
		}
	}
	if a.broken {
		return a.serial, ErrUnsound
	}
	return a.serial, nil
}

// prepare writes the file that commit puts into place.
func (a *anchor) prepare(serial int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ahead = serial; a.file == "" {
		return nil
	}
	next, err := a.write(serial)
	if err != nil {
		return fmt.Errorf("write the anchor: %w", err)
	}
	a.next = next
	return nil
}

// Writable returns why the file cannot be written.
func (a *anchor) Writable() error {
	if a.file == "" {
		return nil
	}
	name, err := a.write(0)
	if err != nil {
		return fmt.Errorf("write the anchor: %w", err)
	}
	return os.Remove(name)
}

func (a *anchor) write(serial int64) (name string, err error) {
	folder := filepath.Dir(a.file)
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	f, err := os.CreateTemp(folder, filepath.Base(a.file)+".*")
	if err != nil {
		return "", err
	}
	_, err = fmt.Fprintf(f, "%x\n", a.key.seal(a.place(), binary.BigEndian.AppendUint64(nil, uint64(serial))))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// commit says that rows have the serial number that was prepared.
func (a *anchor) commit() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ahead == 0 {
		return nil
	}
	a.serial, a.ahead, a.broken = max(a.serial, a.ahead), 0, false
	if a.next == "" {
		return nil
	}
	next := a.next
	a.next = ""
	if err := os.Rename(next, a.file); err != nil {
		return fmt.Errorf("write the anchor: %w", errors.Join(err, os.Remove(next)))
	}
	return nil
}

// abandon says that nothing came of what was prepared.
func (a *anchor) abandon() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	next := a.next
	if a.next, a.ahead = "", 0; next == "" {
		return nil
	}
	return os.Remove(next)
}

// saw takes note of a serial number that rows have. A file that cannot be written stays behind, and the next change tells.
func (a *anchor) saw(serial int64) {
	if least, err := a.least(); err != nil || serial <= least {
		return
	}
	if a.reads {
		a.ahead = serial
		_ = a.commit() // into memory
		return
	}
	if a.prepare(serial) != nil || a.commit() != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.serial, a.ahead = max(a.serial, serial), 0
	}
}
