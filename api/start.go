package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// What a start may delete without approval where it does not say.
const (
	defaultMaxDeletes       = 500
	defaultMaxDeletePercent = 10
)

// headerIdempotencyKey makes a start safe to repeat.
const headerIdempotencyKey = "Idempotency-Key"

// startRequest checks what the document cannot say and returns what to start. It returns Invalid for an unknown
// action and Impossible, by name, for what is not built.
func startRequest(body *spec.StartRequest, by string) (syncer.StartRequest, error) {
	var none syncer.StartRequest
	direction := session.Direction(body.Action)
	switch {
	case direction == session.Import && body.PlanId == nil:
		return none, invalidField("action", "must be pull or push; import only applies the dry run of an import, which planId names")
	case direction != session.Pull && direction != session.Push && direction != session.Import:
		return none, invalidField("action", "must be pull or push")
	}
	unbuilt := slices.Sorted(maps.Keys(body.AdditionalProperties))
	options, method := session.Options{
		CompressionEnabled: true, MaxDeletes: defaultMaxDeletes, MaxDeletePercent: defaultMaxDeletePercent,
	}, ""
	if given := body.Options; given != nil {
		for _, name := range slices.Sorted(maps.Keys(given.AdditionalProperties)) {
			unbuilt = append(unbuilt, "options."+name)
		}
		method = string(valueOr(given.Method, ""))
		options = session.Options{
			BatchSize:            valueOr(given.BatchSize, 0),
			MaxProductsPerSecond: valueOr(given.MaxProductsPerSecond, 0),
			VerifyAfterSync:      valueOr(given.VerifyAfterSync, false),
			CompressionEnabled:   valueOr(given.CompressionEnabled, true),
			TimeoutSeconds:       valueOr(given.TimeoutSeconds, 0),
			ReadEverything:       valueOr(given.ReadEverything, false),
			DeleteMissing:        valueOr(given.DeleteMissing, false),
			DryRun:               valueOr(given.DryRun, false),
			MaxDeletes:           valueOr(given.MaxDeletes, defaultMaxDeletes),
			MaxDeletePercent:     valueOr(given.MaxDeletePercent, defaultMaxDeletePercent),
		}
	}
	if len(unbuilt) > 0 {
		return none, notAvailable(unbuilt...)
	}
	if body.PlanId != nil {
		if body.Options != nil {
			return none, invalidField("options", "must not come together with planId; they are those of the plan")
		}
		return syncer.StartRequest{
			Direction: direction, Catalog: valueOr(body.Catalog, ""), PlanID: body.PlanId.String(), By: by, IfRunning: syncer.IfRunning(valueOr(body.IfRunning, spec.Fail)),
		}, nil
	}
	return syncer.StartRequest{
		Direction: direction, Catalog: valueOr(body.Catalog, ""), Method: method, Options: options, By: by,
		IfRunning: syncer.IfRunning(valueOr(body.IfRunning, spec.Fail)),
	}, nil
}

// targetPeers returns the peers that a start names, each once. several says that they came in a list.
func targetPeers(body *spec.StartRequest) (ids []string, several bool, err error) {
	if body.PlanId != nil && body.TargetPeers != nil {
		return nil, false, invalidField("targetPeers", "must not come together with planId; the plan has one peer")
	}
	if body.PlanId != nil && body.TargetPeer == nil {
		return []string{""}, false, nil
	}
	if body.TargetPeers == nil {
		if body.TargetPeer == nil {
			return nil, false, requiredMember("targetPeer")
		}
		id, err := targetPeer(*body.TargetPeer)
		return []string{id}, false, err
	}
	switch {
	case body.TargetPeer != nil:
		return nil, true, invalidField("targetPeers", "must not come together with targetPeer")
	case body.Action != string(session.Push):
		return nil, true, invalidField("targetPeers", "is for a push; a pull has one targetPeer")
	}
	for _, target := range *body.TargetPeers {
		id, err := targetPeer(target)
		if err != nil {
			return nil, true, err
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, true, nil
}

// startKey returns the key with which a start can be repeated, nil where the caller sent none. It belongs to who asks.
func startKey(header *string, req syncer.StartRequest) (*syncer.StartKey, error) {
	if header == nil {
		return nil, nil
	}
	hash, err := requestHash(req)
	if err != nil {
		return nil, err
	}
	return &syncer.StartKey{Subject: req.By, Key: *header, RequestHash: hash}, nil
}

// requestHash returns the same text for starts that ask for the same, however they were written: white space, the
// order of members, defaults that are spelled out, and what the console says about a peer besides its id do not count.
// It outlives this version in the database for a day: new members go to the end, with omitzero.
func requestHash(req syncer.StartRequest) (string, error) {
	name := req.Catalog
	if name == "" && req.PlanID == "" {
		name = catalog.Default // the hash of a request that names it, to every version
	}
	method := req.Method
	if method == session.MethodHTTP {
		method = "" // the hash of a request that does not name it, to every version
	}
	var deletes []int
	if req.Options.DeleteMissing {
		deletes = []int{req.Options.MaxDeletes, req.Options.MaxDeletePercent}
	}
	canonical, err := json.Marshal(struct {
		Action               session.Direction
		Catalog              string
		PeerID               string
		IfRunning            syncer.IfRunning
		BatchSize            int
		MaxProductsPerSecond int
		VerifyAfterSync      bool
		CompressionEnabled   bool
		TimeoutSeconds       int
		Method               string `json:",omitzero"`
		ReadEverything       bool   `json:",omitzero"`
		DeleteWithin         []int  `json:",omitempty"` // how many, and what share, where it deletes
		DryRun               bool   `json:",omitzero"`
		PlanID               string `json:",omitzero"`
	}{
		req.Direction, name, req.PeerID, req.IfRunning, req.Options.BatchSize, req.Options.MaxProductsPerSecond,
		req.Options.VerifyAfterSync, req.Options.CompressionEnabled, req.Options.TimeoutSeconds,
		method, req.Options.ReadEverything, deletes, req.Options.DryRun, req.PlanID,
	})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
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

// notAvailable refuses members that are not built, by name.
func notAvailable(names ...string) *fault.Error {
	for i, name := range names {
		names[i] = printable(name)
	}
	err := fault.New(fault.Impossible, "OPTION_NOT_AVAILABLE", "Option not available", "%s is not available in this version; leave it out.", names[0])
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
