package api

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// consolePath is where the built-in admin page is.
const consolePath = "/console"

// Console finds the files of the built-in admin page.
type Console interface {
	// File returns what serves the file with that name, the page itself for the empty one, and whether there is such a file.
	File(name string) (http.Handler, bool)
}

// serveConsole serves the admin page, and sends there whoever asks for nothing in particular.
func serveConsole(e *echo.Echo, page Console) {
	// Relative, for a reverse proxy may put the node under a path of its own: from / and from /console it is the same.
	toPage := func(c echo.Context) error { return c.Redirect(http.StatusFound, "console/") }
	e.GET("/", toPage)
	e.GET(consolePath, toPage)
	e.GET(consolePath+"/*", func(c echo.Context) error {
		file, ok := page.File(c.Param("*"))
		if !ok {
			return echo.ErrNotFound
		}
		file.ServeHTTP(c.Response(), c.Request())
		return nil
	})
}
