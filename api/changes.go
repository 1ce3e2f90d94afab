package api

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/session"
)

// downloadStep is how many changes are read at once where all are wanted.
const downloadStep = 1000

// ListFullSyncChanges lists what a session changed, or writes all of it as a file.
func (h *sessionHandlers) ListFullSyncChanges(ctx context.Context, r spec.ListFullSyncChangesRequestObject) (spec.ListFullSyncChangesResponseObject, error) {
	q := session.ChangeQuery{SessionID: r.SessionId.String(), Kind: session.ChangeKind(valueOr(r.Params.Kind, "")), Text: valueOr(r.Params.Q, "")}
	switch valueOr(r.Params.Format, spec.Json) {
	case spec.Ndjson:
		return changeDownload(func(w http.ResponseWriter) error { return h.download(ctx, q, w, changeLines(w)) }), nil
	case spec.Csv:
		return changeDownload(func(w http.ResponseWriter) error { return h.download(ctx, q, w, changeTable(w)) }), nil
	}
	bound := strings.Join([]string{q.SessionID, string(q.Kind), q.Text}, "\n")
	var err error
	if q.After, err = changesAfter(valueOr(r.Params.PageToken, ""), bound); err != nil {
		return nil, err
	}
	size := pageSize(r.Params.PageSize)
	q.Limit = size + 1
	changes, reached, err := h.syncs.Changes(ctx, q)
	if err != nil {
		return nil, err
	}
	out := spec.ListFullSyncChanges200JSONResponse{Success: true, Changes: []spec.Change{}}
	if len(changes) > size {
		changes = changes[:size]
		reached = &changes[size-1].ChangePosition
	}
	if reached != nil {
		out.NextPageToken = optional(pageToken{kind: changesPage, bound: bound, position: reached.String()}.String())
	}
	for _, c := range changes {
		out.Changes = append(out.Changes, changeOf(c))
	}
	return out, nil
}

// changesByAccept has the Accept header of a request for changes say in which form they are wanted, unless its query does.
func changesByAccept(next spec.StrictHandlerFunc, operation string) spec.StrictHandlerFunc {
	if operation != "ListFullSyncChanges" {
		return next
	}
	return func(c echo.Context, request any) (any, error) {
		if r, ok := request.(spec.ListFullSyncChangesRequestObject); ok && r.Params.Format == nil {
			c.Response().Header().Add(echo.HeaderVary, echo.HeaderAccept)
			r.Params.Format = new(acceptedForm(c.Request().Header.Values(echo.HeaderAccept)))
			request = r
		}
		return next(c, request)
	}
}

// acceptedForm returns the form of changes that Accept headers like best: JSON, where they like it as much as another or name none of the three.
// Parts that make no sense do not count.
func acceptedForm(headers []string) spec.ListFullSyncChangesParamsFormat {
	weights := map[string]float64{}
	for part := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		kind, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		weight, ok := 1.0, true
		if q, named := parameters["q"]; named {
			weight, ok = parseWeight(q)
		}
		if ok {
			weights[kind] = weight
		}
	}
	best, bestWeight := spec.Json, 0.0
	for _, form := range []struct {
		name  spec.ListFullSyncChangesParamsFormat
		kinds []string
	}{
		{spec.Json, []string{echo.MIMEApplicationJSON, "application/*", "*/*"}},
		{spec.Ndjson, []string{ndjson, "application/*", "*/*"}},
		{spec.Csv, []string{"text/csv", "text/*", "*/*"}},
	} {
		for _, kind := range form.kinds { // the most specific one that is named decides
			if weight, named := weights[kind]; named {
				if weight > bestWeight {
					best, bestWeight = form.name, weight
				}
				break
			}
		}
	}
	return best
}

// changeOf renders a change.
func changeOf(c session.Change) spec.Change {
	return spec.Change{Batch: c.Batch, ProductId: c.ProductID, Kind: spec.ChangeKind(c.Kind), Fields: fieldsOf(c)}
}

