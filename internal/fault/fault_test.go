package fault_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"fullsync/internal/fault"
)

func TestSentenceIsForPeopleAndErrorForTheLog(t *testing.T) {
	t.Parallel()
	cause := fmt.Errorf("SELECT secret FROM peers: %w", io.ErrUnexpectedEOF)
	bare := fault.New(fault.Unavailable, "DATABASE_UNAVAILABLE", "Database unavailable", "The database does not answer. Try again in %d s.", 5)
	e := bare.Because(cause)
	if got, want := e.Sentence(), "The database does not answer. Try again in 5 s."; got != want {
		t.Errorf("Sentence() = %q, want %q", got, want)
	}
	if got, want := e.Error(), "The database does not answer. Try again in 5 s.: SELECT secret FROM peers: unexpected EOF"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if !errors.Is(e, io.ErrUnexpectedEOF) {
		t.Error("the cause is not in the chain")
	}
	if errors.Is(bare, io.ErrUnexpectedEOF) || bare.Error() != bare.Sentence() {
		t.Error("Because changed the error it was called on")
	}
}

func TestSentenceFallsBackToTheTitle(t *testing.T) {
	t.Parallel()
	e := fault.New(fault.Unauthenticated, "UNAUTHORIZED", "Unauthorized", "")
	if e.Sentence() != "Unauthorized" || e.Error() != "Unauthorized" {
		t.Errorf("Sentence() = %q, Error() = %q; want the title", e.Sentence(), e.Error())
	}
}

// A message without arguments is not a format string: it may quote what somebody typed.
func TestAMessageWithoutArgumentsStaysAsItIs(t *testing.T) {
	t.Parallel()
	if got := fault.New(fault.Invalid, "C", "T", "50 % off, %s and %d").Sentence(); got != "50 % off, %s and %d" {
		t.Errorf("Sentence() = %q", got)
	}
}

func TestTheFirstFaultInTheChainCounts(t *testing.T) {
	t.Parallel()
	inner := fault.New(fault.Unavailable, "INNER", "Inner", "The peer does not answer.")
	outer := fault.New(fault.NotFound, "OUTER", "Outer", "There is no such peer.").Because(inner)
	for name, c := range map[string]struct {
		err      error
		kind     fault.Kind
		sentence string
	}{
		"nil":             {nil, fault.Internal, "fallback"},
		"no fault":        {io.EOF, fault.Internal, "fallback"},
		"a fault":         {inner, fault.Unavailable, "The peer does not answer."},
		"wrapped":         {fmt.Errorf("read page: %w", inner), fault.Unavailable, "The peer does not answer."},
		"fault in fault":  {fmt.Errorf("start: %w", outer), fault.NotFound, "There is no such peer."},
		"joined":          {errors.Join(io.EOF, outer), fault.NotFound, "There is no such peer."},
		"an Internal one": {fault.New(fault.Internal, "BUG", "Bug", "It broke."), fault.Internal, "It broke."},
	} {
		if got := fault.KindOf(c.err); got != c.kind {
			t.Errorf("%s: kind %d, want %d", name, got, c.kind)
		}
		if got := fault.Sentence(c.err, "fallback"); got != c.sentence {
			t.Errorf("%s: sentence %q, want %q", name, got, c.sentence)
		}
	}
}

// Two errors made from the same one must not share memory for their details.
func TestDetailsAreAddedToACopy(t *testing.T) {
	t.Parallel()
	base := fault.New(fault.Invalid, "INVALID", "Invalid request", "").With("action", "is required").With("catalog", "is too long").
		With("options", "is no object")
	left, right := base.With("left", "a"), base.With("right", "b")
	want := func(e *fault.Error, fields ...string) {
		t.Helper()
		var got []string
		for _, d := range e.Details {
			got = append(got, d.Field)
		}
		if !slices.Equal(got, fields) {
			t.Errorf("details %v, want %v", got, fields)
		}
	}
	want(base, "action", "catalog", "options")
	want(left, "action", "catalog", "options", "left")
	want(right, "action", "catalog", "options", "right")
	if base.Kind != left.Kind || base.Code != left.Code || base.Title != left.Title {
		t.Error("With lost a member")
	}
}
