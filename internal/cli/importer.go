package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"fullsync/internal/catalog"
	"fullsync/internal/duplicate"
	"fullsync/internal/plural"
	"fullsync/internal/source/feed"
	"fullsync/internal/store"
)

const (
	// importBatch is how many products an import commits at a time.
	importBatch = 2500
	// idsInMemory is how many bytes of memory an import uses to look for duplicate ids before it switches to a temporary file.
	idsInMemory = 8 << 20
	// shownProducts is how many products a dry run shows as they would come in.
	shownProducts = 10
)

// importer imports products into a catalog, in constant memory.
type importer struct {
	flags     importFlags
	limit     refusedLimit
	db        *store.Store // nil in a dry run
	origin    string
	out       io.Writer
	report    io.Writer
	refusedTo io.Writer // nil if nobody wants the refused lines
	terminal  bool

	found         feed.Found
	refusedWriter *feed.RefusedWriter
	sum           store.Imported
	read, refused int64
	ids           *duplicate.Finder
}

// run imports everything and reports what it did, even if it fails on the way.
func (m *importer) run(ctx context.Context, in io.Reader) error {
	r, err := feed.Open(in, m.flags.feed)
	switch {
	case err == nil:
		m.found = r.Found()
		m.describe(r)
		err = m.each(ctx, r)
	case isOption(err):
		return &usageError{err}
	case ctx.Err() == nil:
		return err // nothing was begun
	}
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
	if err == nil && m.refused > 0 {
		done := "everything else was imported"
		if m.db == nil {
			done = "everything else would be imported"
		}
		return fmt.Errorf("%s %s refused (see above); %s", plural.Of(m.refused, "line"), plural.Was(m.refused), done)
	}
	return err
}

func (m *importer) summary() string {
	if m.db == nil {
		return fmt.Sprintf("dry run: %s would be imported into catalog %s, %d refused", plural.Of(m.read, "product"), m.flags.catalog, m.refused)
	}
	return fmt.Sprintf("catalog %s: %d created, %d updated, %d unchanged, %d refused",
		m.flags.catalog, m.sum.Created, m.sum.Updated, m.sum.Unchanged, m.refused)
}

// describe says how the input is read, unless it is in our own form and this is no dry run.
func (m *importer) describe(r *feed.Reader) {
	if m.db == nil || !m.found.IsOurs() {
		fmt.Fprintln(m.report, m.found)
	}
	for _, hint := range m.found.Hints {
		fmt.Fprintln(m.report, hint)
	}
	if m.db != nil {
		return
	}
	for _, item := range r.Sample(shownProducts) {
		if item.Reject == nil {
			fmt.Fprintf(m.report, "line %d: %s\n", item.Line, item.Product.AppendJSON(nil))
		}
	}
}

// each imports what the reader yields. Reading is one batch ahead of writing, so that each has a processor of its own.
func (m *importer) each(ctx context.Context, r *feed.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches := make(chan readBatch)
	go func() {
		defer close(batches)
		for {
			b := nextBatch(r)
			select {
			case batches <- b:
			case <-ctx.Done():
				return
			}
			if b.end != nil {
				return
			}
		}
	}()
	for b := range batches {
		m.read += int64(len(b.products))
		for _, item := range b.refused {
			if err := m.refuse(item); err != nil {
				return err
			}
		}
		if err := m.write(ctx, b.products); err != nil {
			return err
		}
		switch {
		case errors.Is(b.end, io.EOF):
			return m.limit.exceeded(m.refused, m.read, true)
		case b.end != nil:
			return b.end
		}
	}
	return ctx.Err()
}

// readBatch is the products of one commit, and what was refused among them.
type readBatch struct {
	products []feed.Item
	refused  []feed.Item
	// end is what ended the input after them: io.EOF or an error; nil if there is more.
	end error
}

// nextBatch reads the next batch.
func nextBatch(r *feed.Reader) (b readBatch) {
	for size := 0; len(b.products)+len(b.refused) < importBatch && size < catalog.MaxBatchBytes; {
		item, err := r.Next()
		if err != nil {
			b.end = err
			return b
		}
		size += len(item.Raw)
		if item.Reject != nil {
			item.Raw = bytes.Clone(item.Raw)
			b.refused = append(b.refused, item)
			continue
		}
		item.Raw = nil // only those of refused records are wanted, and this one is not valid for long
		b.products = append(b.products, item)
	}
	return b
}

func (m *importer) refuse(item feed.Item) error {
	m.refused++
	m.clear()
	fmt.Fprintf(m.report, "line %d refused: %s\n", item.Line, item.Reject.Reason)
	if m.refusedTo != nil {
		if m.refusedWriter == nil {
			m.refusedWriter = feed.NewRefusedWriter(m.refusedTo, m.found)
		}
		if err := m.refusedWriter.Write(item); err != nil {
			return err
		}
	}
	return m.limit.exceeded(m.refused, m.read, false)
}

// write commits products. The last of several with the same id counts.
func (m *importer) write(ctx context.Context, items []feed.Item) error {
	products := make([]catalog.Product, len(items))
	for i, item := range items {
		m.ids.Add(item.Product.ID, item.Line)
		products[i] = item.Product
	}
	if m.db == nil {
		return ctx.Err()
	}
	slices.SortStableFunc(products, func(a, b catalog.Product) int { return cmp.Compare(a.ID, b.ID) })
	last := products[:0]
	for i, p := range products {
		if i+1 < len(products) && products[i+1].ID == p.ID {
			continue
		}
		last = append(last, p)
	}
	n, err := m.db.Import(ctx, m.flags.catalog, m.origin, last)
	if err != nil {
		return err
	}
	m.sum.Created += n.Created
	m.sum.Updated += n.Updated
	m.sum.Unchanged += n.Unchanged
	if m.terminal {
		fmt.Fprintf(m.report, "\r%s", plural.Of(m.sum.Created+m.sum.Updated+m.sum.Unchanged, "product"))
	}
	return nil
}

// clear wipes the progress line on a terminal.
func (m *importer) clear() {
	if m.terminal {
		fmt.Fprint(m.report, "\r", strings.Repeat(" ", 40), "\r")
	}
}

// printJSON writes the result for scripts.
func (m *importer) printJSON(duplicates string) error {
	out := json.NewEncoder(m.out)
	out.SetEscapeHTML(false)
	return out.Encode(struct {
		Catalog    string            `json:"catalog"`
		DryRun     bool              `json:"dryRun"`
		Created    int64             `json:"created"`
		Updated    int64             `json:"updated"`
		Unchanged  int64             `json:"unchanged"`
		Read       int64             `json:"read"`
		Refused    int64             `json:"refused"`
		Duplicates string            `json:"duplicates,omitempty"`
		Format     string            `json:"format"`
		Encoding   string            `json:"encoding"`
		Preset     string            `json:"preset,omitempty"`
		Fields     map[string]string `json:"fields"`
	}{
		m.flags.catalog, m.db == nil, m.sum.Created, m.sum.Updated, m.sum.Unchanged, m.read, m.refused, duplicates,
		m.found.Format, m.found.Encoding, m.found.Preset, m.found.Fields,
	})
}
