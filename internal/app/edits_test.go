package app_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
)

const productsPath = "/api/catalogs/main/products"

// TestEditingProducts follows a product's life: it is created, changed by the last person who read it, synced to another node,
// and deleted.
func TestEditingProducts(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 3, nodetest.Config{})
		branch := pair.Branch
		ask := func(method, path, body string, headers ...string) nodetest.Answer {
			t.Helper()
			a, _ := send(t, branch, method, branch.URL()+path, body, headers...)
			return a
		}
		const path = productsPath + "/chair%2F1"
		first := ask("PUT", path, `{"name":"Chair","price":12.50,"color":"red"}`, "If-None-Match", "*")
		tag := first.Header.Get("ETag")
		if first.Status != http.StatusCreated || first.Header.Get("Location") != path || !strings.HasPrefix(tag, `"1:`) {
			t.Fatalf("create: %d %v %s", first.Status, first.Header, first.Body)
		}
		if a := ask("PUT", path, `{"name":"Another"}`, "If-None-Match", "*"); a.Status != http.StatusPreconditionFailed || a.Header.Get("ETag") != tag {
			t.Errorf("create again: %d %v %s", a.Status, a.Header, a.Body)
		}
		read := ask("GET", path, "")
		got, err := nodetest.Decode[struct{ Product map[string]any }](read)
		if err != nil || read.Header.Get("ETag") != tag || got.Product["price"] != "12.50" || got.Product["originNodeId"] != "branch" {
			t.Fatalf("read: %d %v %s %v", read.Status, read.Header, read.Body, err)
		}
		// You can send back what you read: it is the same product.
		sent := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(read.Body)), `{"success":true,"product":`), "}")
		if a := ask("PUT", path, sent, "If-Match", tag); a.Status != http.StatusOK || a.Header.Get("ETag") != tag || !bytes.Equal(a.Body, read.Body) {
			t.Errorf("sent back: %d %v %s", a.Status, a.Header, a.Body)
		}
		changed := ask("PUT", path, `{"name":"Chair","price":"11.00"}`, "If-Match", tag)
		if changed.Status != http.StatusOK || changed.Header.Get("ETag") == tag {
			t.Errorf("change: %d %v %s", changed.Status, changed.Header, changed.Body)
		}
		for _, method := range []string{"PUT", "DELETE"} {
			a := ask(method, path, map[string]string{"PUT": `{"name":"Late"}`}[method], "If-Match", tag)
			if a.Status != http.StatusPreconditionFailed || a.Header.Get("ETag") != changed.Header.Get("ETag") {
				t.Errorf("%s with the old tag: %d %v %s", method, a.Status, a.Header, a.Body)
			}
		}

		s := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: new(true)}})
		checkCounts(t, s, counts{transferred: 4, created: 4})
		nodetest.SameCatalog(t, branch, pair.Main, "main")

		if a := ask("DELETE", path, "", "If-Match", changed.Header.Get("ETag")); a.Status != http.StatusOK {
			t.Errorf("delete: %d %s", a.Status, a.Body)
		}
		if a := ask("DELETE", path, ""); a.Status != http.StatusNotFound {
			t.Errorf("delete again: %d %s", a.Status, a.Body)
		}
		if a := ask("DELETE", path, "", "If-Match", "*"); a.Status != http.StatusPreconditionFailed || a.Header.Get("ETag") != "" {
			t.Errorf("delete again if there: %d %v %s", a.Status, a.Header, a.Body)
		}
	})
}

