package api

import (
	"fmt"
	"maps"
	"slices"

	"github.com/labstack/echo/v4"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// operationStart is the generated name of the start.
const operationStart = "StartFullSync"

// refuseIdempotencyKey refuses a start with the header Idempotency-Key: a caller that sends it relies on it, and must
// not find out by two syncs that it was ignored.
func refuseIdempotencyKey(next spec.StrictHandlerFunc, operationID string) spec.StrictHandlerFunc {
	if operationID != operationStart {
		return next
	}
	return func(c echo.Context, request any) (any, error) {
		if len(c.Request().Header.Values("Idempotency-Key")) > 0 {
			return nil, notAvailable("Idempotency-Key")
		}
		return next(c, request)
	}
}

// startRequest checks what the document cannot say and returns what to start. It returns Invalid for an unknown
// action and Impossible, by name, for what is not built.
func startRequest(body *spec.StartRequest, by string) (syncer.StartRequest, error) {
	var none syncer.StartRequest
	switch body.Action {
	case string(session.Pull):
	case "push":
		return none, notAvailable("action")
	default:
		return none, invalidField("action", "must be pull")
	}
	var unbuilt []string
	for _, name := range slices.Sorted(maps.Keys(body.AdditionalProperties)) {
		// The one way to start that there is may be asked for.
		if name != "ifRunning" || body.AdditionalProperties[name] != "fail" {
			unbuilt = append(unbuilt, name)
		}
	}
	options := session.Options{CompressionEnabled: true}
	if given := body.Options; given != nil {
		for _, name := range slices.Sorted(maps.Keys(given.AdditionalProperties)) {
			// Switched off is how it is.
			if name != "deleteMissing" && name != "dryRun" || given.AdditionalProperties[name] != false {
				unbuilt = append(unbuilt, "options."+name)
			}
		}
		options = session.Options{
			BatchSize:            valueOr(given.BatchSize, 0),
			MaxProductsPerSecond: valueOr(given.MaxProductsPerSecond, 0),
			VerifyAfterSync:      valueOr(given.VerifyAfterSync, false),
			CompressionEnabled:   valueOr(given.CompressionEnabled, true),
		}
	}
	if len(unbuilt) > 0 {
		return none, notAvailable(unbuilt...)
	}
	peerID, err := targetPeer(body.TargetPeer)
	if err != nil {
		return none, err
	}
	return syncer.StartRequest{
		Catalog: valueOr(body.Catalog, catalog.Default), PeerID: peerID, Options: options, By: by,
	}, nil
}

// targetPeer returns the node id of either form of a target peer.
func targetPeer(target spec.TargetPeer) (string, error) {
	if id, err := target.AsNodeID(); err == nil {
		return id, nil
	}
	object, err := target.AsTargetPeerObject()
	if err != nil {
		return "", invalidField("targetPeer", "must be a peer's node id or an object with nodeId").Because(err)
	}
	return object.NodeId, nil
}

// notAvailable refuses members and headers that are not built, by name.
func notAvailable(names ...string) *fault.Error {
	for i, name := range names {
		names[i] = printable(name)
	}
	message := fmt.Sprintf("%s is not available in this version; leave it out.", names[0])
	if names[0] == "action" {
		message = `The action "push" is not available in this version; only "pull" is.`
	}
	err := fault.New(fault.Impossible, "OPTION_NOT_AVAILABLE", "Option not available", "%s", message)
	for _, name := range names[:min(len(names), maxDetails)] {
		err = err.With(name, "is not available in this version")
	}
	return err
}

// valueOr returns what p points to, or otherwise where it is nil.
func valueOr[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
