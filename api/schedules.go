package api

import (
	"context"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/schedule"
	"fullsync/internal/session"
)

// Schedules manages the schedules of this node; [schedule.Book] is one.
type Schedules interface {
	List(ctx context.Context) ([]schedule.View, error)
	Get(ctx context.Context, id string) (schedule.View, error)
	Add(ctx context.Context, n schedule.New) (schedule.View, error)
	Change(ctx context.Context, id string, c schedule.Change) (schedule.View, error)
	Remove(ctx context.Context, id string) error
	RunNow(ctx context.Context, id, by string) ([]schedule.Shown, error)
	Runs(ctx context.Context, id string, limit int) ([]schedule.Shown, error)
	Preview(ctx context.Context, cron, timezone string) ([]time.Time, error)
	Paused(ctx context.Context) (*schedule.Pause, error)
	PauseAll(ctx context.Context, by string) (*schedule.Pause, error)
	ResumeAll(ctx context.Context) error
}

// scheduleHandlers manage the schedules of this node.
type scheduleHandlers struct{ schedules Schedules }

// ListSchedules lists all schedules, and says whether they are paused.
func (h *scheduleHandlers) ListSchedules(ctx context.Context, _ spec.ListSchedulesRequestObject) (spec.ListSchedulesResponseObject, error) {
	paused, err := h.schedules.Paused(ctx)
	if err != nil {
		return nil, err
	}
	all, err := h.schedules.List(ctx)
	if err != nil {
		return nil, err
	}
	out := spec.ListSchedules200JSONResponse{Success: true, Paused: pauseOf(paused), Schedules: []spec.Schedule{}}
	for _, v := range all {
		out.Schedules = append(out.Schedules, scheduleOf(v))
	}
	return out, nil
}

// AddSchedule adds a schedule.
func (h *scheduleHandlers) AddSchedule(ctx context.Context, r spec.AddScheduleRequestObject) (spec.AddScheduleResponseObject, error) {
	options, err := scheduledOptions(r.Body.Options)
	if err != nil {
		return nil, err
	}
	v, err := h.schedules.Add(ctx, schedule.New{
		Name: r.Body.Name, Cron: r.Body.Cron, Timezone: r.Body.Timezone, Enabled: valueOr(r.Body.Enabled, true), Action: session.Direction(r.Body.Action),
		TargetPeers: r.Body.TargetPeers, Catalog: valueOr(r.Body.Catalog, catalog.Default), Options: options,
		IfRunning: schedule.IfRunning(valueOr(r.Body.IfRunning, spec.ScheduleSkip)), JitterSeconds: valueOr(r.Body.JitterSeconds, 0), By: caller(ctx),
	})
	if err != nil {
		return nil, err
	}
	return spec.AddSchedule201JSONResponse{
		Headers: spec.AddSchedule201ResponseHeaders{Location: underPrefix(ctx, "/api/admin/sync/schedules/"+v.ID)},
		Body:    spec.ScheduleResponse{Success: true, Schedule: scheduleOf(v)},
	}, nil
}

// GetSchedule shows one schedule.
func (h *scheduleHandlers) GetSchedule(ctx context.Context, r spec.GetScheduleRequestObject) (spec.GetScheduleResponseObject, error) {
	v, err := h.schedules.Get(ctx, r.ScheduleId.String())
	if err != nil {
		return nil, err
	}
	return spec.GetSchedule200JSONResponse{Success: true, Schedule: scheduleOf(v)}, nil
}

// ChangeSchedule changes the members that are given.
func (h *scheduleHandlers) ChangeSchedule(ctx context.Context, r spec.ChangeScheduleRequestObject) (spec.ChangeScheduleResponseObject, error) {
	c := schedule.Change{
		Name: r.Body.Name, Cron: r.Body.Cron, Timezone: r.Body.Timezone, Enabled: r.Body.Enabled, Action: (*session.Direction)(r.Body.Action),
		TargetPeers: r.Body.TargetPeers, Catalog: r.Body.Catalog, IfRunning: (*schedule.IfRunning)(r.Body.IfRunning), JitterSeconds: r.Body.JitterSeconds,
	}
	if r.Body.Options != nil {
		options, err := scheduledOptions(r.Body.Options)
		if err != nil {
			return nil, err
		}
		c.Options = &options
	}
	v, err := h.schedules.Change(ctx, r.ScheduleId.String(), c)
	if err != nil {
		return nil, err
	}
	return spec.ChangeSchedule200JSONResponse{Success: true, Schedule: scheduleOf(v)}, nil
}

// RemoveSchedule forgets a schedule.
func (h *scheduleHandlers) RemoveSchedule(ctx context.Context, r spec.RemoveScheduleRequestObject) (spec.RemoveScheduleResponseObject, error) {
	if err := h.schedules.Remove(ctx, r.ScheduleId.String()); err != nil {
		return nil, err
	}
	return spec.RemoveSchedule200JSONResponse{Success: true, Message: "Schedule removed successfully"}, nil
}

// RunSchedule runs a schedule out of turn.
func (h *scheduleHandlers) RunSchedule(ctx context.Context, r spec.RunScheduleRequestObject) (spec.RunScheduleResponseObject, error) {
	runs, err := h.schedules.RunNow(ctx, r.ScheduleId.String(), caller(ctx))
	if err != nil {
		return nil, err
	}
	return spec.RunSchedule202JSONResponse(runsOf(runs)), nil
}

