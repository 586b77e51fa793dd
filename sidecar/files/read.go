package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// unsettled is how long after a change the times of a file may not tell it from the next one.
const unsettled = 2 * time.Second

var (
	errNotFile  = errors.New("not a file")
	errChanging = errors.New("the file changes while it is read")
	errRelative = errors.New("not an absolute path, and a plugin works in a folder of its own")
)

// Stamp is the state of a file at the time it was read. The zero value is that of no file.
type Stamp struct {
	info fs.FileInfo
	read time.Time // on the clock on the wall, as the times of files are
}

// Same tells whether info is certainly that of the file as it was read. A file that was read in the moment of its last
// change may have changed again unnoticed: it is not the same.
func (s Stamp) Same(info fs.FileInfo) bool {
	return s.info != nil && os.SameFile(s.info, info) && alike(s.info, info) && s.read.Sub(info.ModTime()).Abs() > unsettled
}

func alike(a, b fs.FileInfo) bool {
	return a.Size() == b.Size() && a.Mode() == b.Mode() && a.ModTime().Equal(b.ModTime())
}

// Text is the content of a file as sdk.Text has it.
func Text(file string) ([]byte, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return sdk.Text(content)
}

// Absolute reports a path that does not begin at the root.
func Absolute(file string) error {
	switch {
	case file == "":
		return errors.New("the name of the file is empty")
	case !filepath.IsAbs(file):
		return errRelative
	}
	return nil
}

// Read gives the content, as sdk.Text has it, of a regular file that is no longer than most bytes and did not change meanwhile. The stamp is good
// whenever the file could be looked at, so that a file that cannot be used is not read again for nothing.
func Read(file string, most int64) ([]byte, Stamp, error) {
	if info, err := os.Stat(file); err != nil { // before it is opened, because to open a pipe is to wait for it
		return nil, Stamp{}, Reason(err)
	} else if !info.Mode().IsRegular() {
		return nil, Stamp{}, errNotFile
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, Stamp{}, Reason(err)
	}
	defer f.Close() // nothing was written
	before, err := f.Stat()
	if err != nil {
		return nil, Stamp{}, Reason(err)
	}
	stamp := Stamp{info: before, read: time.Now().Round(0)}
	switch {
	case !before.Mode().IsRegular():
		return nil, stamp, errNotFile
	case before.Size() > most:
		return nil, stamp, fmt.Errorf("longer than %d bytes", most)
	}
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, stamp, Reason(err)
	}
	after, err := f.Stat()
	if err != nil {
		return nil, Stamp{}, Reason(err)
	}
	if !alike(before, after) || int64(len(content)) != before.Size() {
		return nil, Stamp{}, errChanging
	}
	content, err = sdk.Text(content)
	return content, stamp, err
}

// Reason shortens the error of a file whose name stands beside it.
func Reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