// fieldsOf renders the fields that a change changed.
func fieldsOf(c session.Change) []spec.FieldChange {
	fields := []spec.FieldChange{}
	differences := c.Fields
	if c.Before != nil || c.After != nil {
		differences = catalog.Differences(c.Before, c.After)
	}
	for _, d := range differences {
		fields = append(fields, spec.FieldChange{Field: d.Field, Before: orNull(d.Before), After: orNull(d.After)})
	}
	return fields
}

// orNull returns nil, which is null in JSON, for what is absent.
func orNull(value json.RawMessage) *json.RawMessage {
	if value == nil {
		return nil
	}
	return &value
}

// changeDownload writes all changes. It returns an error only while nothing has been sent.
type changeDownload func(w http.ResponseWriter) error

// VisitListFullSyncChangesResponse writes the changes.
func (d changeDownload) VisitListFullSyncChangesResponse(w http.ResponseWriter) error { return d(w) }

// changeFile is a form in which all changes are written.
type changeFile struct {
	contentType, extension string
	write                  func(spec.Change) error
	flush                  func() error
}

// download writes every change that q selects. Where it fails in the middle, it cuts the connection: so the reader knows.
func (h *sessionHandlers) download(ctx context.Context, q session.ChangeQuery, w http.ResponseWriter, file changeFile) error {
	q.Limit = downloadStep
	for first, more := true, true; more; first = false {
		step, reached, err := h.syncs.Changes(ctx, q)
		if first && err != nil {
			return err
		}
		if first {
			w.Header().Set(echo.HeaderContentType, file.contentType)
			w.Header().Set(echo.HeaderContentDisposition, `attachment; filename="changes-`+q.SessionID+file.extension+`"`)
		}
		for i := 0; i < len(step) && err == nil; i++ {
			err = file.write(changeOf(step[i]))
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		if len(step) == downloadStep {
			reached = &step[len(step)-1].ChangePosition
		}
		if more = reached != nil; more {
			q.After = *reached
		}
	}
	if file.flush() != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// changeLines writes changes as NDJSON.
func changeLines(w http.ResponseWriter) changeFile {
	out := bufio.NewWriterSize(w, pageBuffer)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return changeFile{contentType: ndjson, extension: ".ndjson", write: func(c spec.Change) error { return encoder.Encode(c) }, flush: out.Flush}
}

// changeTable writes changes as CSV.
func changeTable(w http.ResponseWriter) changeFile {
	out := bufio.NewWriterSize(w, pageBuffer)
	table := csv.NewWriter(out)
	_ = table.Write([]string{"batch", "productId", "kind", "field", "before", "after"}) // into memory
	return changeFile{
		contentType: "text/csv; charset=utf-8", extension: ".csv",
		write: func(c spec.Change) error {
			fields := c.Fields
			if len(fields) == 0 {
				fields = []spec.FieldChange{{}}
			}
			for _, f := range fields {
				err := table.Write([]string{
					strconv.FormatInt(c.Batch, 10), cell(c.ProductId), string(c.Kind), cell(f.Field), cell(plainText(f.Before)), cell(plainText(f.After)),
				})
				if err != nil {
					return err
				}
			}
			return nil
		},
		flush: func() error {
			table.Flush()
			if err := table.Error(); err != nil {
				return err
			}
			return out.Flush()
		},
	}
}

// plainText returns a JSON value as a table shows it: texts without quotes, nothing for null.
func plainText(value *json.RawMessage) string {
	var text string
	switch {
	case value == nil:
		return ""
	case json.Unmarshal(*value, &text) == nil:
		return text
	}
	return string(*value)
}

// cell keeps a spreadsheet from running text of a product as a formula.
func cell(text string) string {
	if text == "" || !strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return text
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return text
	}
	return "'" + text
}
