package api

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"fullsync/api/spec"
)

// TestServedRoutesAreThoseOfTheDocument compares what Echo serves with the document, but for pages.
func TestServedRoutesAreThoseOfTheDocument(t *testing.T) {
	var missing struct {
		Syncs
		Peers
		Catalogs
		Pages
		SessionFigures
		Events
		Logins
		Editor
	}
	s, err := New(Options{
		Syncs: missing.Syncs, Peers: missing.Peers, Catalogs: missing.Catalogs, Pages: missing.Pages,
	})
	if err == nil || s != nil {
		t.Fatal("an API without services must be refused")
	}
	type all struct {
		Syncs
		Pages
		SessionFigures
		Events
		Logins
		Console
		Metrics
		Editor
	}
	s, err = New(Options{
		Syncs: all{}, Peers: struct{ Peers }{}, Schedules: struct{ Schedules }{}, Webhooks: struct{ Webhooks }{}, Catalogs: struct{ Catalogs }{}, Imports: struct{ Imports }{}, Pages: all{}, Sides: func(string, bool) Side { return nil }, Figures: all{}, Events: all{}, Metrics: all{}, Logins: all{}, Console: all{}, Editor: all{}, Receiver: struct{ Receiver }{}, Callers: struct{ Callers }{}, Users: struct{ Users }{}, Tokens: struct{ Tokens }{}, Audit: struct{ Audit }{},
		Ready: func(context.Context) error { return nil }, Answers: func(context.Context) error { return nil }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := spec.GetSpec()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"GET /docs", "GET /docs/*", "GET /", "GET /console", "GET /console/*"}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			want = append(want, method+" "+routePath(path))
		}
	}
	var got []string
	for _, route := range s.echo.Routes() {
		got = append(got, route.Method+" "+route.Path)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("served:\n%v\ndocument:\n%v", got, want)
	}
}
