// Package audit defines the audit log: who did what, from where, and what it changed. An entry is written in the transaction of what it tells of.
// Nothing here knows HTTP or a database.
package audit

import (
	"context"
	"encoding/json"
	"reflect"
	"time"
)

// Kind says how whoever did something is known.
type Kind string

// The kinds.
const (
	// User is a person who signed in.
	User Kind = "user"
	// Token is an API token.
	Token Kind = "token"
	// Offline is a token that is on no list.
	Offline Kind = "offline"
	// Outside is a token of an identity provider.
	Outside Kind = "outside"
	// CommandLine is somebody at the command line of a machine that reaches the database.
	CommandLine Kind = "cli"
	// System is fullsync itself.
	System Kind = "system"
	// Nobody is a caller without a token.
	Nobody Kind = "nobody"
)

// Origin says who does something, and from where.
type Origin struct {
	Actor string `json:"-"`
	Kind  Kind   `json:"kind"`
	// Address is the caller's IP address, and RequestID the id of the request; empty where there is none.
	Address   string `json:"address"`
	RequestID string `json:"requestId"`
}

// originKey is the key of an origin in a context.
type originKey struct{}

// WithOrigin returns a context for what o does.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// OriginOf returns who does something in ctx: fullsync itself if nobody said.
func OriginOf(ctx context.Context) Origin {
	if o, ok := ctx.Value(originKey{}).(Origin); ok {
		return o
	}
	return Origin{Actor: "fullsync", Kind: System}
}

// Values are what something was or is, by the names that the API uses. Secrets are never among them.
type Values map[string]any

// Entry is one thing that somebody did.
type Entry struct {
	ID int64 `gorm:"primaryKey"`
	// At is database time.
	At        time.Time
	Actor     string
	Kind      Kind
	Address   string
	RequestID string
	// Action is what was done, such as peer.changed, and Target what it was done to: a session, a peer, a user, a token.
	Action string
	Target string
	// Before and After are JSON objects; empty where there is nothing to say.
	Before string
	After  string
}

// TableName names the table for GORM.
func (Entry) TableName() string { return "audit_log" }

// Query selects entries. Zero members select all.
type Query struct {
	Actor string
	// Action selects that action, and every action that begins with it and a dot: peer selects peer.added and peer.changed.
	Action string
	Target string
	// After and Before are exclusive.
	After, Before time.Time
	// BeforeID continues a listing after that entry.
	BeforeID int64
	Limit    int
}

// Differing returns the members of before and after that differ, so that an entry shows what was changed and nothing else.
func Differing(before, after Values) (was, is Values) {
	was, is = Values{}, Values{}
	for name, old := range before {
		if now, there := after[name]; !there || !reflect.DeepEqual(old, now) {
			was[name] = old
		}
	}
	for name, now := range after {
		if old, there := before[name]; !there || !reflect.DeepEqual(old, now) {
			is[name] = now
		}
	}
	return was, is
}

// Text returns values as JSON, "" for none.
func (v Values) Text() string {
	if len(v) == 0 {
		return ""
	}
	text, err := json.Marshal(v)
	if err != nil {
		return "" // plain values always marshal
	}
	return string(text)
}
