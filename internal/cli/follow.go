package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"

	"fullsync/api/spec"
	"fullsync/internal/plural"
)

// lookEvery is how often a followed sync is polled.
const lookEvery = time.Second

// followed is a sync that somebody watches.
type followed struct {
	spec.Session // as last seen
	show         show
}

// saw notes and shows how the sync is now.
func (f *followed) saw(s spec.Session) error {
	f.Session = s
	if s.CompletedAt != nil {
		return f.show.ended(s)
	}
	f.show.session(s)
	return nil
}

// follow shows syncs until they have ended, and returns the exit code of the worst. When ctx ends, which means Ctrl-C, it asks
// a person at a terminal what to do; without a terminal the syncs go on unwatched.
func follow(ctx context.Context, std IO, node *remote, sessions []spec.Session, asJSON bool) (code int, err error) {
	all := make([]*followed, len(sessions))
	for i, s := range sessions {
		all[i] = &followed{show: newShow(std, asJSON, s, len(sessions) > 1)}
		if err := all[i].saw(s); err != nil {
			return exitFailed, err
		}
	}
	return watched(ctx, std, node, all)
}

// watched is [follow] for syncs that have been shown once.
func watched(ctx context.Context, std IO, node *remote, all []*followed) (code int, err error) {
	err = watch(ctx, node, all)
	switch {
	case err == nil:
		for _, f := range all {
			code = worse(code, exitOf(f.Session))
		}
		return code, nil
	case ctx.Err() == nil || len(active(all)) == 0:
		return exitFailed, err
	}
	again, stop := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := interrupted(again, std, node, active(all)); err != nil {
		return exitFailed, err
	}
	context.AfterFunc(again, stop) // another Ctrl-C at the next question ends the process
	return watched(again, std, node, all)
}

// active returns the syncs that have not ended.
func active(all []*followed) []*followed {
	return slices.DeleteFunc(slices.Clone(all), func(f *followed) bool { return f.CompletedAt != nil })
}

