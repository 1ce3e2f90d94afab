package cli

import (
	"testing"
	"time"

	"fullsync/internal/session"
)

func TestImportBar(t *testing.T) {
	t.Parallel()
	total, speed, left := int64(200), 40.0, 3*time.Second
	reading := session.View{Session: session.Session{CurrentStep: "Preparing to import a.csv"}, Health: session.Health{Verdict: session.Healthy}}
	writing := reading
	writing.CurrentStep, writing.TotalRecords, writing.Progress, writing.TransferredRecords = "Transferring 200 products", &total, 50, 100
	writing.RecordsPerSecond, writing.EstimatedTimeRemaining = &speed, &left
	for _, test := range []struct {
		v     session.View
		read  float64
		known bool
		width int
		want  string
	}{
		{reading, 0.25, true, 0, "[######..................]   25 %  Preparing to import a.csv  30s left"},
		{reading, 0, false, 0, "Preparing to import a.csv"},
		{writing, 1, true, 0, "[############............]   50 %  Transferring 200 products  100 products  40/s  3s left"},
		{writing, 1, true, 20, "[############......"},
	} {
		if got := importBar(test.v, test.read, test.known, 10*time.Second, test.width); got != test.want {
			t.Errorf("%s\nwant %s", got, test.want)
		}
	}
}
