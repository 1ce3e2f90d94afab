package simulation

import (
	"database/sql/driver"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"modernc.org/sqlite"
)

// TestMain gives SQLite a clock that goes with the story's: its own is the machine's.
func TestMain(m *testing.M) {
	sqlite.MustRegisterScalarFunction("strftime", -1, strftime)
	os.Exit(m.Run())
}

// storedTime is how the store keeps times in SQLite, and laxTime how it reads them.
const (
	storedTime = "2006-01-02 15:04:05.000-07:00"
	laxTime    = "2006-01-02 15:04:05-07:00"
)

// strftime stands for SQLite's, as far as the store uses it.
func strftime(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	at := time.Now()
	if text := fmt.Sprint(args[1]); text != "now" {
		var err error
		if at, err = time.Parse(laxTime, text); err != nil {
			return nil, err
		}
	}
	for _, modifier := range args[2:] {
		var seconds float64
		if _, err := fmt.Sscanf(fmt.Sprint(modifier), "%f seconds", &seconds); err != nil {
			return nil, err
		}
		at = at.Add(time.Duration(seconds * float64(time.Second)))
	}
	at = at.UTC()
	return strings.NewReplacer("%Y", at.Format("2006"), "%m", at.Format("01"), "%d", at.Format("02"), "%H", at.Format("15"), "%M", at.Format("04"),
		"%f", at.Format("05.000")).Replace(fmt.Sprint(args[0])), nil
}
