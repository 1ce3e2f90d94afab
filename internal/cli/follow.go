package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"fullsync/api/spec"
	"fullsync/internal/plural"
)

// lookEvery is how often a followed sync is polled.
const lookEvery = time.Second

// follow shows a session until it ends, and returns the outcome as an error with the exit code. When ctx ends, which means
// Ctrl-C, it asks a person at a terminal what to do; without a terminal the sync goes on unwatched.
func follow(ctx context.Context, std IO, node *remote, s spec.Session, asJSON bool) error {
	return watched(ctx, std, node, s, newShow(std, asJSON))
}

// watched is [follow] with a given way of showing the session.
func watched(ctx context.Context, std IO, node *remote, s spec.Session, show show) error {
	seen, err := watch(ctx, node, s, show)
	switch {
	case err == nil:
		return show.ended(seen)
	case ctx.Err() == nil:
		return err
	}
	again, stop := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM)
	defer stop()
	goOn, err := interrupted(again, std, node, seen, show)
	if !goOn {
		return err
	}
	context.AfterFunc(again, stop) // another Ctrl-C at the next question ends the process
	return watched(again, std, node, seen, show)
}

// watch polls the session every second until it ends, and returns it as last seen.
func watch(ctx context.Context, node *remote, s spec.Session, show show) (spec.Session, error) {
	for {
		if s.CompletedAt != nil {
			return s, nil
		}
		show.session(s)
		if err := pause(ctx, lookEvery); err != nil {
			return s, err
		}
		now, err := node.session(ctx, s.SessionId)
		switch {
		case err == nil:
			s = now
		case ctx.Err() != nil:
			return s, ctx.Err()
		case passes(err):
			show.away(err)
		default:
			return s, err
		}
	}
}

// pause waits, or returns why ctx ended.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// interrupted asks a person what Ctrl-C was meant to do. goOn is true if watching should go on.
func interrupted(ctx context.Context, std IO, node *remote, s spec.Session, show show) (goOn bool, err error) {
	choice := "w"
	if terminal, ok := std.In.(*os.File); ok && term.IsTerminal(int(terminal.Fd())) {
		show.clear()
		fmt.Fprint(std.Err, "Cancel the sync (c), only stop watching it (w), or go on watching (Enter)? ")
		choice, err = await(ctx, func() (string, error) {
			line, err := bufio.NewReaderSize(terminal, 64).ReadString('\n')
			return strings.ToLower(strings.TrimSpace(line)), err
		}, func() {})
		if err != nil {
			fmt.Fprintln(std.Err)
			choice = "w"
		}
	}
	switch choice {
	case "c", "cancel":
		// Another Ctrl-C may have ended this ctx too.
		done, err := node.cancel(context.WithoutCancel(ctx), s.SessionId, "")
		if err != nil {
			return false, err
		}
		return false, show.ended(done.Session)
	case "w":
		show.clear()
		return false, &codedError{exitInterrupted, fmt.Errorf("the sync goes on unwatched; see fullsync sync status %s, or fullsync sync cancel %s",
			s.SessionId, s.SessionId)}
	default:
		return true, nil
	}
}

// show is a way to show a followed session: as JSON, as a bar on a terminal, or as lines.
type show interface {
	session(s spec.Session)
	// away says that the node did not answer this time.
	away(err error)
	// clear removes anything that the next output would get mixed up with.
	clear()
	// ended shows how the session ended and returns that as an error; nil for a clean end.
	ended(s spec.Session) error
}

func newShow(std IO, asJSON bool) show {
	switch f, ok := std.Err.(*os.File); {
	case asJSON:
		return &jsonShow{out: json.NewEncoder(std.Out), err: std.Err}
	case ok && isTerminal(std.Err):
		return &barShow{std: std, terminal: f}
	default:
		return &lineShow{std: std}
	}
}

// jsonShow writes the session whenever it changes.
type jsonShow struct {
	out  *json.Encoder
	err  io.Writer
	last string
}

func (j *jsonShow) session(s spec.Session) {
	if text, err := json.Marshal(s); err == nil && string(text) != j.last {
		j.last = string(text)
		_ = j.out.Encode(s) // a closed pipe ends the process
	}
}

func (j *jsonShow) away(err error) { fmt.Fprintf(j.err, "fullsync: %v; trying again\n", err) }
func (*jsonShow) clear()           {}

func (j *jsonShow) ended(s spec.Session) error {
	j.session(s)
	if code := exitOf(s); code != exitOK {
		return &codedError{code: code}
	}
	return nil
}

// lineShow writes a line whenever there is news for a person.
type lineShow struct {
	std  IO
	last string
}

func (l *lineShow) session(s spec.Session) {
	// Use steps of 10 %, or a log would contain little else.
	if now := fmt.Sprint(s.Status, s.CurrentStep, s.Progress/10); now != l.last {
		l.last = now
		fmt.Fprintf(l.std.Err, "%s\n", progress(s))
	}
}

