package syncer

import (
	"context"
	"errors"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
)

// Products is what an [Editor] needs from the table of products. Each call is one transaction, in which no session writes
// the catalog and no other edit changes it: where one does, it returns an [*OccupiedError], and nothing is written.
type Products interface {
	// EditProducts makes edits of different products, all or none, and returns what became of each, in the same order.
	// New content comes from origin. Returns a [*catalog.UnmetError] where a condition does not hold.
	EditProducts(ctx context.Context, catalogName, origin string, edits []catalog.Edit) ([]catalog.Edited, error)
	// DeleteProducts deletes the first products of a catalog whose id is greater than after, as many as a short
	// transaction can. Where expected is not nil, the catalog must hold as many products, or else it returns a
	// [*catalog.CountError].
	DeleteProducts(ctx context.Context, catalogName, after string, expected *int64) (Deletion, error)
}

// Deletion is one step in deleting a catalog.
type Deletion struct {
	Deleted int64
	// Next is where to go on; More is false when that was the last step.
	Next string
	More bool
}

// OccupiedError says which session is writing a catalog, by the database's time Now.
type OccupiedError struct {
	Row session.Session
	Now time.Time
}

// Error names the session.
func (e *OccupiedError) Error() string {
	return "session " + e.Row.ID + " writes catalog " + e.Row.Catalog
}

// Editor changes products on behalf of people, while no session writes their catalog.
type Editor struct {
	cfg      Config
	products Products
}

// NewEditor returns the Editor of the node of cfg.
func NewEditor(cfg Config, products Products) *Editor {
	return &Editor{cfg: cfg, products: products}
}

// Edit makes edits of different products, all or none, and returns what became of each, in the same order. It returns a
// [*RunningError] while a session writes the catalog, and a [*catalog.UnmetError] where a condition does not hold.
func (e *Editor) Edit(ctx context.Context, catalogName string, edits []catalog.Edit) ([]catalog.Edited, error) {
	done, err := e.products.EditProducts(ctx, catalogName, e.cfg.NodeID, edits)
	return done, e.running(err, 0)
}

// DeleteCatalog deletes every product of a catalog that holds exactly as many as expected, and returns how many. It does
// so in short steps, so that a large catalog keeps nobody waiting: what fails, or ctx, may end it between two of them.
// It returns a [*catalog.CountError] when there are more or fewer, and a [*RunningError] when a session writes the
// catalog or begins to.
func (e *Editor) DeleteCatalog(ctx context.Context, catalogName, by string, expected int64) (deleted int64, err error) {
	step, err := e.products.DeleteProducts(ctx, catalogName, "", &expected)
	for deleted = step.Deleted; err == nil && step.More; deleted += step.Deleted {
		step, err = e.products.DeleteProducts(ctx, catalogName, step.Next, nil)
	}
	if deleted > 0 {
		e.cfg.Logger.InfoContext(ctx, "products of a catalog deleted", "catalog", catalogName, "by", by, "products", deleted, "all", err == nil)
	}
	return deleted, e.running(err, deleted)
}

// running turns an [OccupiedError] into what callers see; every other error is returned as it is.
func (e *Editor) running(err error, deleted int64) error {
	var occupied *OccupiedError
	if errors.As(err, &occupied) {
		return &RunningError{Running: session.NewView(occupied.Row, occupied.Now, e.cfg.Limits), Deleted: deleted}
	}
	return err
}
