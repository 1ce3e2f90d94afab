package staging

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/plural"
)

// Limit is how many records may be refused. The zero value allows any number.
type Limit struct {
	set     bool
	most    int64
	percent bool
}

// ParseLimit reads a number such as 10, or a percentage such as 5%. An empty text is no limit.
func ParseLimit(text string) (Limit, error) {
	if text == "" {
		return Limit{}, nil
	}
	number, percent := strings.CutSuffix(text, "%")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || percent && n > 100 {
		return Limit{}, fmt.Errorf("--max-refused must be a number such as 10 or a percentage such as 5%%, not %q", text)
	}
	return Limit{set: true, most: n, percent: percent}, nil
}

// enough is how many records a percentage needs before it means something.
const enough = 1000

// exceeded returns an error if that many refused records are too many beside that many good ones. atEnd says that no more will come.
func (l Limit) exceeded(refused, good int64, atEnd bool) error {
	total := refused + good
	switch {
	case !l.set || !l.percent && refused <= l.most:
		return nil
	case l.percent && (refused*100 <= l.most*total || total < enough && !atEnd):
		return nil
	}
	of, stopped := fmt.Sprintf("of %d", total), ""
	if !atEnd {
		of, stopped = fmt.Sprintf("of the first %d", total), " Nothing more was read."
	}
	return fault.New(fault.Impossible, "TOO_MANY_REFUSED", "Too many refused",
		"%s %s %s refused, more than --max-refused allows.%s", plural.Of(refused, "line"), of, plural.Was(refused), stopped)
}

// Of returns the records of a feed up to where too many were refused; the error that ends them says so.
func (l Limit) Of(from Records) Records {
	if !l.set {
		return from
	}
	return &limited{limit: l, from: from}
}

type limited struct {
	limit         Limit
	from          Records
	refused, good int64
}

// Next implements [Records].
func (l *limited) Next() (catalog.Record, error) {
	r, err := l.from.Next()
	switch {
	case errors.Is(err, io.EOF):
		if over := l.limit.exceeded(l.refused, l.good, true); over != nil {
			err = over
		}
	case err != nil:
	case r.Reject == nil:
		l.good++
	default:
		l.refused++
		err = l.limit.exceeded(l.refused, l.good, false)
	}
	return r, err
}
