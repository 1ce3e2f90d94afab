package api

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"

	"fullsync/api/spec"
	"fullsync/internal/fault"
)

const (
	// docsPath is where the document can be read and tried out.
	docsPath     = "/docs"
	documentPath = "/openapi.yaml"
)

// operationHandlers say how the node is.
type operationHandlers struct {
	ready   func(ctx context.Context) error
	metrics Metrics
	// elsewhere says that the metrics have a listener of their own.
	elsewhere bool
}

// GetHealth says that the process lives.
func (h *operationHandlers) GetHealth(context.Context, spec.GetHealthRequestObject) (spec.GetHealthResponseObject, error) {
	return spec.GetHealth200JSONResponse{Status: "ok"}, nil
}

// GetReadiness says whether the database and the jobs answer.
func (h *operationHandlers) GetReadiness(ctx context.Context, _ spec.GetReadinessRequestObject) (spec.GetReadinessResponseObject, error) {
	if err := h.ready(ctx); err != nil {
		if known := (*fault.Error)(nil); errors.As(err, &known) && known.Kind == fault.Unavailable {
			return nil, err
		}
		return nil, fault.New(fault.Unavailable, "NOT_READY", "Not ready",
			"The database or the jobs of this node do not answer. Try again in a few seconds.").Because(err)
	}
	return spec.GetReadiness200JSONResponse{Status: "ready"}, nil
}

// GetMetrics shows the metrics, unless they have a listener of their own.
func (h *operationHandlers) GetMetrics(context.Context, spec.GetMetricsRequestObject) (spec.GetMetricsResponseObject, error) {
	if h.elsewhere {
		return nil, fault.New(fault.NotFound, "NOT_FOUND", "Not found",
			"The metrics of this node are on a listener of their own, which FULLSYNC_METRICS_LISTEN names.")
	}
	text, err := h.metrics.Text()
	if err != nil {
		return nil, err
	}
	return spec.GetMetrics200TextResponse(text), nil
}

// GetOpenAPI shows the document.
func (h *operationHandlers) GetOpenAPI(context.Context, spec.GetOpenAPIRequestObject) (spec.GetOpenAPIResponseObject, error) {
	document := spec.Document()
	return spec.GetOpenAPI200ApplicationyamlResponse{
		Body: bytes.NewReader(document), ContentLength: int64(len(document)),
	}, nil
}

// serveDocs serves the document as a page, from files that are compiled in.
func serveDocs(e *echo.Echo) {
	// Relative throughout, as in [serveConsole]: the page works under whatever path a reverse proxy puts before it.
	page := echo.WrapHandler(v5emb.NewHandlerWithConfig(swgui.Config{
		Title: "fullsync", SwaggerJSON: ".." + documentPath, BasePath: "./", InternalBasePath: docsPath,
	}))
	e.GET(docsPath, func(c echo.Context) error { return c.Redirect(http.StatusFound, docsPath[1:]+"/") })
	e.GET(docsPath+"/*", func(c echo.Context) error {
		switch c.Param("*") {
		case "", "swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "favicon-16x16.png", "favicon-32x32.png":
			return page(c)
		}
		// The page's own 404 has not the shape of our errors.
		return echo.ErrNotFound
	})
}
