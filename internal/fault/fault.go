// Package fault is the error vocabulary of fullsync: a kind, a stable short sentence, a code for programs and a
// message for the person who has to act. Nothing here knows HTTP; api/errors.go maps kinds to status codes.
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
	// Internal is a failure of fullsync itself; its details are logged, never shown.
	Internal Kind = iota
	// Invalid is a request that cannot be read or has the wrong shape.
	Invalid
	// Unauthenticated is a missing or unusable token.
	Unauthenticated
	// Forbidden is a valid token whose role may not do this.
	Forbidden
	// NotFound is an unknown session, peer, product or catalog.
	NotFound
	// Conflict is a request that the present state refuses.
	Conflict
	// TooLarge is a body over the limit.
	TooLarge
	// Unsupported is a content type that is not accepted.
	Unsupported
	// Impossible is a request that was understood and can never work as it stands.
	Impossible
	// TooMany is a caller that must slow down.
	TooMany
	// Unavailable is a dependency (the database, a peer) that does not answer now.
	Unavailable
)

// CodeDatabaseUnavailable is the code of the fault that the database does not answer, or that its answer was lost on the way:
// nobody knows then what became of a write.
const CodeDatabaseUnavailable = "DATABASE_UNAVAILABLE"

// Detail names one field of a request and what is wrong with it.
type Detail struct {
	Field   string
	Problem string
}

// Error is a failure that a user can meet.
type Error struct {
	Kind Kind
	// Code is UPPER_SNAKE, for programs.
	Code string
	// Title is the short stable sentence ("Sync session not found").
	Title string
	// Message says what happened and what to do. It never holds SQL, a path, a secret or a peer's body.
	Message string
	Details []Detail
	// RetryAfter is how long to wait before trying again; zero where nobody knows.
	RetryAfter time.Duration
	// cause is for the log only.
	cause error
}

// New returns an error of the given kind; message is formatted with args.
func New(kind Kind, code, title, message string, args ...any) *Error {
	if len(args) > 0 {
		message = fmt.Sprintf(message, args...)
	}
	return &Error{Kind: kind, Code: code, Title: title, Message: message}
}

// Because returns e with the underlying error attached, for the log and for errors.Is and errors.As.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// After returns e with how long to wait before trying again.
func (e *Error) After(wait time.Duration) *Error {
	c := *e
	c.RetryAfter = wait
	return &c
}

// With returns e with one more field detail.
func (e *Error) With(field, problem string) *Error {
	c := *e
	c.Details = append(c.Details[:len(c.Details):len(c.Details)], Detail{Field: field, Problem: problem})
	return &c
}

// Also returns e with one more sentence behind its own.
func (e *Error) Also(sentence string, args ...any) *Error {
	c := *e
	c.Message = e.Sentence() + " " + fmt.Sprintf(sentence, args...)
	return &c
}

// Error returns the message for people, or the title where there is none.
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

// Unwrap returns the underlying error, if any.
func (e *Error) Unwrap() error { return e.cause }

// Sentence returns what may be shown to a person: the message, or the title where there is none; never the cause.
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

// Sentence returns what may be shown of err: the sentence of the first [Error] in its chain, or fallback.
func Sentence(err error, fallback string) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Sentence()
	}
	return fallback
}
