package app

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/google/uuid"

	"fullsync/api"
	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/source/feed"
	"fullsync/internal/staging"
	"fullsync/internal/syncer"
	"fullsync/internal/transfer"
)

// imports takes files for the API. They are kept in the database, because every replica reaches that: any of them may run the import.
type imports struct {
	*App
	service *syncer.Service
}

// Begin implements [api.Imports].
func (i imports) Begin(ctx context.Context, in io.Reader, req syncer.ImportRequest) (started syncer.Started, err error) {
	input := req.Options.Import
	if err := feed.Options(input.Feed).Check(); err != nil {
		return started, err
	}
	if _, err := staging.ParseLimit(input.MaxRefused); err != nil {
		return started, fault.New(fault.Invalid, "INVALID_FEED_OPTION", "Invalid option", "%s.", err)
	}
	// Nobody sends a large file only to hear in the end that another session writes the catalog.
	now, err := i.service.Status(ctx, req.Catalog)
	if err != nil {
		return started, err
	}
	if now.Active != nil && !now.Active.Outgoing() {
		return started, &syncer.RunningError{Running: *now.Active}
	}
	req.ID = uuid.NewString()
	input.Upload = req.ID
	if err := i.Store.KeepUpload(ctx, req.ID, in); err != nil {
		return started, err
	}
	if started, err = i.service.Import(ctx, req); err != nil {
		err = errors.Join(err, i.Store.DropUpload(context.WithoutCancel(ctx), req.ID))
	}
	return started, err
}

// Preview implements [api.Imports].
func (imports) Preview(in io.Reader, f session.Feed, n int) (p api.Preview, err error) {
	r, err := feed.Open(in, feed.Options(f))
	if unclear := (*feed.UnclearError)(nil); errors.As(err, &unclear) {
		p = previewOf(unclear.Found)
		p.Proposed = unclear.Proposed
	}
	if err != nil {
		return p, err
	}
	p = previewOf(r.Found())
	for _, item := range r.Sample(n) {
		p.Records = append(p.Records, item.Record)
	}
	return p, nil
}

func previewOf(found feed.Found) api.Preview {
	return api.Preview{
		Summary: found.String(), Format: found.Format, Encoding: found.Encoding, Packed: found.Packed, Delimiter: found.Delimiter, List: found.List,
		Preset: found.Preset, Decimal: found.Decimal, Unit: found.Unit, Columns: found.Columns, Fields: found.Fields, Hints: found.Hints,
	}
}

// openInput opens a file that was sent to the node. It is sorted, so that whoever takes the import over finds the same order.
func (a *App) openInput(ctx context.Context, row session.Session) (transfer.Source, error) {
	in := row.Options.Import
	limit, err := staging.ParseLimit(in.MaxRefused)
	if err != nil {
		return nil, err
	}
	r, err := feed.Open(a.Store.OpenUpload(ctx, in.Upload), feed.Options(in.Feed))
	if err != nil {
		return nil, err
	}
	f, err := Staging(a.cfg).Stage(ctx, a.nodeID, limit.Of(r.Records(nil)))
	if err != nil {
		return nil, err
	}
	return f, nil
}

// dropTimeout bounds the deletion of a file that was imported; the upkeep deletes what is left.
const dropTimeout = 30 * time.Second

// dropInput deletes the file of an import that has ended. That of a dry run is kept for a while, because its plan may be applied.
func (a *App) dropInput(ctx context.Context, row session.Session) {
	if row.Options.Import == nil || row.Options.Import.Upload == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, dropTimeout)
	defer cancel()
	done := a.Store.DropUpload
	if row.Options.DryRun {
		if ended, _, err := a.Store.GetSession(ctx, row.ID); err == nil && ended.Outcome == session.Planned {
			done = a.Store.TouchUpload
		}
	}
	if err := done(ctx, row.Options.Import.Upload); err != nil {
		a.log.Warn("a file that was imported could not be deleted; the upkeep tries again", "session", row.ID, "error", err)
	}
}
