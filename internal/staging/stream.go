package staging

import (
	"context"
	"errors"
	"io"
	"slices"

	"fullsync/internal/catalog"
	"fullsync/internal/transfer"
)

// Stream is a source that hands on records as they come, as long as their ids ascend. From the first one on whose id does not, it puts everything into
// a temporary file and hands that on in order. It can be read once, from its beginning to its end, and cannot be compared.
type Stream struct {
	area   Area
	from   Records
	nodeID string

	// ahead are records that were read and not handed on yet. last is the id of the last one that was, sent how many were.
	ahead []catalog.Record
	begun bool
	last  string
	sent  int64
	// end is what ended the records.
	end error

	rest  *File
	after string
	loose int64
}

var _ transfer.Source = (*Stream)(nil)

// NewStream returns a source of these records. The area is for those whose ids do not ascend.
func NewStream(area Area, nodeID string, from Records) *Stream {
	return &Stream{area: area, from: from, nodeID: nodeID}
}

// Describe implements [transfer.Source]. The total is not known before the end.
func (s *Stream) Describe(context.Context) (transfer.Description, error) {
	return transfer.Description{NodeID: s.nodeID, Total: -1}, nil
}

// Read implements [transfer.Source]. It returns what follows, whatever after is.
func (s *Stream) Read(ctx context.Context, after string, limit int) (page transfer.Page, err error) {
	page.Next = after
	if !s.begun {
		s.begun = true
		if !s.ascends() {
			if s.rest, err = s.area.Stage(ctx, s.nodeID, taker{s}); err != nil {
				return transfer.Page{}, err
			}
		}
	}
	if s.rest != nil {
		return s.readRest(ctx, page, limit)
	}
	for len(page.Products)+len(page.Rejects) < limit && page.Bytes < catalog.MaxBatchBytes {
		r, err := s.take()
		if errors.Is(err, io.EOF) {
			page.Total = &s.sent
			return page, nil
		}
		if err != nil && len(page.Products)+len(page.Rejects) > 0 {
			break // the error comes again
		}
		if err != nil {
			return transfer.Page{}, because(ctx, err)
		}
		if r.Reject != nil {
			page.Rejects = append(page.Rejects, refusal(&r))
			s.sent++
			continue
		}
		if r.Product.ID <= s.last {
			s.ahead = slices.Insert(s.ahead, 0, r)
			if len(page.Products)+len(page.Rejects) > 0 {
				break // these can be committed while the rest is sorted
			}
			if s.rest, err = s.area.Stage(ctx, s.nodeID, taker{s}); err != nil {
				return transfer.Page{}, err
			}
			return s.readRest(ctx, page, limit)
		}
		page.Products = append(page.Products, r.Product)
		page.Bytes += int64(len(r.Product.Name) + len(r.Product.Attributes))
		s.last, page.Next = r.Product.ID, r.Product.ID
		s.sent++
	}
	page.More = true
	return page, ctx.Err()
}

// aheadRecords is how many records are looked at before the first is handed on. So a short input is sorted as a whole, or not at all.
const aheadRecords = 1000

// ascends says whether the ids of the first records ascend.
func (s *Stream) ascends() bool {
	last, size := "", 0
	for len(s.ahead) < aheadRecords && size < catalog.MaxBatchBytes {
		r, err := s.read()
		if err != nil {
			return true
		}
		s.ahead = append(s.ahead, r)
		if r.Reject != nil {
			continue
		}
		if r.Product.ID <= last {
			return false
		}
		last = r.Product.ID
		size += len(r.Product.Name) + len(r.Product.Attributes)
	}
	return true
}

// take returns the next record.
func (s *Stream) take() (r catalog.Record, err error) {
	if len(s.ahead) > 0 {
		r = s.ahead[0]
		s.ahead = s.ahead[1:]
		return r, nil
	}
	return s.read()
}

// read reads the next record.
func (s *Stream) read() (r catalog.Record, err error) {
	if s.end == nil {
		r, s.end = s.from.Next()
	}
	if s.end != nil {
		return catalog.Record{}, s.end
	}
	return r, nil
}

// taker is what is left of a stream.
type taker struct{ *Stream }

// Next implements [Records].
func (t taker) Next() (catalog.Record, error) { return t.take() }

// readRest reads from the temporary file: first what has no place among the ids, then the rest in order.
func (s *Stream) readRest(ctx context.Context, page transfer.Page, limit int) (transfer.Page, error) {
	total := s.sent + s.rest.Total()
	rejects, err := s.rest.Loose(ctx, s.loose, limit)
	if err != nil {
		return page, err
	}
	if len(rejects) > 0 {
		s.loose += int64(len(rejects))
		page.Rejects, page.More, page.Total = rejects, true, &total
		return page, nil
	}
	if page, err = s.rest.Read(ctx, s.after, limit); err != nil {
		return page, err
	}
	s.after, page.Total = page.Next, &total
	return page, nil
}

// Duplicates is that of a [File], of the records that were sorted.
func (s *Stream) Duplicates() string {
	if s.rest == nil {
		return ""
	}
	return s.rest.Duplicates()
}

// Close removes the temporary file, if there is one. It is safe to call twice.
func (s *Stream) Close() error {
	if s.rest == nil {
		return nil
	}
	return s.rest.Close()
}
