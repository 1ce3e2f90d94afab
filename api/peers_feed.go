package api

import (
	"encoding/json"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/peer"
)

// textsOf returns the columns, or texts, of the fields that are given.
func textsOf(given *spec.FeedFields) *map[string]string {
	if given == nil {
		return nil
	}
	out := map[string]string{}
	for field, text := range map[string]*string{
		"id": given.Id, "sku": given.Sku, "name": given.Name, "price": given.Price, "currency": given.Currency, "active": given.Active,
	} {
		if text != nil {
			out[field] = *text
		}
	}
	return &out
}

// authNone is the kind that says that a feed has no auth.
const authNone = "none"

func authOf(given *spec.FeedAuth) *peer.Auth {
	switch {
	case given == nil:
		return nil
	case given.Kind == authNone:
		return &peer.Auth{}
	}
	return &peer.Auth{
		Kind: peer.AuthKind(given.Kind), Token: valueOr(given.Token, ""), Username: valueOr(given.Username, ""), Password: valueOr(given.Password, ""),
		Name: valueOr(given.Name, ""), Value: valueOr(given.Value, ""),
	}
}

// ofFeed renders how a feed is read; its auth is never among it.
func ofFeed(out *spec.Peer, f peer.Feed) {
	out.Catalog, out.Format, out.Preset = optional(f.Catalog), optional(f.Format), optional(f.Preset)
	out.Mapping, out.Defaults = renderFields(f.Mapping), renderFields(f.Defaults)
	out.Decimal, out.Unit, out.Encoding, out.Delimiter = optional(f.Decimal), optional(f.Unit), optional(f.Encoding), optional(f.Delimiter)
	out.AuthKind = optional(string(f.AuthKind))
}

func renderFields(of map[string]string) *spec.FeedFields {
	if len(of) == 0 {
		return nil
	}
	return &spec.FeedFields{
		Id: optional(of["id"]), Sku: optional(of["sku"]), Name: optional(of["name"]), Price: optional(of["price"]),
		Currency: optional(of["currency"]), Active: optional(of["active"]),
	}
}

// previewOf renders the beginning of a feed.
func previewOf(p *peer.Preview) *spec.FeedPreview {
	if p == nil {
		return nil
	}
	out := spec.FeedPreview{Found: p.Found, Hints: append([]string{}, p.Hints...), Products: []spec.FeedSample{}}
	for _, one := range p.Sample {
		sample := spec.FeedSample{Line: one.Line}
		if one.Reject != nil {
			sample.Refused = optional(one.Reject.Reason)
		} else {
			sample.Product = feedProductOf(one.Product)
		}
		out.Products = append(out.Products, sample)
	}
	return &out
}

// feedProductOf renders a product of a feed, or of a file, as it would come in.
func feedProductOf(p catalog.Product) *spec.FeedProduct {
	return &spec.FeedProduct{
		Id: p.ID, Sku: optional(p.SKU), Name: p.Name, Price: optional(p.Price), Currency: optional(p.Currency), Active: p.Active,
		Attributes: json.RawMessage(p.Attributes),
	}
}
