package node

import (
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"fullsync/internal/catalog"
)

const (
	// maxProducts is more products than any span can hold, and small enough to be added up.
	maxProducts = 1 << 50
	// sumDigits is how many hexadecimal digits a sum has.
	sumDigits = 16
	// maxVersion is the length of the longest name of a hash version.
	maxVersion = 16
)

// digestLine is one line of a page of digests: a span or the end.
type digestLine struct {
	span catalog.Span
	end  *digestsEnd
}

// digestsEnd is the last line of a page of digests. Members that a later version adds are ignored.
type digestsEnd struct {
	Spans       *int    `json:"spans"`
	Count       *int64  `json:"count"`
	HashVersion string  `json:"hashVersion"`
	Next        *string `json:"next"`
	Total       *int64  `json:"total"`
	Certificate string  `json:"certificate"`
}

// parseDigestLine reads a line of a page of digests. It returns errNoLine for anything but a span or the end.
func parseDigestLine(line []byte) (digestLine, error) {
	var l struct {
		Through *string        `json:"through"`
		Count   *int64         `json:"count"`
		Sum     *string        `json:"sum"`
		End     jsontext.Value `json:"end"`
	}
	if err := json.Unmarshal(line, &l, json.RejectUnknownMembers(true)); err != nil {
		return digestLine{}, errNoLine
	}
	if l.End != nil {
		var end *digestsEnd
		if l.Through != nil || l.Count != nil || l.Sum != nil || json.Unmarshal(l.End, &end) != nil || end == nil || len(end.HashVersion) > maxVersion {
			return digestLine{}, errNoLine
		}
		return digestLine{end: end}, nil
	}
	if l.Through == nil || len(*l.Through) > maxIDBytes || l.Count == nil || *l.Count < 0 || *l.Count > maxProducts {
		return digestLine{}, errNoLine
	}
	span := catalog.Span{Through: *l.Through, Digest: catalog.Digest{Count: *l.Count}}
	if l.Sum != nil {
		sum, err := strconv.ParseUint(*l.Sum, 16, 64)
		if err != nil || len(*l.Sum) != sumDigits {
			return digestLine{}, errNoLine
		}
		span.Sum, span.Known = sum, true
	}
	return digestLine{span: span}, nil
}
