package catalog_test

import (
	"testing"

	"fullsync/internal/catalog"
)

func TestConditions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name              string
		is                catalog.Condition
		absent, same, not bool
	}{
		{"none", catalog.Condition{}, true, true, true},
		{"a hash", catalog.Condition{Hashes: []string{"1:a"}}, false, true, false},
		{"one of two hashes", catalog.Condition{Hashes: []string{"1:x", "1:a"}}, false, true, false},
		{"there", catalog.Condition{Exists: true}, false, true, true},
		{"not there", catalog.Condition{Absent: true}, true, false, false},
		{"a hash and not there", catalog.Condition{Hashes: []string{"1:a"}, Absent: true}, false, false, false},
	} {
		if c.is.Allows(false, "") != c.absent || c.is.Allows(true, "1:a") != c.same || c.is.Allows(true, "1:b") != c.not {
			t.Errorf("%s: %v %v %v", c.name, c.is.Allows(false, ""), c.is.Allows(true, "1:a"), c.is.Allows(true, "1:b"))
		}
	}
}

// TestAProductReadCanBeSentBack: the members that a node adds do not become attributes.
func TestAProductReadCanBeSentBack(t *testing.T) {
	t.Parallel()
	want, err := catalog.Parse([]byte(`{"id":"a","name":"A","price":"1.50","attributes":{"color":"red","createdAt":"long ago"}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range []string{
		`{"id":"a","sku":null,"name":"A","price":"1.50","currency":null,"active":true,"attributes":{"color":"red","createdAt":"long ago"},` +
			`"originNodeId":"main","createdAt":"2026-01-31T10:00:00Z","updatedAt":"2026-01-31T10:00:00Z"}`,
		`{"name":"A","price":1.50,"color":"red","attributes":{"createdAt":"long ago"},"cre\u0061tedAt":7}`,
	} {
		if got, err := catalog.ParseEdit("a", []byte(object)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", object, got, err)
		}
	}
	for object, reason := range map[string]string{
		`{"id":"b","name":"A"}`:                 "id must be that of the address, or be left out",
		`{"id":7,"name":"A"}`:                   "id must be a JSON string, not a number",
		`{"id":"a"}`:                            "name is required",
		`{"id":"a","name":"A","price":"12,50"}`: `price must be a decimal such as 12.50, not "12,50"`,
	} {
		if _, err := catalog.ParseEdit("a", []byte(object)); err == nil || err.Error() != reason {
			t.Errorf("%s: %v, want %s", object, err, reason)
		}
	}
	if _, err := catalog.ParseEdit("", []byte(`{"name":"A"}`)); err == nil || err.Error() != "id is required" {
		t.Errorf("without an id: %v", err)
	}
	if _, err := catalog.ParseEdit("a\x01", []byte(`{"name":"A"}`)); err == nil || err.Error() != "id must not contain control characters" {
		t.Errorf("with a bad id: %v", err)
	}
}