// watch polls the syncs every second until they have ended.
func watch(ctx context.Context, node *remote, all []*followed) error {
	for {
		left := active(all)
		if len(left) == 0 {
			return nil
		}
		if err := pause(ctx, lookEvery); err != nil {
			return err
		}
		for _, f := range left {
			now, err := node.session(ctx, f.SessionId)
			if err != nil && ctx.Err() == nil && passes(err) {
				f.show.away(err)
				break // the node that answers for one answers for all
			}
			if err == nil {
				err = f.saw(now)
			}
			if err != nil {
				return err
			}
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

// interrupted asks a person what Ctrl-C was meant to do with the syncs that have not ended. It returns nil if they are cancelled
// now, or if watching should go on.
func interrupted(ctx context.Context, std IO, node *remote, left []*followed) error {
	what, it := "sync", "it"
	if len(left) > 1 {
		what, it = "syncs", "them"
	}
	choice := "w"
	if terminal, ok := std.In.(*os.File); ok && term.IsTerminal(int(terminal.Fd())) {
		left[0].show.clear()
		fmt.Fprintf(std.Err, "Cancel the %s (c), only stop watching %s (w), or go on watching (Enter)? ", what, it)
		var err error
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
		return cancelAll(context.WithoutCancel(ctx), std, node, left)
	case "w":
		left[0].show.clear()
		if len(left) > 1 {
			return &codedError{exitInterrupted, errors.New("the syncs go on unwatched; see fullsync sync list, or fullsync sync cancel SESSION_ID")}
		}
		return &codedError{exitInterrupted, fmt.Errorf("the sync goes on unwatched; see fullsync sync status %s, or fullsync sync cancel %s",
			left[0].SessionId, left[0].SessionId)}
	default:
		return nil
	}
}

// cancelAll cancels syncs side by side: none waits until the node has told another one's target.
func cancelAll(ctx context.Context, std IO, node *remote, left []*followed) error {
	answers := make([]spec.CancelResponse, len(left))
	errs := make([]error, len(left))
	var wg sync.WaitGroup
	for i, f := range left {
		wg.Go(func() { answers[i], errs[i] = node.cancel(ctx, spec.CancelRequest{SessionId: f.SessionId}) })
	}
	wg.Wait()
	for i, f := range left {
		if errs[i] == nil {
			errs[i] = f.saw(answers[i].Session)
			if answers[i].MayLandUntil != nil {
				fmt.Fprintln(std.Err, answers[i].Message)
			}
		}
	}
	return errors.Join(errs...)
}

// show is a way to show a followed session: as JSON, as a bar on a terminal, or as lines.
type show interface {
	session(s spec.Session)
	// away says that the node did not answer this time.
	away(err error)
	// clear removes anything that the next output would get mixed up with.
	clear()
	// ended shows how the session ended.
	ended(s spec.Session) error
}

// newShow returns a way to show one session, or one of several that are shown together.
func newShow(std IO, asJSON bool, s spec.Session, several bool) show {
	switch f, ok := std.Err.(*os.File); {
	case asJSON:
		return &jsonShow{out: json.NewEncoder(std.Out), err: std.Err}
	case several:
		return &lineShow{std: std, prefix: way(s) + ": "}
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
	return nil
}

// lineShow writes a line whenever there is news for a person.
type lineShow struct {
	std IO
	// prefix says which of several sessions a line is about.
	prefix, last string
}

func (l *lineShow) session(s spec.Session) {
	// Use steps of 10 %, or a log would contain little else.
	if now := fmt.Sprint(s.Status, s.CurrentStep, s.Progress/10); now != l.last {
		l.last = now
		fmt.Fprintf(l.std.Err, "%s%s\n", l.prefix, progress(s))
	}
}

func (l *lineShow) away(err error) {
	if now := err.Error(); now != l.last {
		l.last = now
		fmt.Fprintf(l.std.Err, "%s; trying again\n", now)
	}
}

func (*lineShow) clear() {}

func (l *lineShow) ended(s spec.Session) error { return printSession(l.std.Out, s) }

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
	return printSession(b.std.Out, s)
}

// progress is one line about an active session.
func progress(s spec.Session) string {
	line := fmt.Sprintf("%3d %%  %s", s.Progress, s.CurrentStep)
	if s.TotalRecords != nil {
		line += fmt.Sprintf("  %d of %d", committed(s)+s.Rejected, *s.TotalRecords)
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

// exitOf returns the exit code for how a session ended.
func exitOf(s spec.Session) int {
	switch {
	case s.Status == spec.CANCELLED:
		return exitCancelled
	case s.Status != spec.COMPLETED:
		return exitFailed
	case s.Outcome != nil && *s.Outcome == spec.OutcomePlanned && s.Rejected+s.DeletesWithheld == 0:
		return exitOK
	case s.Outcome != nil && *s.Outcome != spec.OutcomeClean:
		return exitIncomplete
	default:
		return exitOK
	}
}

// worse returns the exit code that says more of a script's attention is needed.
func worse(a, b int) int {
	order := []int{exitOK, exitIncomplete, exitCancelled, exitRunning, exitFailed}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}

// exitWith returns err, or else the error that ends the command with that exit code.
func exitWith(code int, err error) error {
	if err == nil && code != exitOK {
		return &codedError{code: code}
	}
	return err
}

// committed returns how many products are committed. A revert also commits those that it takes away.
func committed(s spec.Session) int64 {
	if s.Direction == spec.Revert {
		return s.TransferredRecords + s.Deleted
	}
	return s.TransferredRecords
}

// printSession prints a session for people.
func printSession(out io.Writer, s spec.Session) error {
	products := counts(s)
	if s.CompletedAt == nil && s.TotalRecords != nil {
		products = fmt.Sprintf("%d of %d: %s", committed(s)+s.Rejected, *s.TotalRecords, products)
	}
	lines := [][2]string{
		{"sync", fmt.Sprintf("%s, catalog %s", way(s), s.Catalog)},
		{"step", s.CurrentStep},
		{"products", products},
		{"started", s.StartedAt.Format(time.RFC3339) + " by " + s.StartedBy},
	}
	if s.CompletedAt != nil {
		lines = append(lines, [2]string{"took", s.CompletedAt.Sub(s.StartedAt).Round(100 * time.Millisecond).String()})
	} else {
		lines = append(lines, [2]string{"health", fmt.Sprintf("%s: %s", s.Health.Verdict, s.Health.Reason)})
	}
	if confirmed := s.TargetConfirmed; confirmed != nil && !*confirmed {
		lines = append(lines, [2]string{"target", s.TargetNodeId + " has not confirmed the cancel yet"})
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
