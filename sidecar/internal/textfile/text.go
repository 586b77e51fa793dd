// Package textfile reads the files that the configuration of a sidecar names. Plugins have a reader of their own that does the same.
package textfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"unicode/utf16"
)

var errNotUTF16 = errors.New("it begins as UTF-16 and is not")

// Read is Text of a file.
func Read(file string) ([]byte, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return Text(content)
}

// Text is the content of a file as whoever wrote it sees it: without a byte order mark, which editors hide, and in UTF-8 where the
// mark says that it is UTF-16.
func Text(content []byte) ([]byte, error) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(content, []byte("\xef\xbb\xbf")):
		return content[3:], nil
	case bytes.HasPrefix(content, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(content, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return content, nil
	}
	if len(content)%2 != 0 {
		return nil, errNotUTF16
	}
	units := make([]uint16, len(content)/2-1)
	for i := range units {
		units[i] = order.Uint16(content[2*i+2:])
	}
	text := utf16.Decode(units)
	for _, r := range text {
		if r == '\uFFFD' { // half a pair
			return nil, errNotUTF16
		}
	}
	return []byte(string(text)), nil
}
