package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/term"

	"fullsync/internal/plural"
	"fullsync/internal/session"
)

// show draws the bar, if this is a terminal.
func (m *importer) show(ctx context.Context, id string) {
	if m.terminal == nil {
		return
	}
	v, err := m.service.Get(ctx, id)
	if err != nil {
		return // the next look tells
	}
	width, _, err := term.GetSize(int(m.terminal.Fd()))
	if err != nil {
		width = 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	share, known := m.in.share()
	fmt.Fprint(m.terminal, clearLine+importBar(v, share, known, time.Since(m.began), width))
}

// clear wipes the bar.
func (m *importer) clear() {
	if m.terminal == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	fmt.Fprint(m.terminal, clearLine)
}

// importBar is one line about an import that has run for a time. Where the session does not know its total yet, what was read of the input says how far
// it is. A width of 0 is unlimited.
func importBar(v session.View, read float64, known bool, runs time.Duration, width int) string {
	var parts []string
	left := v.EstimatedTimeRemaining
	share := float64(v.Progress) / 100
	if v.TotalRecords == nil {
		if share = read; known && read > 0 {
			rest := time.Duration(float64(runs) * (1 - read) / read)
			left = &rest
		}
	}
	if v.TotalRecords != nil || known {
		full := int(share * barCells)
		parts = append(parts, "["+strings.Repeat("#", full)+strings.Repeat(".", barCells-full)+"]", fmt.Sprintf("%3.0f %%", share*100))
	}
	parts = append(parts, v.CurrentStep)
	if handled := v.Handled(); handled > 0 {
		parts = append(parts, plural.Of(handled, "product"))
	}
	if v.RecordsPerSecond != nil {
		parts = append(parts, fmt.Sprintf("%.0f/s", *v.RecordsPerSecond))
	}
	if left != nil {
		parts = append(parts, left.Round(time.Second).String()+" left")
	}
	if v.Health.Verdict != session.Healthy {
		parts = append(parts, v.Health.Reason)
	}
	line := strings.Join(parts, "  ")
	if runes := []rune(line); width > 0 && len(runes) >= width {
		line = string(runes[:width-1])
	}
	return line
}