// TestOneOfTwoWritersWins: two people have read the same product and change it.
func TestOneOfTwoWritersWins(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		n := nodetest.Start(t, nodetest.Config{Database: nodetest.NewDatabase(t, kind)})
		const path = productsPath + "/a"
		token := n.TokenFor("alice", auth.RoleOperator)
		for round := range 10 {
			last, _ := send(t, n, "PUT", n.URL()+path, fmt.Sprintf(`{"name":"round %d"}`, round))
			var writers sync.WaitGroup
			answers, failures := make([]nodetest.Answer, 2), make([]error, 2)
			for i := range answers {
				body := fmt.Sprintf(`{"name":"writer %d of round %d"}`, i, round)
				writers.Go(func() {
					answers[i], _, failures[i] = try(t.Context(), token, "PUT", n.URL()+path, body, "If-Match", last.Header.Get("ETag"))
				})
			}
			writers.Wait()
			if err := errors.Join(failures...); err != nil {
				t.Fatal(err)
			}
			won := slices.IndexFunc(answers, func(a nodetest.Answer) bool { return a.Status == http.StatusOK })
			if won < 0 || answers[1-won].Status != http.StatusPreconditionFailed || answers[1-won].Header.Get("ETag") != answers[won].Header.Get("ETag") {
				t.Fatalf("round %d: %d %v, %d %v", round, answers[0].Status, answers[0].Header, answers[1].Status, answers[1].Header)
			}
			now, _ := send(t, n, "GET", n.URL()+path, "")
			if !bytes.Equal(now.Body, answers[won].Body) {
				t.Fatalf("round %d: %s won, and there is %s", round, answers[won].Body, now.Body)
			}
		}
	})
}

// TestBatchesAndCatalogs edits many products at once, and deletes a whole catalog.
func TestBatchesAndCatalogs(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 30, nodetest.Config{})
		main := pair.Main
		done := main.Sync(nodetest.Pull{})
		edits := func(name string) string {
			var list []string
			for i := range 5000 {
				list = append(list, fmt.Sprintf(`{"put":{"id":"b-%04d","name":"%s","price":"1.%02d"}}`, i, name, i%100))
			}
			return `{"edits":[` + strings.Join(list, ",") + `]}`
		}
		batch := productsPath + ":batch"
		var effects []spec.EditsResponse
		for _, body := range []string{edits("new"), edits("new"), edits("newer")} {
			a := main.Call("alice", "POST", batch, body)
			out, err := nodetest.Decode[spec.EditsResponse](a)
			if a.Status != http.StatusOK || err != nil || len(out.Results) != 5000 {
				t.Fatalf("%d %.300s %v", a.Status, a.Body, err)
			}
			effects = append(effects, out)
		}
		if effects[0].Created != 5000 || effects[1].Unchanged != 5000 || effects[2].Updated != 5000 {
			t.Errorf("%d created, %d unchanged, %d updated", effects[0].Created, effects[1].Unchanged, effects[2].Updated)
		}
		// If one edit is wrong, or its condition does not hold, none of the others is made either.
		for body, status := range map[string]int{
			`{"edits":[{"delete":"b-0000"},{"put":{"id":"x","name":""}}]}`:                                     http.StatusBadRequest,
			`{"edits":[{"delete":"b-0000"},{"put":{"id":"b-0001","name":"N"},"ifMatch":"\"1:x\""}]}`:           http.StatusPreconditionFailed,
			`{"edits":[{"put":{"id":"y","name":"Y"}},{"put":{"id":"b-0001","name":"N"},"ifNoneMatch":"*"}]}`:   http.StatusPreconditionFailed,
			`{"edits":[{"put":{"id":"y","name":"Y"}},{"delete":"nothing","ifMatch":"*"},{"delete":"b-0002"}]}`: http.StatusPreconditionFailed,
		} {
			if a := main.Call("alice", "POST", batch, body); a.Status != status {
				t.Errorf("%s: %d %s", body, a.Status, a.Body)
			}
		}
		main.Call("alice", "PUT", "/api/catalogs/garden/products/g", `{"name":"Gnome"}`)
		list, err := nodetest.Decode[spec.CatalogListResponse](main.Call("alice", "GET", "/api/catalogs", ""))
		if err != nil || len(list.Catalogs) != 2 || list.Catalogs[0].Catalog != "garden" || list.Catalogs[0].LastSync != nil || list.Catalogs[1].Products != 5030 {
			t.Fatalf("%+v, %v", list, err)
		}
		// The same products on another node have the same digest.
		pair.Branch.Call("alice", "PUT", "/api/catalogs/garden/products/g", `{"name":"Gnome","active":true}`)
		other, err := nodetest.Decode[spec.CatalogListResponse](pair.Branch.Call("alice", "GET", "/api/catalogs", ""))
		if err != nil || len(other.Catalogs) != 2 || *other.Catalogs[0].Digest != *list.Catalogs[0].Digest || *other.Catalogs[1].Digest == *list.Catalogs[1].Digest {
			t.Errorf("%+v, and at the other node %+v, %v", list, other, err)
		}
		if last := list.Catalogs[1].LastSync; last == nil || last.SessionId != done.SessionId || last.Status != spec.COMPLETED || last.TransferredRecords != 30 {
			t.Errorf("%+v", last)
		}

		const path = "/api/catalogs/main?products="
		a := main.Call("alice", "DELETE", path+"5029", "")
		changed, err := nodetest.Decode[spec.CatalogChanged](a)
		if a.Status != http.StatusConflict || err != nil || changed.Products != 5030 {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		a = main.Call("alice", "DELETE", path+"5030", "")
		if gone, err := nodetest.Decode[spec.CatalogDeletedResponse](a); a.Status != http.StatusOK || err != nil || gone.Deleted != 5030 {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		if n := main.Count("main"); n != 0 {
			t.Errorf("%d products are left", n)
		}
		if n := main.Count("garden"); n != 1 {
			t.Errorf("%d products in the other catalog", n)
		}
		if s := main.Sync(nodetest.Pull{}); s.Created != 30 {
			t.Errorf("the next sync: %s", nodetest.Show(s))
		}
	})
}

