package api

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"path"
	"strings"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// Imports takes files that are to be imported.
type Imports interface {
	// Begin keeps a file as it comes, and starts a session that imports it. It returns Invalid for options that are wrong, [*syncer.RunningError] where the
	// catalog has an active session, and the errors of in.
	Begin(ctx context.Context, in io.Reader, req syncer.ImportRequest) (syncer.Started, error)
	// Preview reads the beginning of a file, and returns its first n records as they would come in. It returns Invalid for options that are wrong, and
	// Impossible for what is no feed. If the file could be read once somebody says which column is which, it also returns what is known, and which columns
	// are likely.
	Preview(in io.Reader, f session.Feed, n int) (Preview, error)
}

// Preview says how a file would be read.
type Preview struct {
	// Summary is a sentence that says everything else.
	Summary                                                          string
	Format, Encoding, Packed, Delimiter, List, Preset, Decimal, Unit string
	Columns                                                          []string
	// Fields says which column each field comes from.
	Fields  map[string]string
	Hints   []string
	Records []catalog.Record
	// Proposed has the likely columns of fields that were not found, if it was not clear which column is which.
	Proposed map[string]string
}

// importHandlers import files.
type importHandlers struct{ imports Imports }

// fileBody is the media type of a body that is a file; a form may hold one as well.
const fileBody = "application/octet-stream"

// previewed is how many records a preview shows.
const previewed = 10

// ImportProducts keeps a file and starts a session that imports it.
func (h *importHandlers) ImportProducts(ctx context.Context, r spec.ImportProductsRequestObject) (spec.ImportProductsResponseObject, error) {
	p := r.Params
	feed, err := feedOf(p.Format, p.Preset, p.Map, p.Default, p.Decimal, p.Unit, p.Encoding, p.Delimiter)
	if err != nil {
		return nil, err
	}
	in, name, err := fileOf(r.Body, r.MultipartBody)
	if err != nil {
		return nil, err
	}
	started, err := h.imports.Begin(ctx, in, syncer.ImportRequest{Catalog: r.Catalog, By: caller(ctx), Options: session.Options{
		DryRun: valueOr(p.DryRun, false), DeleteMissing: valueOr(p.DeleteMissing, false),
		MaxDeletes: valueOr(p.MaxDeletes, defaultMaxDeletes), MaxDeletePercent: valueOr(p.MaxDeletePercent, defaultMaxDeletePercent),
		Import: &session.Input{Name: valueOr(p.Name, name), MaxRefused: valueOr(p.MaxRefused, ""), Feed: feed},
	}})
	if err != nil {
		return nil, err
	}
	return spec.ImportProducts202JSONResponse{
		Headers: spec.ImportProducts202ResponseHeaders{Location: location(ctx, started.Session)},
		Body:    startedOf(started.Session, "Import initiated successfully"),
	}, nil
}

// PreviewImport says how a file would be read, and shows its first records.
func (h *importHandlers) PreviewImport(_ context.Context, r spec.PreviewImportRequestObject) (spec.PreviewImportResponseObject, error) {
	p := r.Params
	feed, err := feedOf(p.Format, p.Preset, p.Map, p.Default, p.Decimal, p.Unit, p.Encoding, p.Delimiter)
	if err != nil {
		return nil, err
	}
	in, _, err := fileOf(r.Body, r.MultipartBody)
	if err != nil {
		return nil, err
	}
	found, err := h.imports.Preview(in, feed, previewed)
	if said := (*fault.Error)(nil); found.Format != "" && errors.As(err, &said) {
		body := errorBody(said)
		return spec.PreviewImport422JSONResponse{
			Error: body.Error, Code: body.Code, Message: body.Message, Format: &found.Format, Encoding: &found.Encoding, Delimiter: optional(found.Delimiter),
			Preset: optional(found.Preset), Columns: &found.Columns, Proposed: &found.Proposed,
		}, nil
	}
	if err != nil {
		return nil, err
	}
	out := spec.PreviewImport200JSONResponse{
		Success: true, Summary: found.Summary, Format: found.Format, Encoding: found.Encoding, Packed: optional(found.Packed),
		Delimiter: optional(found.Delimiter), List: optional(found.List), Preset: optional(found.Preset), Decimal: optional(found.Decimal), Unit: optional(found.Unit),
		Columns: append([]string{}, found.Columns...), Fields: found.Fields, Hints: append([]string{}, found.Hints...), Records: []spec.ImportPreviewRecord{},
	}
	for _, rec := range found.Records {
		one := spec.ImportPreviewRecord{Line: rec.Line}
		if rec.Reject != nil {
			one.Refused = &rec.Reject.Reason
		} else {
			one.Product = feedProductOf(rec.Product)
		}
		out.Records = append(out.Records, one)
	}
	return out, nil
}

// feedOf returns what a request says about its file. It returns Invalid for a pair that is none.
func feedOf(format, preset *string, maps, defaults *[]string, decimal, unit, encoding, delimiter *string) (f session.Feed, err error) {
	f = session.Feed{
		Format: valueOr(format, ""), Preset: valueOr(preset, ""), Decimal: valueOr(decimal, ""), Unit: valueOr(unit, ""),
		Encoding: valueOr(encoding, ""), Delimiter: valueOr(delimiter, ""),
	}
	if f.Map, err = pairs("map", "COLUMN", maps); err == nil {
		f.Default, err = pairs("default", "VALUE", defaults)
	}
	return f, err
}

// pairs takes values of the form FIELD=COLUMN apart.
func pairs(parameter, what string, given *[]string) (map[string]string, error) {
	values := map[string]string{}
	for _, text := range valueOr(given, nil) {
		field, value, found := strings.Cut(text, "=")
		if _, twice := values[field]; !found || field == "" || value == "" || twice {
			return nil, invalidField(parameter, "must be FIELD="+what+", each field once")
		}
		values[field] = value
	}
	return values, nil
}

// fileOf returns the file of a body, or of the first part of a form that is a file, and its name.
func fileOf(body io.Reader, form *multipart.Reader) (in io.Reader, name string, err error) {
	if form == nil {
		if body == nil { // an empty file
			body = http.NoBody
		}
		return &sentFile{body}, "", nil
	}
	for {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return nil, "", wrongBody("must have a part that is a file")
		case err != nil:
			return nil, "", sentError(err)
		case part.FileName() != "":
			return &sentFile{part}, printable(path.Base(strings.ReplaceAll(part.FileName(), `\`, "/"))), nil
		}
	}
}

// sentFile is a file that a client sends; what goes wrong with it is the client's.
type sentFile struct{ from io.Reader }

// Read implements [io.Reader].
func (s *sentFile) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	if err != nil && err != io.EOF {
		err = sentError(err)
	}
	return n, err
}

func sentError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return tooLarge
	}
	return wrongBody("ends too early").(*fault.Error).Because(err) //nolint:errorlint // it is one
}
