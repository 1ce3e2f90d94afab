package app_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/nodetest"
)

// TestRowsThatTheSourceCannotRead spoils rows of the source with SQL. Each of them is refused with its id, everything else
// arrives, and verification agrees.
func TestRowsThatTheSourceCannotRead(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 300, nodetest.Config{})
		all := pair.Branch.Products("main")
		const unreadable = "the source cannot read this product: "
		want := map[string]string{}
		spoil := func(i int, set, reason string) {
			if _, err := pair.Branch.Store.SQL().ExecContext(t.Context(), "UPDATE products SET "+set+" WHERE id = $1", all[i].ID); err != nil {
				t.Fatal(err)
			}
			want[all[i].ID] = reason
		}
		spoil(0, "attributes = 'broken'", unreadable+"its attributes are not a JSON object")
		spoil(99, "attributes = ''", "")
		spoil(100, "attributes = '{}},\"x\":{'", unreadable+"its attributes are not a JSON object")
		spoil(101, "price = 'cheap'", "price must be a decimal such as 12.50, not \"cheap\"")
		spoil(150, "attributes = '{\n\"size\" : \"M\"\r\n}'", "")
		if kind == nodetest.SQLite { // PostgreSQL accepts no value of another type
			spoil(199, "active = 'maybe'", unreadable+"a column of its row holds a value of another type")
			spoil(200, "active = 'maybe'", unreadable+"a column of its row holds a value of another type")
			spoil(299, "active = 'maybe'", unreadable+"a column of its row holds a value of another type")
		}
		refused := 0
		for id, reason := range want {
			if reason == "" {
				delete(want, id)
				continue
			}
			refused++
		}

		s := pair.Main.Sync(nodetest.Pull{})
		checkCounts(t, s, counts{transferred: int64(300 - refused), created: int64(300 - refused), rejected: int64(refused)})
		for _, r := range rejectsOf(t, pair.Main, s.SessionId, 100) {
			if reason, ok := want[value(r.ProductId)]; !ok || r.Reason != reason {
				t.Errorf("%s was refused: %s; want %q", value(r.ProductId), r.Reason, reason)
			}
		}
		if got, err := pair.Main.Store.GetProduct(t.Context(), "main", all[150].ID); err != nil || got.Attributes != `{"size":"M"}` {
			t.Errorf("attributes over two lines arrived as %q, %v", got.Attributes, err)
		}
	})
}

// TestRowsThatNeitherSideCanRead spoils a row of both sides in the same way. It is refused all the same, each time: equal rubbish is no product that arrived.
func TestRowsThatNeitherSideCanRead(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 20, nodetest.Config{})
		pair.Main.Sync(nodetest.Pull{})
		spoiled := []string{pair.Branch.Products("main")[3].ID}
		set := []string{"price = 'cheap'"}
		if kind == nodetest.SQLite { // PostgreSQL accepts no value of another type
			spoiled, set = append(spoiled, pair.Branch.Products("main")[7].ID), append(set, "active = 'maybe'")
		}
		for i, id := range spoiled {
			for _, n := range []*nodetest.Node{pair.Branch, pair.Main} {
				if _, err := n.Store.SQL().ExecContext(t.Context(), "UPDATE products SET "+set[i]+" WHERE id = $1", id); err != nil {
					t.Fatal(err)
				}
			}
		}
		refused := int64(len(spoiled))
		for _, options := range []spec.StartOptions{{}, {VerifyAfterSync: new(true)}, {ReadEverything: new(true)}, {DeleteMissing: new(true)}} {
			s := pair.Main.Sync(nodetest.Pull{Options: options})
			checkCounts(t, s, counts{transferred: 20 - refused, unchanged: 20 - refused, rejected: refused})
			for _, r := range rejectsOf(t, pair.Main, s.SessionId, 100) {
				if !slices.Contains(spoiled, value(r.ProductId)) {
					t.Errorf("%s was refused: %s", value(r.ProductId), r.Reason)
				}
			}
		}
	})
}

// TestProductThatIsTooLong: it is refused with its id, and the next product arrives.
func TestProductThatIsTooLong(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 30, nodetest.Config{})
		held := pair.Branch.Products("main")
		line := `{"product":{"id":"` + held[3].ID + `","name":"` + strings.Repeat(`\u00e4`, catalog.MaxLineBytes/6) + `"}}` + "\n"
		pair.Wire.OnPage(nodetest.ProductsPath, 1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			sent := strings.SplitAfter(string(nodetest.Answered(r, next).Body), "\n")
			sent[3] = line
			w.Header().Set("Content-Type", "application/x-ndjson")
			_, _ = w.Write([]byte(strings.Join(sent, "")))
		})
		s := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{CompressionEnabled: new(false), VerifyAfterSync: new(true)}})
		checkCounts(t, s, counts{transferred: 29, created: 29, rejected: 1})
		rejects := rejectsOf(t, pair.Main, s.SessionId, 10)
		if len(rejects) != 1 || value(rejects[0].ProductId) != held[3].ID || !strings.Contains(rejects[0].Reason, "more than 2097152 bytes on its line") {
			t.Errorf("rejects %+v", rejects)
		}
	})
}
