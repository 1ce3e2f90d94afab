package api

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/fault"
)

// exportResponse writes an export. It returns an error only while nothing has been sent.
type exportResponse func(w http.ResponseWriter) error

// VisitExportCatalogResponse writes the export.
func (e exportResponse) VisitExportCatalogResponse(w http.ResponseWriter) error { return e(w) }

// ExportCatalog streams a whole catalog.
func (h *catalogHandlers) ExportCatalog(ctx context.Context, r spec.ExportCatalogRequestObject) (spec.ExportCatalogResponseObject, error) {
	format := string(valueOr(r.Params.Format, catalog.ExportNDJSON))
	return exportResponse(func(w http.ResponseWriter) error {
		sent := &exportWriter{w: w, name: r.Catalog + "." + format, kind: exportType(format)}
		out := catalog.NewExporter(sent, format)
		err := h.export(ctx, r.Catalog, out)
		if err != nil && sent.begun {
			panic(http.ErrAbortHandler) // so that the client knows
		}
		return err
	}), nil
}

// export writes a catalog page by page, so that no database cursor waits for a slow client.
func (h *catalogHandlers) export(ctx context.Context, name string, out *catalog.Exporter) error {
	for after, more := "", true; more; {
		n := 0
		err := h.pages.ReadSpan(ctx, name, after, "", catalog.MaxBatchProducts, func(p *catalog.Product) error {
			n++
			after = p.ID
			return out.Write(p)
		})
		if err != nil {
			return err
		}
		more = n == catalog.MaxBatchProducts
	}
	if out.Count() == 0 && name != catalog.Default {
		return fault.New(fault.NotFound, "CATALOG_NOT_FOUND", "Catalog not found", "There is no catalog %s here.", name)
	}
	return out.Close()
}

func exportType(format string) string {
	switch format {
	case catalog.ExportCSV:
		return "text/csv; charset=utf-8"
	case catalog.ExportJSON:
		return echo.MIMEApplicationJSON
	}
	return ndjson
}

// exportWriter sends the header before the first bytes.
type exportWriter struct {
	w          http.ResponseWriter
	name, kind string
	begun      bool
}

// Write sends more bytes.
func (e *exportWriter) Write(b []byte) (int, error) {
	if !e.begun {
		e.begun = true
		e.w.Header().Set(echo.HeaderContentType, e.kind)
		e.w.Header().Set(echo.HeaderContentDisposition, `attachment; filename="`+e.name+`"`)
		e.w.WriteHeader(http.StatusOK)
	}
	return e.w.Write(b)
}
