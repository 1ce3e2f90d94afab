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

// export writes a catalog; NotFound where there is none.
func (h *catalogHandlers) export(ctx context.Context, name string, out *catalog.Exporter) error {
	err := out.Pages(func(after string, limit int, each func(*catalog.Product) error) error {
		return h.pages.ReadSpan(ctx, name, after, "", limit, each)
	})
	if err != nil {
		return err
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
