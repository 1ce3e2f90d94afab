package api

import (
	"encoding/json"
	"fmt"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
)

// editsOf reads the body of a batch. It returns Invalid, with every edit that is wrong.
func editsOf(body json.RawMessage) ([]catalog.Edit, error) {
	var sent map[string]json.RawMessage
	var list []json.RawMessage
	if err := json.Unmarshal(body, &sent); err != nil {
		return nil, wrongBody("must be a JSON object")
	}
	for name := range sent {
		if name != "edits" {
			return nil, invalidField(printable(name), "is not known here; the body has one member, edits")
		}
	}
	if err := json.Unmarshal(sent["edits"], &list); err != nil || len(list) == 0 || len(list) > catalog.MaxBatchProducts {
		return nil, invalidField("edits", fmt.Sprintf("must be a list of 1 to %d edits", catalog.MaxBatchProducts))
	}
	edits := make([]catalog.Edit, len(list))
	first := make(map[string]int, len(list))
	wrong, out := 0, fault.New(fault.Invalid, "INVALID_PRODUCT", "Invalid products", "")
	for i, one := range list {
		edit, problem := editOf(one)
		if before, twice := first[edit.Product.ID]; problem == "" && twice {
			problem = fmt.Sprintf("is for product %s, as %s is; a batch has one edit for each", printable(edit.Product.ID), editField(before))
		}
		if problem == "" {
			edits[i], first[edit.Product.ID] = edit, i
			continue
		}
		if wrong++; wrong <= maxDetails {
			out = out.With(editField(i), problem)
		}
	}
	if wrong > 0 {
		out.Message = fmt.Sprintf("Nothing was written: %d of the %d edits are wrong. The first is %s: %s.", wrong, len(list), out.Details[0].Field, out.Details[0].Problem)
		return nil, out
	}
	return edits, nil
}

// editOf reads one edit of a batch, or returns what is wrong with it.
func editOf(one json.RawMessage) (edit catalog.Edit, problem string) {
	var sent struct {
		Put                  json.RawMessage
		Delete               *string
		IfMatch, IfNoneMatch *string
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(one, &members) != nil || members == nil {
		return edit, "must be an object"
	}
	for name := range members {
		switch name {
		case "put", "delete", "ifMatch", "ifNoneMatch":
		default:
			return edit, fmt.Sprintf("has the member %s, which is not known here", printable(name))
		}
	}
	if json.Unmarshal(one, &sent) != nil {
		return edit, "must have text in delete, ifMatch and ifNoneMatch"
	}
	switch {
	case (sent.Put != nil) == (sent.Delete != nil):
		return edit, "must have either put or delete"
	case sent.IfNoneMatch != nil && (*sent.IfNoneMatch != "*" || sent.Put == nil):
		return edit, `may have "ifNoneMatch": "*" and nothing else there, and only with put`
	}
	var err error
	if edit.If, err = condition(valueOr(sent.IfMatch, ""), sent.IfNoneMatch != nil); err != nil {
		return edit, "must have the ETag of the product, with its quotes, or * in ifMatch"
	}
	if sent.Delete != nil {
		edit.Delete, edit.Product.ID = true, *sent.Delete
		if edit.Product.ID == "" {
			return edit, "must have the id of a product in delete"
		}
		return edit, ""
	}
	if edit.Product, err = catalog.ParseEdit("", sent.Put); err != nil {
		return edit, err.Error()
	}
	return edit, ""
}

// editField names an edit of a batch.
func editField(i int) string { return fmt.Sprintf("edits[%d]", i) }