// TestNothingIsEditedWhileASyncRuns: edits are refused, and work again as soon as the sync has been cancelled.
func TestNothingIsEditedWhileASyncRuns(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, full, nodetest.Config{})
		main := pair.Main
		main.Call("alice", "PUT", productsPath+"/zz", `{"name":"Z"}`)
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
		defer gate.Open()
		running := main.Pull(nodetest.Pull{})
		nodetest.Await(t, "the second page", gate.Reached)

		edits := [][3]string{
			{"PUT", productsPath + "/a", `{"name":"A"}`},
			{"DELETE", productsPath + "/zz", ""},
			{"POST", productsPath + ":batch", `{"edits":[{"delete":"zz"}]}`},
			{"DELETE", "/api/catalogs/main?products=1", ""},
		}
		for _, e := range edits {
			a := main.Call("alice", e[0], e[1], e[2])
			names, body := members(t, a)
			if a.Status != http.StatusConflict || body["code"] != "SYNC_IN_PROGRESS" || body["sessionId"] != running.SessionId.String() ||
				!slices.Equal(names[:4], []string{"error", "sessionId", "currentStep", "progress"}) {
				t.Errorf("%s %s: %d %s", e[0], e[1], a.Status, a.Body)
			}
		}
		if a := main.Call("alice", "PUT", "/api/catalogs/garden/products/a", `{"name":"A"}`); a.Status != http.StatusCreated {
			t.Errorf("of another catalog: %d %s", a.Status, a.Body)
		}
		main.Cancel(running, "")
		if a := main.Call("alice", edits[0][0], edits[0][1], edits[0][2]); a.Status != http.StatusCreated {
			t.Errorf("after the cancel: %d %s", a.Status, a.Body)
		}
	})
}

// TestWhoMayEditProducts tries it with each role.
func TestWhoMayEditProducts(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		n := nodetest.Start(t, nodetest.Config{Database: nodetest.NewDatabase(t, kind)})
		for _, role := range auth.Roles() {
			writes, reads := http.StatusForbidden, http.StatusForbidden
			if role == auth.RoleOperator || role == auth.RoleAdmin {
				writes = http.StatusOK
			}
			if writes == http.StatusOK || role == auth.RoleViewer {
				reads = http.StatusOK
			}
			n.Call("admin", "PUT", productsPath+"/a", `{"name":"A"}`)
			for _, r := range []struct {
				method, path, body string
				status             int
			}{
				{"GET", "/api/catalogs", "", reads},
				{"GET", productsPath + "/a", "", reads},
				{"PUT", productsPath + "/a", `{"name":"B"}`, writes},
				{"POST", productsPath + ":batch", `{"edits":[{"put":{"id":"b","name":"B"}}]}`, writes},
				{"DELETE", productsPath + "/b", "", writes},
				{"DELETE", "/api/catalogs/main?products=1", "", writes},
			} {
				a, err := n.Raw(t.Context(), n.TokenFor("alice", role), r.method, r.path, r.body)
				if err != nil || a.Status != r.status {
					t.Errorf("%s %s as %s: %d %s %v", r.method, r.path, role, a.Status, a.Body, err)
				}
			}
		}
	})
}
