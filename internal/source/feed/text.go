package feed

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

const utf8Name = "UTF-8"

// decode returns the input as UTF-8 without a byte order mark, and the name of the encoding that it had. wanted is the encoding to assume;
// "" means that the bytes decide between UTF-8 and UTF-16.
func decode(in io.Reader, wanted string) (name string, text *bufio.Reader, err error) {
	from := bufio.NewReaderSize(in, 64<<10)
	head, err := from.Peek(4096)
	if len(head) == 0 && err != nil && !errors.Is(err, io.EOF) {
		return "", nil, broken(0, err)
	}
	if wanted == "" {
		wanted = encodingIn(head)
	}
	name, coding, err := encodingOf(wanted)
	if err != nil {
		return "", nil, err
	}
	var plain io.Reader = from
	if coding != nil {
		plain = transform.NewReader(from, coding.NewDecoder())
	}
	text = bufio.NewReaderSize(plain, headBytes)
	if mark, _ := text.Peek(3); string(mark) == "\uFEFF" {
		_, _ = text.Discard(len(mark))
	}
	return name, text, nil
}

var declared = regexp.MustCompile(`^\s*<\?xml[^>]*encoding=["']([A-Za-z0-9._:-]+)["']`)

// encodingIn returns the name of the encoding that the first bytes of an input are in, as far as they prove it.
func encodingIn(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return "UTF-16LE"
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return "UTF-16BE"
	}
	// In UTF-16, half the bytes of what is common to all formats are 0: punctuation, digits and English names.
	var zeros [2]int
	for i, c := range head {
		if c == 0 {
			zeros[i%2]++
		}
	}
	const enough = 6 // more than a sixth of one half, and none of the other
	switch {
	case zeros[0] == 0 && zeros[1]*2*enough > len(head):
		return "UTF-16LE"
	case zeros[1] == 0 && zeros[0]*2*enough > len(head):
		return "UTF-16BE"
	}
	if said := declared.FindSubmatch(head); said != nil {
		return string(said[1])
	}
	return utf8Name
}

// encodingOf returns an encoding and its proper name; nil for UTF-8. The error is an Invalid [fault.Error] for an unknown one.
func encodingOf(name string) (proper string, coding encoding.Encoding, err error) {
	switch strings.ToUpper(strings.ReplaceAll(name, "_", "-")) {
	case utf8Name, "UTF8", "UTF-8-SIG":
		return utf8Name, nil, nil
	case "UTF-16", "UTF16":
		return "UTF-16", unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), nil
	case "UTF-16LE":
		return "UTF-16LE", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), nil
	case "UTF-16BE":
		return "UTF-16BE", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), nil
	}
	coding, err = htmlindex.Get(name)
	if err != nil {
		coding, err = ianaindex.IANA.Encoding(name)
	}
	if err != nil || coding == nil || coding == encoding.Replacement {
		return "", nil, badOption("There is no encoding %s here. Common ones are utf-8, utf-16, windows-1252, iso-8859-15 and macintosh.", quote(name))
	}
	return strings.ToLower(name), coding, nil
}
