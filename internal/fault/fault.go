// Package fault defines the errors that fullsync shows: each has a kind, a stable short title, a code for programs, and a
// message that tells a person what happened and what to do. Nothing here knows HTTP; api/errors.go maps kinds to status
// codes.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what sort of failure an [Error] is. The set is closed: every kind has exactly one HTTP status.
type Kind int

// The kinds.
const (
	// Internal is a bug or failure in fullsync itself; its details are logged, never shown.
	Internal Kind = iota
	// Invalid is a request that is malformed or has the wrong shape.
	Invalid
	// Unauthenticated is a missing or unusable token.
	Unauthenticated
	// Forbidden is a valid token whose role may not do this.
	Forbidden
	// NotFound is an unknown session, peer, product or catalog.
	NotFound
	// Conflict is a request that the current state does not allow.
	Conflict
	// TooLarge is a body over the limit.
	TooLarge
	// Unsupported is a content type that fullsync does not accept.
	Unsupported
	// Impossible is a request that is understood but can never work as it is.
	Impossible
	// TooMany is a caller that must slow down.
	TooMany
	// Unavailable is a dependency (the database, a peer) that does not answer at the moment.
	Unavailable
)

// CodeDatabaseUnavailable is the code for a database that does not answer, or whose answer was lost on the way. Nobody
// knows then whether a write took effect.
const CodeDatabaseUnavailable = "DATABASE_UNAVAILABLE"

// Detail names one field of a request and what is wrong with it.
type Detail struct {
	Field   string
	Problem string
}

// Error is a failure that a user may see.
type Error struct {
	Kind Kind
	// Code is UPPER_SNAKE, for programs.
	Code string
	// Title is the short stable sentence ("Sync session not found").
	Title string
	// Message says what happened and what to do. It never contains SQL, a path, a secret or a peer's response body.
	Message string
	Details []Detail
	// RetryAfter is how long to wait before trying again; zero if unknown.
	RetryAfter time.Duration
	// cause is for the log only.
	cause error
}

// New returns an error of the given kind. It formats message with args, if there are any.
func New(kind Kind, code, title, message string, args ...any) *Error {
	if len(args) > 0 {
		message = fmt.Sprintf(message, args...)
	}
	return &Error{Kind: kind, Code: code, Title: title, Message: message}
}

// Because returns a copy of e with its cause attached, for the log and for errors.Is and errors.As.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// After returns a copy of e that says how long to wait before trying again.
func (e *Error) After(wait time.Duration) *Error {
	c := *e
	c.RetryAfter = wait
	return &c
}

// With returns a copy of e with one more field detail.
func (e *Error) With(field, problem string) *Error {
	c := *e
	c.Details = append(c.Details[:len(c.Details):len(c.Details)], Detail{Field: field, Problem: problem})
	return &c
}

// Also returns a copy of e with one more sentence added to its message.
func (e *Error) Also(sentence string, args ...any) *Error {
	c := *e
	c.Message = e.Sentence() + " " + fmt.Sprintf(sentence, args...)
	return &c
}

// Error returns the text for the log: the message, or the title if there is none, and then the cause.
func (e *Error) Error() string {
	text := e.Message
	if text == "" {
		text = e.Title
	}
	if e.cause != nil {
		return text + ": " + e.cause.Error()
	}
	return text
}

// Unwrap returns the cause, if any.
func (e *Error) Unwrap() error { return e.cause }

// Sentence returns the text to show to people: the message, or the title if there is none; never the cause.
func (e *Error) Sentence() string {
	if e.Message != "" {
		return e.Message
	}
	return e.Title
}

// KindOf returns the kind of the first [Error] in err's chain, or Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// CodeOf returns the code of the first [Error] in err's chain, or "".
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Sentence returns the text of err to show to people: the sentence of the first [Error] in its chain, or fallback.
func Sentence(err error, fallback string) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Sentence()
	}
	return fallback
}
