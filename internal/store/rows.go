package store

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm/schema"

	"fullsync/internal/peer"
	"fullsync/internal/session"
)

// rowReader reads rows of the table of T past GORM, which spends more time on a row than the database does.
type rowReader[T any] struct {
	// columns are those of T, for a SELECT. They are named one by one, never with a star: see gormConfig.
	columns string
	fields  []*schema.Field
	// parsed are the values of JSON columns that were read last.
	parsed []*parsedJSON
}

// The tables that are read this way. Their columns are known from the structs: a new one is read without a change here.
var (
	sessionRow = sync.OnceValue(newRowReader[session.Session])
	peerRow    = sync.OnceValue(newRowReader[peer.Peer])
)

func newRowReader[T any]() rowReader[T] {
	parsed, err := schema.Parse(new(T), &sync.Map{}, schema.NamingStrategy{IdentifierMaxLength: 64})
	if err != nil {
		panic(err) // the structs and their tags are ours
	}
	r := rowReader[T]{columns: strings.Join(parsed.DBNames, ", ")}
	for _, name := range parsed.DBNames {
		r.fields = append(r.fields, parsed.FieldsByDBName[name])
		r.parsed = append(r.parsed, &parsedJSON{})
	}
	return r
}

// of returns the columns with the table's alias before each.
func (r rowReader[T]) of(alias string) string {
	return alias + "." + strings.ReplaceAll(r.columns, ", ", ", "+alias+".")
}

// into returns where to scan the columns of a row.
func (r rowReader[T]) into(row *T) []any {
	v := reflect.ValueOf(row).Elem()
	targets := make([]any, len(r.fields), len(r.fields)+4)
	for i, field := range r.fields {
		target := v.FieldByIndex(field.StructField.Index).Addr().Interface()
		if field.Serializer != nil {
			target = jsonColumn{into: target, last: r.parsed[i]}
		}
		targets[i] = target
	}
	return targets
}

// jsonColumn scans JSON text into a value, a struct without references.
type jsonColumn struct {
	into any
	last *parsedJSON
}

// parsedJSON is a text and its value: most rows have the same options.
type parsedJSON struct{ atomic.Pointer[textAndValue] }

type textAndValue struct {
	text  string
	value reflect.Value
}

// Scan is a [database/sql.Scanner]'s.
func (c jsonColumn) Scan(raw any) error {
	text, ok := raw.(string)
	if bytes, isBytes := raw.([]byte); isBytes {
		text, ok = string(bytes), true
	}
	if !ok {
		return fmt.Errorf("a JSON column came as %T", raw)
	}
	into := reflect.ValueOf(c.into).Elem()
	if last := c.last.Load(); last != nil && last.text == text {
		into.Set(last.value)
		return nil
	}
	value := reflect.New(into.Type())
	if err := json.Unmarshal([]byte(text), value.Interface()); err != nil {
		return err
	}
	c.last.Store(&textAndValue{text, value.Elem()})
	into.Set(value.Elem())
	return nil
}

// readRows runs a statement that selects the columns of r and, last, the database's time. now is zero where there are no rows.
func readRows[T any](ctx context.Context, s *Store, r rowReader[T], query string, values ...any) (found []T, now time.Time, err error) {
	rows, err := s.query(ctx, query, values...)
	if err != nil {
		return nil, now, s.translate(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err below is what counts
	var row, empty T
	var at any
	targets := append(r.into(&row), &at)
	for rows.Next() {
		row = empty
		if err := rows.Scan(targets...); err != nil {
			return nil, now, s.translate(err)
		}
		found = append(found, row)
	}
	if err := rows.Err(); err != nil {
		return nil, now, s.translate(err)
	}
	if len(found) > 0 {
		now, err = s.parseNow(at)
	}
	return found, now, err
}

// querySessions is readRows for sessions.
func (s *Store) querySessions(ctx context.Context, query string, values ...any) ([]session.Session, time.Time, error) {
	return readRows(ctx, s, sessionRow(), query, values...)
}
