package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"fullsync/internal/app"
	"fullsync/internal/catalog"
	"fullsync/internal/duplicate"
	"fullsync/internal/fault"
	"fullsync/internal/jobs"
	"fullsync/internal/plural"
	"fullsync/internal/session"
	"fullsync/internal/source/feed"
	"fullsync/internal/staging"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
	"fullsync/internal/transfer"
)

const (
	// idsInMemory is how many bytes of memory an import uses to look for duplicate ids before it switches to a temporary file.
	idsInMemory = 8 << 20
	// shownProducts is how many products a dry run shows as they would come in.
	shownProducts = 10
	// cancelPatience is how long an import that was interrupted tries to cancel its session.
	cancelPatience = 10 * time.Second
)

// importer imports products as a session that this process runs on the database.
type importer struct {
	flags  importFlags
	limit  staging.Limit
	in     *input
	out    io.Writer
	report io.Writer
	// terminal is where the bar is drawn, nil if nowhere. mu keeps it apart from other output.
	terminal  *os.File
	mu        sync.Mutex
	refusedTo io.Writer // nil if nobody wants the refused lines

	nodeID  string
	area    staging.Area
	service *syncer.Service
	worker  *syncer.Worker

	from          *feed.Reader
	found         feed.Found
	refusedWriter *feed.RefusedWriter
	read, refused int64
	ids           *duplicate.Finder
	view          session.View
	began         time.Time
	// broke is what ended the reading, in the words of this machine.
	broke error
}

// openNode opens the database and prepares a worker for one session.
func (m *importer) openNode(ctx context.Context, set settings, std IO) (closeNode func(), err error) {
	cfg, log, err := set.load(std.Err)
	if err != nil {
		return nil, err
	}
	db, nodeID, err := openUpToDate(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if !log.Enabled(ctx, slog.LevelDebug) { // the command says everything itself
		log = slog.New(slog.DiscardHandler)
	}
	engine, err := jobs.New(jobs.In(db), 0, log)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	settings := app.Settings(cfg, nodeID, log)
	m.nodeID, m.area, m.service = nodeID, app.Staging(cfg), syncer.New(settings, db, nil, engine, nil)
	m.worker = syncer.NewWorker(settings, db, nil, engine, syncer.Ends{Local: localSide(db), Input: m.open})
	return func() { _ = db.Close() }, nil // every batch is committed
}

func localSide(db *store.Store) syncer.OpenLocal {
	return func(catalogName string, _ bool) syncer.LocalSide { return db.Side(catalogName) }
}

// run imports everything and reports what it did, even if it fails on the way.
func (m *importer) run(ctx context.Context) error {
	unwatch := context.AfterFunc(ctx, func() { m.in.stop(ctx.Err()) })
	var err error
	m.from, err = feed.Open(m.in, m.flags.feed)
	switch {
	case err == nil:
		m.found = m.from.Found()
		m.describe()
		if !unwatch() { // from here on, a session is cancelled before the input is closed
			err = context.Cause(ctx)
			break
		}
		err = m.session(ctx)
	case isOption(err):
		return &usageError{err}
	case ctx.Err() == nil:
		return err // nothing was begun
	}
	var running *syncer.RunningError
	if errors.As(err, &running) {
		return &codedError{exitRunning, busy(running.Running)}
	}
	return m.account(err)
}

// account says what became of the import.
func (m *importer) account(err error) error {
	m.clear()
	said := m.ids.Sentence()
	fmt.Fprintln(m.report, m.summary())
	if said != "" {
		fmt.Fprintln(m.report, said)
	}
	if m.flags.json {
		if err := m.printJSON(said); err != nil {
			return err
		}
	}
	if err == nil {
		err = m.ended()
	}
	return err
}

// ended is what is left to say about a session that has ended, as an error.
func (m *importer) ended() error {
	v := m.view
	switch {
	case v.Status == session.Cancelled:
		return &codedError{exitCancelled, errors.New(v.ErrorMessage)}
	case v.Status != session.Completed && m.broke != nil:
		return m.broke
	case v.Status != session.Completed || v.DeletesWithheld > 0:
		return errors.New(v.ErrorMessage)
	case m.refused > 0:
		done := "everything else was imported"
		if m.flags.dryRun {
			done = "everything else would be imported"
		}
		return fmt.Errorf("%s %s refused (see above); %s", plural.Of(m.refused, "line"), plural.Was(m.refused), done)
	}
	return nil
}

// busy says which session writes the catalog.
func busy(s session.View) error {
	how := fmt.Sprintf("Wait for it, or cancel it with fullsync sync cancel %s.", s.ID)
	if s.Health.Verdict == session.Dead {
		how = "Its worker is dead: fullsync cancel-stuck frees the catalog, also while the API is down."
	}
	return fmt.Errorf("another sync writes catalog %s just now (%s, %d %%, started by %s). %s", s.Catalog, s.CurrentStep, s.Progress, s.StartedBy, how)
}

func (m *importer) summary() string {
	v := m.view
	deleted := ""
	if m.flags.deleteMissing {
		deleted = fmt.Sprintf(", %d deleted", v.Deleted)
	}
	if m.flags.dryRun {
		return fmt.Sprintf("dry run of catalog %s: %d would be created, %d updated, %d unchanged, %d refused%s", m.flags.catalog, v.Created, v.Updated, v.Unchanged, m.refused, deleted)
	}
	return fmt.Sprintf("catalog %s: %d created, %d updated, %d unchanged, %d refused%s", m.flags.catalog, v.Created, v.Updated, v.Unchanged, m.refused, deleted)
}

// describe says how the input is read, unless it is in our own form and this is no dry run.
func (m *importer) describe() {
	if m.flags.dryRun || !m.found.IsOurs() {
		fmt.Fprintln(m.report, m.found)
	}
	for _, hint := range m.found.Hints {
		fmt.Fprintln(m.report, hint)
	}
	if !m.flags.dryRun {
		return
	}
	for _, item := range m.from.Sample(shownProducts) {
		if item.Reject == nil {
			fmt.Fprintf(m.report, "line %d: %s\n", item.Line, item.Product.AppendJSON(nil))
		}
	}
}

// session starts the session, works on it, and leaves it in m.view as it has ended.
func (m *importer) session(ctx context.Context) error {
	f := m.flags
	started, err := m.service.Import(ctx, syncer.ImportRequest{Catalog: f.catalog, By: operator(), Options: session.Options{
		DryRun: f.dryRun, DeleteMissing: f.deleteMissing, MaxDeletes: f.maxDeletes, MaxDeletePercent: f.maxDeletePercent,
		Import: &session.Input{Name: m.in.name, MaxRefused: f.maxRefused, Feed: session.Feed(f.feed)},
	}})
	if err != nil {
		return err
	}
	id := started.Session.ID
	m.view = started.Session
	m.began = time.Now()
	after := context.WithoutCancel(ctx) // for what is to be done although somebody pressed Ctrl-C
	running, stop := context.WithCancelCause(after)
	defer stop(nil)
	done := make(chan error, 1)
	go func() { done <- m.worker.Run(running, id, started.Session.Fence) }()
	look := time.NewTicker(lookEvery / 4)
	defer look.Stop()
	for interrupted := ctx.Done(); ; {
		select {
		case err := <-done:
			if err != nil {
				return err
			}
			m.view, err = m.service.Get(after, id)
			return err
		case <-interrupted:
			interrupted = nil
			if err := m.cancel(after, id); err != nil {
				return err
			}
			stop(transfer.ErrFenced)
		case <-look.C:
			m.show(after, id)
		}
	}
}

// cancel cancels the session for whoever pressed Ctrl-C.
func (m *importer) cancel(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, cancelPatience)
	defer cancel()
	_, err := m.service.Cancel(ctx, id, syncer.Cancellation{By: operator(), Reason: "interrupted"})
	var finished *syncer.FinishedError
	if errors.As(err, &finished) {
		return nil // it ended by itself in the same moment
	}
	return err
}

