package sdk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf16"
)

var errNotUTF16 = errors.New("it begins as UTF-16 and is not")

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
