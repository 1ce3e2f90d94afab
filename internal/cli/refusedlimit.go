package cli

import (
	"fmt"
	"strconv"
	"strings"

	"fullsync/internal/plural"
)

// refusedLimit is how many lines an import may refuse. The zero value allows any number.
type refusedLimit struct {
	set     bool
	most    int64
	percent bool
}

// parseRefusedLimit reads a number or a percentage.
func parseRefusedLimit(text string) (refusedLimit, error) {
	if text == "" {
		return refusedLimit{}, nil
	}
	number, percent := strings.CutSuffix(text, "%")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || percent && n > 100 {
		return refusedLimit{}, fmt.Errorf("--max-refused must be a number such as 10 or a percentage such as 5%%, not %q", text)
	}
	return refusedLimit{set: true, most: n, percent: percent}, nil
}

// enough is how many lines a percentage needs before it means something.
const enough = 1000

// exceeded returns an error if that many refused lines are too many beside that many good ones. atEnd says that no more will come.
func (l refusedLimit) exceeded(refused, good int64, atEnd bool) error {
	total := refused + good
	switch {
	case !l.set || !l.percent && refused <= l.most:
		return nil
	case l.percent && (refused*100 <= l.most*total || total < enough && !atEnd):
		return nil
	}
	if atEnd {
		return fmt.Errorf("%s of %d %s refused, more than --max-refused allows", plural.Of(refused, "line"), total, plural.Was(refused))
	}
	return fmt.Errorf("stopped, because %s of the first %d %s refused, more than --max-refused allows; what was committed before stays",
		plural.Of(refused, "line"), total, plural.Was(refused))
}
