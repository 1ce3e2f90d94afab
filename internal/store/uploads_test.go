package store_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"fullsync/internal/fault"
	"fullsync/internal/store"
)

// TestFilesThatAreKept: no more than 16 files are kept at once. That of a dry run makes room for another, unless its plan is being applied.
func TestFilesThatAreKept(t *testing.T) {
	t.Parallel()
	onMigrated(t, func(t *testing.T, s *store.Store) {
		keep := func(id string) error { return s.KeepUpload(t.Context(), id, strings.NewReader("file "+id)) }
		kept := func(id string) bool {
			t.Helper()
			is, err := s.KeepsUpload(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			return is
		}
		begin := func(id, plan string) {
			t.Helper()
			row := prepared(id, "c-"+id)
			row.PlanID = plan
			if c, err := s.CreateSession(t.Context(), row, plainly()); err != nil || !c.OK {
				t.Fatal(c, err)
			}
		}
		end := func(id string) {
			t.Helper()
			if ok, err := s.CancelSession(t.Context(), id, by("")); err != nil || !ok {
				t.Fatal(ok, err)
			}
		}
		for i := range 16 {
			if err := keep(fmt.Sprint("f", i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := keep("more"); fault.KindOf(err) != fault.Unavailable || kept("more") {
			t.Errorf("a file too many: %v", err)
		}
		begin("f3", "")
		begin("f5", "")
		if err := s.DropUpload(t.Context(), "f3"); err != nil || !kept("f3") {
			t.Errorf("the file of an active session is gone: %v", err)
		}
		end("f3")
		begin("applies", "f3")
		if err := keep("more"); fault.KindOf(err) != fault.Unavailable || !kept("f3") {
			t.Errorf("a file too many, while a plan is applied: %v", err)
		}
		end("applies")
		if err := keep("more"); err != nil || kept("f3") || !kept("f5") || !kept("more") {
			t.Errorf("the file of a dry run makes no room: %v", err)
		}
		if text, err := io.ReadAll(s.OpenUpload(t.Context(), "more")); err != nil || string(text) != "file more" {
			t.Errorf("kept is %q, %v", text, err)
		}
	})
}
