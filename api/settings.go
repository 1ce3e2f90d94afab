package api

import (
	"context"

	"fullsync/api/spec"
	"fullsync/internal/config"
)

// settingsHandlers show what this node runs with.
type settingsHandlers struct{ settings []config.Setting }

// ListSettings lists every setting, without secrets.
func (h *settingsHandlers) ListSettings(context.Context, spec.ListSettingsRequestObject) (spec.ListSettingsResponseObject, error) {
	out := spec.ListSettings200JSONResponse{Success: true, Settings: make([]spec.Setting, len(h.settings))}
	for i, s := range h.settings {
		one := spec.Setting{
			Name: s.Name, Secret: s.Secret, IsSet: s.Set, IsDefault: s.IsDefault, Default: optional(s.Default), PerReplica: s.Own, Meaning: s.Meaning,
		}
		if s.Set && !s.Secret {
			one.Value = &s.Value
		}
		out.Settings[i] = one
	}
	return out, nil
}