// ListScheduleRuns lists the latest runs of a schedule.
func (h *scheduleHandlers) ListScheduleRuns(ctx context.Context, r spec.ListScheduleRunsRequestObject) (spec.ListScheduleRunsResponseObject, error) {
	runs, err := h.schedules.Runs(ctx, r.ScheduleId.String(), pageSize(r.Params.PageSize))
	if err != nil {
		return nil, err
	}
	return spec.ListScheduleRuns200JSONResponse(runsOf(runs)), nil
}

// PreviewSchedule shows when a rule comes true.
func (h *scheduleHandlers) PreviewSchedule(ctx context.Context, r spec.PreviewScheduleRequestObject) (spec.PreviewScheduleResponseObject, error) {
	runs, err := h.schedules.Preview(ctx, r.Body.Cron, r.Body.Timezone)
	if err != nil {
		return nil, err
	}
	return spec.PreviewSchedule200JSONResponse{Success: true, NextRuns: runs}, nil
}

// PauseSchedules pauses all schedules.
func (h *scheduleHandlers) PauseSchedules(ctx context.Context, _ spec.PauseSchedulesRequestObject) (spec.PauseSchedulesResponseObject, error) {
	paused, err := h.schedules.PauseAll(ctx, caller(ctx))
	if err != nil {
		return nil, err
	}
	return spec.PauseSchedules200JSONResponse{Success: true, Paused: pauseOf(paused)}, nil
}

// ResumeSchedules lets them run again.
func (h *scheduleHandlers) ResumeSchedules(ctx context.Context, _ spec.ResumeSchedulesRequestObject) (spec.ResumeSchedulesResponseObject, error) {
	if err := h.schedules.ResumeAll(ctx); err != nil {
		return nil, err
	}
	return spec.ResumeSchedules200JSONResponse{Success: true}, nil
}

// scheduledOptions checks the options of a schedule as those of a start.
func scheduledOptions(given *spec.StartOptions) (session.Options, error) {
	req, err := startRequest(&spec.StartRequest{Action: string(session.Pull), Options: given}, "")
	return req.Options, err
}

func scheduleOf(v schedule.View) spec.Schedule {
	return spec.Schedule{
		Id: parsedID(v.ID), Name: v.Name, Cron: v.Cron, Timezone: v.Timezone, Enabled: v.Enabled, Action: spec.ScheduleAction(v.Action),
		TargetPeers: append([]string{}, v.TargetPeers...), Catalog: v.Catalog, Options: startOptionsOf(v.Options), IfRunning: spec.ScheduleIfRunning(v.IfRunning),
		JitterSeconds: v.JitterSeconds, NextRuns: append([]time.Time{}, v.NextRuns...), LastSession: lastSessionOf(v.Last), LastError: optional(v.LastError),
		FailedInRow: v.FailedInRow, Failing: v.Failing(), CreatedBy: v.CreatedBy, CreatedAt: v.CreatedAt.UTC(), UpdatedAt: v.UpdatedAt.UTC(),
	}
}

// startOptionsOf renders options that were given for later starts: what follows the node's settings is left out.
func startOptionsOf(o session.Options) *spec.StartOptions {
	return &spec.StartOptions{
		BatchSize: unlessZero(o.BatchSize), TimeoutSeconds: unlessZero(o.TimeoutSeconds), MaxProductsPerSecond: &o.MaxProductsPerSecond,
		VerifyAfterSync: &o.VerifyAfterSync, CompressionEnabled: &o.CompressionEnabled, ReadEverything: &o.ReadEverything, DeleteMissing: &o.DeleteMissing,
		MaxDeletes: &o.MaxDeletes, MaxDeletePercent: &o.MaxDeletePercent, DryRun: &o.DryRun,
	}
}

func unlessZero(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}

func lastSessionOf(run *schedule.Shown) *spec.ScheduleSession {
	if run == nil || run.Session == nil || run.SessionID == nil {
		return nil
	}
	s := run.Session
	return &spec.ScheduleSession{
		SessionId: sessionID(*run.SessionID), Status: spec.SessionStatus(s.Status), Outcome: outcomeOf(s.Outcome),
		StartedAt: s.StartedAt.UTC(), CompletedAt: inUTC(s.CompletedAt), ErrorMessage: optional(s.ErrorMessage),
	}
}

func runsOf(runs []schedule.Shown) spec.ScheduleRunsResponse {
	out := spec.ScheduleRunsResponse{Success: true, Runs: make([]spec.ScheduleRun, len(runs))}
	for i, r := range runs {
		out.Runs[i] = spec.ScheduleRun{
			Peer: r.PeerID, DueAt: r.DueAt.UTC(), StartAt: r.StartAt.UTC(), By: optional(r.By), State: spec.ScheduleRunState(r.State),
			Session: lastSessionOf(&r), Problem: optional(r.Problem),
		}
	}
	return out
}

func pauseOf(p *schedule.Pause) *spec.SchedulePause {
	if p == nil {
		return nil
	}
	return &spec.SchedulePause{By: p.By, At: p.At.UTC()}
}
