package app

import (
	"runtime/debug"
	"strings"
)

// version is set where a build has no history to take it from, as in the Dockerfile: -ldflags "-X fullsync/internal/app.version=1.2.3".
var version string

// Version returns the version of this binary: the one it was built with, or the one that the Go toolchain recorded.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// Build returns what this binary was built from and for: the commit as far as the Go toolchain recorded it, the toolchain, and the system.
func Build() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	var parts []string
	if commit := set["vcs.revision"]; commit != "" {
		if set["vcs.modified"] == "true" {
			commit += " with changes"
		}
		parts = append(parts, "commit "+commit)
	}
	return strings.Join(append(parts, info.GoVersion, set["GOOS"]+"/"+set["GOARCH"]), ", ")
}
