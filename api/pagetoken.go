package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"fullsync/internal/fault"
	"fullsync/internal/session"
)

const (
	// tokenVersion is the first byte of every page token; another one is refused, so that the layout can change.
	tokenVersion = 1
	// boundBytes is how much of the hash of the filters a token holds.
	boundBytes = 8
	// maxTokenBytes is the longest token, as text.
	maxTokenBytes = 1024

	defaultPageSize = 20
	maxPageSize     = 100
)

// pageKind says which listing a token belongs to.
type pageKind byte

const (
	sessionsPage pageKind = 1
	productsPage pageKind = 2
	rejectsPage  pageKind = 3
	deletesPage  pageKind = 4
	changesPage  pageKind = 5
	historyPage  pageKind = 6
	auditPage    pageKind = 7
)

// pageToken is where a listing goes on: opaque to callers, but no secret, since it leads nowhere that the same caller
// could not go with filters.
type pageToken struct {
	kind pageKind
	// bound is what must be the same for every page of a listing: its filters.
	bound string
	// position is the last entry of the page before.
	position string
}

// String returns the token as text for a URL.
func (t pageToken) String() string {
	raw := []byte{tokenVersion, byte(t.kind)}
	raw = append(raw, boundHash(t.bound)...)
	raw = append(raw, t.position...)
	return base64.RawURLEncoding.EncodeToString(raw)
}

func boundHash(bound string) []byte {
	sum := sha256.Sum256([]byte(bound))
	return sum[:boundBytes]
}

// parsePageToken returns the position in a token. Returns Invalid for rubbish and for a token of another listing.
func parsePageToken(text string, kind pageKind, bound string) (position string, err error) {
	if len(text) > maxTokenBytes {
		return "", badPageToken()
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	// The decoder skips line breaks, even a strict one.
	if err != nil || strings.ContainsAny(text, "\r\n") || len(raw) <= 2+boundBytes || raw[0] != tokenVersion || raw[1] != byte(kind) {
		return "", badPageToken()
	}
	if !bytes.Equal(raw[2:2+boundBytes], boundHash(bound)) {
		return "", invalidField("pageToken", "belongs to a listing with other filters; begin again without it")
	}
	position = string(raw[2+boundBytes:])
	if textProblem(position) != "" {
		return "", badPageToken()
	}
	return position, nil
}

func badPageToken() *fault.Error {
	return invalidField("pageToken", "must be a nextPageToken of this listing; begin again without it")
}

// sessionPosition is the place of a session in a listing, newest first.
func sessionPosition(startedAt time.Time, id string) string {
	return startedAt.UTC().Format(time.RFC3339Nano) + " " + id
}

// sessionsAfter returns the session after which a listing goes on; nothing for the empty token.
func sessionsAfter(token, bound string) (startedAt time.Time, id string, err error) {
	if token == "" {
		return time.Time{}, "", nil
	}
	position, err := parsePageToken(token, sessionsPage, bound)
	if err != nil {
		return time.Time{}, "", err
	}
	at, id, _ := strings.Cut(position, " ")
	if startedAt, err = time.Parse(time.RFC3339Nano, at); err != nil || uuid.Validate(id) != nil {
		return time.Time{}, "", badPageToken()
	}
	return startedAt, id, nil
}

// rejectsAfter returns the number of the reject after which a listing of a session's rejects goes on; 0 for the empty token.
func rejectsAfter(token, sessionID string) (number int64, err error) {
	if token == "" {
		return 0, nil
	}
	position, err := parsePageToken(token, rejectsPage, sessionID)
	if err != nil {
		return 0, err
	}
	if number, err = strconv.ParseInt(position, 10, 64); err != nil || number < 1 {
		return 0, badPageToken()
	}
	return number, nil
}

// changesAfter returns the change after which a listing goes on; the zero position for the empty token.
func changesAfter(token, bound string) (p session.ChangePosition, err error) {
	if token == "" {
		return p, nil
	}
	position, err := parsePageToken(token, changesPage, bound)
	if err != nil {
		return p, err
	}
	p, ok := session.ParseChangePosition(position)
	if !ok {
		return p, badPageToken()
	}
	return p, nil
}

// pageSize returns how many entries a page of a listing has.
func pageSize(asked *int) int { return min(valueOr(asked, defaultPageSize), maxPageSize) }