func (l *lineShow) away(err error) {
	if now := err.Error(); now != l.last {
		l.last = now
		fmt.Fprintf(l.std.Err, "%s; trying again\n", now)
	}
}

func (*lineShow) clear() {}

func (l *lineShow) ended(s spec.Session) error { return printEnd(l.std, s) }

// barShow draws a bar on the terminal's last line.
type barShow struct {
	std      IO
	terminal *os.File
}

// barCells is how many characters wide the bar is.
const barCells = 24

func (b *barShow) session(s spec.Session) {
	full := s.Progress * barCells / 100
	b.draw("[" + strings.Repeat("#", full) + strings.Repeat(".", barCells-full) + "] " + progress(s))
}

func (b *barShow) away(err error) { b.draw(err.Error() + "; trying again") }

// draw replaces the line. It cuts a line that is too long, because that would wrap, and only its last part could be
// replaced.
func (b *barShow) draw(line string) {
	if width, _, err := term.GetSize(int(b.terminal.Fd())); err == nil && width > 0 {
		if runes := []rune(line); len(runes) >= width {
			line = string(runes[:max(0, width-1)])
		}
	}
	fmt.Fprint(b.terminal, clearLine+line)
}

// clearLine moves to the beginning of the terminal's line and clears it (ECMA-48: CR, EL).
const clearLine = "\r\x1b[K"

func (b *barShow) clear() { fmt.Fprint(b.terminal, clearLine) }

func (b *barShow) ended(s spec.Session) error {
	b.clear()
	return printEnd(b.std, s)
}

// progress is one line about an active session.
func progress(s spec.Session) string {
	line := fmt.Sprintf("%3d %%  %s", s.Progress, s.CurrentStep)
	if s.TotalRecords != nil {
		line += fmt.Sprintf("  %d of %d", s.TransferredRecords+s.Rejected, *s.TotalRecords)
	}
	if s.RecordsPerSecond != nil {
		line += fmt.Sprintf("  %.0f/s", *s.RecordsPerSecond)
	}
	if s.EstimatedTimeRemaining != nil {
		line += fmt.Sprintf("  %s left", time.Duration(*s.EstimatedTimeRemaining)*time.Second)
	}
	if s.Health.Verdict != spec.HealthVerdictHealthy {
		line += fmt.Sprintf("  %s: %s", s.Health.Verdict, s.Health.Reason)
	}
	return line
}

// counts says what a session has done so far.
func counts(s spec.Session) string {
	text := fmt.Sprintf("%d created, %d updated, %d unchanged, %d deleted, %d refused", s.Created, s.Updated, s.Unchanged, s.Deleted, s.Rejected)
	if s.DeletesWithheld > 0 {
		text += ", " + plural.Of(s.DeletesWithheld, "delete") + " withheld"
	}
	return text
}

// printEnd prints how a session ended.
func printEnd(std IO, s spec.Session) error {
	if err := printSession(std.Out, s); err != nil {
		return err
	}
	code := exitOf(s)
	if code == exitOK {
		return nil
	}
	return &codedError{code: code}
}

// exitOf returns the exit code for how a session ended.
func exitOf(s spec.Session) int {
	switch {
	case s.Status == spec.CANCELLED:
		return exitCancelled
	case s.Status != spec.COMPLETED:
		return exitFailed
	case s.Outcome != nil && *s.Outcome != spec.OutcomeClean:
		return exitIncomplete
	default:
		return exitOK
	}
}

// printSession prints a session for people.
func printSession(out io.Writer, s spec.Session) error {
	products := counts(s)
	if s.CompletedAt == nil && s.TotalRecords != nil {
		products = fmt.Sprintf("%d of %d: %s", s.TransferredRecords+s.Rejected, *s.TotalRecords, products)
	}
	lines := [][2]string{
		{"sync", fmt.Sprintf("%s from %s to %s, catalog %s", s.Direction, s.SourceNodeId, s.TargetNodeId, s.Catalog)},
		{"step", s.CurrentStep},
		{"products", products},
		{"started", s.StartedAt.Format(time.RFC3339) + " by " + s.StartedBy},
	}
	if s.CompletedAt != nil {
		lines = append(lines, [2]string{"took", s.CompletedAt.Sub(s.StartedAt).Round(100 * time.Millisecond).String()})
	} else {
		lines = append(lines, [2]string{"health", fmt.Sprintf("%s: %s", s.Health.Verdict, s.Health.Reason)})
	}
	if s.ErrorMessage != nil {
		lines = append(lines, [2]string{"because", *s.ErrorMessage})
	}
	text := fmt.Sprintf("%s  %s, %d %%\n", s.SessionId, s.Status, s.Progress)
	for _, l := range lines {
		text += fmt.Sprintf("  %-9s %s\n", l[0], l[1])
	}
	_, err := fmt.Fprint(out, text)
	return err
}