// open opens the input for the run that ctx stands for. What has to be compared is sorted first.
func (m *importer) open(ctx context.Context, row session.Session) (transfer.Source, error) {
	context.AfterFunc(ctx, func() { m.in.stop(context.Cause(ctx)) })
	records := m.limit.Of(noting{m, m.from.Records(m.seen)})
	if row.Options.DeleteMissing || row.Options.DryRun {
		return staged(m.area.Stage(ctx, m.nodeID, records))
	}
	return staging.NewStream(m.area, m.nodeID, records), nil
}

func staged(f *staging.File, err error) (transfer.Source, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

// noting notes what broke the input, before that becomes a sentence for everybody.
type noting struct {
	m    *importer
	from staging.Records
}

// Next implements [staging.Records].
func (n noting) Next() (catalog.Record, error) {
	r, err := n.from.Next()
	if fault.CodeOf(err) == feed.CodeBroken {
		n.m.broke = errors.Unwrap(err)
	}
	return r, err
}

// seen takes note of a record that was read.
func (m *importer) seen(item feed.Item) error {
	if item.Reject == nil {
		m.read++
		m.ids.Add(item.Product.ID, item.Line)
		return nil
	}
	m.refused++
	m.clear()
	fmt.Fprintf(m.report, "line %d refused: %s\n", item.Line, item.Reject.Reason)
	if m.refusedTo == nil {
		return nil
	}
	if m.refusedWriter == nil {
		m.refusedWriter = feed.NewRefusedWriter(m.refusedTo, m.found)
	}
	return m.refusedWriter.Write(item)
}

// printJSON writes the result for scripts.
func (m *importer) printJSON(duplicates string) error {
	v := m.view
	out := json.NewEncoder(m.out)
	out.SetEscapeHTML(false)
	return out.Encode(struct {
		SessionID       string            `json:"sessionId"`
		Status          session.Status    `json:"status"`
		Outcome         session.Outcome   `json:"outcome,omitempty"`
		Catalog         string            `json:"catalog"`
		DryRun          bool              `json:"dryRun"`
		Created         int64             `json:"created"`
		Updated         int64             `json:"updated"`
		Unchanged       int64             `json:"unchanged"`
		Deleted         int64             `json:"deleted"`
		DeletesWithheld int64             `json:"deletesWithheld"`
		Read            int64             `json:"read"`
		Refused         int64             `json:"refused"`
		Duplicates      string            `json:"duplicates,omitempty"`
		ErrorMessage    string            `json:"errorMessage,omitempty"`
		ErrorCode       string            `json:"errorCode,omitempty"`
		Format          string            `json:"format"`
		Encoding        string            `json:"encoding"`
		Preset          string            `json:"preset,omitempty"`
		Fields          map[string]string `json:"fields"`
	}{
		v.ID, v.Status, v.Outcome, m.flags.catalog, m.flags.dryRun, v.Created, v.Updated, v.Unchanged, v.Deleted, v.DeletesWithheld, m.read, m.refused,
		duplicates, v.ErrorMessage, v.ErrorCode, m.found.Format, m.found.Encoding, m.found.Preset, m.found.Fields,
	})
}
