package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/nodetest"
)

// liar speaks the node protocol, but does not hand out the products that it says it has.
type liar struct {
	says int64
	// has are the products that it hands out, lists the ones that it lists.
	has, lists []catalog.Product
	// silent leaves the total out of its pages, as nodes of earlier versions do.
	silent bool
}

// serve answers as the node with that id.
func (l liar) serve(id string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case path == nodetest.WhoPath:
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"nodeId":%q,"nodeName":"x","version":"1","catalogs":[{"catalog":"main","products":%d}]}`, id, l.says)
		case strings.HasSuffix(path, nodetest.DigestsPath):
			http.NotFound(w, r) // internal/transfer tests peers that lie about spans
		case strings.HasSuffix(path, nodetest.HashesPath):
			l.page(w, r, l.lists, func(p catalog.Product) string { return fmt.Sprintf(`{"id":%q,"hash":%q}`, p.ID, p.Hash) })
		default:
			l.page(w, r, l.has, func(p catalog.Product) string { return string(p.AppendLine(nil)) })
		}
	}
}

func (l liar) page(w http.ResponseWriter, r *http.Request, all []catalog.Product, line func(catalog.Product) string) {
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	from, _ := slices.BinarySearchFunc(all, r.URL.Query().Get("after"), func(p catalog.Product, after string) int {
		return strings.Compare(p.ID, after+"\x00")
	})
	part, next := all[from:], "null"
	if len(part) > limit {
		part = part[:limit]
		next = strconv.Quote(part[limit-1].ID)
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	for _, p := range part {
		_, _ = fmt.Fprintln(w, line(p))
	}
	end := fmt.Sprintf(`"count":%d,"next":%s,"total":%d`, len(part), next, l.says)
	if l.silent {
		end, _, _ = strings.Cut(end, `,"total"`)
	}
	_, _ = fmt.Fprintf(w, "{\"end\":{%s}}\n", end)
}

// TestPeersThatLie: everything that a source says it has must come, or the session fails and names both numbers.
func TestPeersThatLie(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 0, nodetest.Config{})
		var products []catalog.Product
		for i := range 1000 {
			products = append(products, nodetest.Product(t, fmt.Sprintf(`{"id":"p-%04d","name":"Thing"}`, i)))
		}
		const huge = 1_000_000_000_000_000_000
		for name, tc := range map[string]struct {
			liar
			sent   int64
			verify []bool
		}{
			"nothing":          {liar{says: 1000}, 0, []bool{false, true}},
			"ten":              {liar{says: 1000, has: products[:10], lists: products[:10]}, 10, []bool{false, true}},
			"ten-of-far-more":  {liar{says: huge, has: products[:1], lists: products[:1]}, 1, []bool{false, true}},
			"lists-them-all":   {liar{says: 1000, has: products[:10], lists: products}, 10, []bool{false, true}},
			"lists-some":       {liar{says: 1000, has: products[:10], lists: products[:500]}, 10, []bool{false, true}},
			"one-too-few":      {liar{says: 301, has: products[:300], lists: products[:300]}, 300, []bool{false, true}},
			"lists-nothing":    {liar{says: 250, has: products[:250]}, 0, []bool{true}},
			"lists-fewer":      {liar{says: 250, has: products[:250], lists: products[:200]}, 200, []bool{true}},
			"lists-everything": {liar{says: 1000, has: products[:999], lists: products}, 999, []bool{false, true}},
		} {
			for _, silent := range []bool{false, true} {
				for _, verify := range tc.verify {
					id := fmt.Sprintf("%s-%v-%v", name, silent, verify)
					tc.silent = silent
					pair.Main.AddPeer(id, serve(t, tc.serve(id)), "some-token")
					s := pair.Main.Pull(nodetest.Pull{Peer: id, Options: spec.StartOptions{VerifyAfterSync: &verify}})
					s = pair.Main.WaitEnd(s.SessionId, spec.FAILED)
					want := fmt.Sprintf("%s says that it has %d products and hands out %d of them, each time it is asked.", id, tc.says, tc.sent)
					if !strings.HasPrefix(value(s.ErrorMessage), want) || value(s.ErrorCode) != "SOURCE_INCOMPLETE" || s.Progress == 100 {
						t.Errorf("%s: %q (%s), want %q", id, value(s.ErrorMessage), value(s.ErrorCode), want)
					}
					if s.EstimatedTimeRemaining != nil || s.Outcome != nil {
						t.Errorf("%s: %s", id, nodetest.Show(s))
					}
				}
			}
		}
		var nameless []catalog.Product
		for i := range 5 {
			nameless = append(nameless, catalog.Product{ID: fmt.Sprint("n-", i)})
		}
		for _, verify := range []bool{false, true} {
			id := fmt.Sprint("nameless-", verify)
			pair.Main.AddPeer(id, serve(t, liar{says: 5, has: nameless, lists: nameless}.serve(id)), "some-token")
			s := pair.Main.Pull(nodetest.Pull{Peer: id, Options: spec.StartOptions{VerifyAfterSync: &verify}})
			s = pair.Main.WaitEnd(s.SessionId, spec.FAILED)
			if !strings.HasPrefix(value(s.ErrorMessage), "All 5 products from "+id+" were refused: name is required.") || value(s.ErrorCode) != "ALL_REFUSED" {
				t.Errorf("%s: %q (%s)", id, value(s.ErrorMessage), value(s.ErrorCode))
			}
		}
		// Saying too few does no harm.
		for _, verify := range []bool{false, true} {
			id := fmt.Sprint("modest-", verify)
			pair.Main.AddPeer(id, serve(t, liar{says: 5, has: products, lists: products}.serve(id)), "some-token")
			s := pair.Main.Sync(nodetest.Pull{Peer: id, Options: spec.StartOptions{VerifyAfterSync: &verify}})
			if s.TransferredRecords != 1000 || value(s.TotalRecords) != 1000 {
				t.Errorf("%s", nodetest.Show(s))
			}
		}
	})
}

// TestLivingShop: people work in the shop while it is read. They add products behind the reader and remove others. The sync
// completes, and brings what was added.
func TestLivingShop(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		for name, tc := range map[string]struct {
			verify bool
			work   func(pair *nodetest.Pair, held []catalog.Stored)
			total  int64 // how many come altogether
			silent bool
		}{
			"products are added":          {false, func(pair *nodetest.Pair, _ []catalog.Stored) { addFirst(t, pair, 120) }, 420, false},
			"products are added, verify":  {true, func(pair *nodetest.Pair, _ []catalog.Stored) { addFirst(t, pair, 120) }, 420, false},
			"products are added, earlier": {false, func(pair *nodetest.Pair, _ []catalog.Stored) { addFirst(t, pair, 7) }, 307, true},
			"products are removed": {false, func(pair *nodetest.Pair, held []catalog.Stored) {
				removeProducts(t, pair, held[0], held[50], held[299])
			}, 299, false},
			"products are replaced": {false, func(pair *nodetest.Pair, held []catalog.Stored) {
				addFirst(t, pair, 5)
				removeProducts(t, pair, held[0], held[1])
			}, 305, false},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				pair := nodetest.NewPair(t, kind, 300, nodetest.Config{})
				held := pair.Branch.Products("main")
				gate := make(chan struct{})
				reached := make(chan struct{})
				var pages atomic.Int64
				pair.Wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					if strings.HasSuffix(r.URL.Path, nodetest.ProductsPath) {
						if pages.Add(1) == 3 {
							close(reached)
							<-gate
						}
					}
					if !tc.silent || r.URL.Path == nodetest.WhoPath {
						next.ServeHTTP(w, r)
						return
					}
					page := nodetest.Answered(r, next)
					before, _, _ := strings.Cut(string(page.Body), `,"total":`)
					w.Header().Set("Content-Type", page.Header.Get("Content-Type"))
					_, _ = fmt.Fprint(w, before+"}}\n")
				})
				s := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: &tc.verify, CompressionEnabled: new(false)}})
				nodetest.Await(t, "the third page", reached)
				tc.work(pair, held)
				close(gate)
				s = pair.Main.WaitEnd(s.SessionId, spec.COMPLETED)
				if s.TransferredRecords != tc.total || value(s.TotalRecords) != tc.total || s.Progress != 100 || s.Rejected != 0 {
					t.Errorf("%s", nodetest.Show(s))
				}
				here := map[string]bool{}
				for _, p := range pair.Main.Products("main") {
					here[p.ID] = true
				}
				for _, p := range pair.Branch.Products("main") {
					if !here[p.ID] {
						t.Errorf("product %s did not come", p.ID)
					}
				}
			})
		}
	})
}

// TestLivingShopThatIsCompared adds products behind the reader of a repeat, which reads only what differs.
func TestLivingShopThatIsCompared(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 300, nodetest.Config{})
		held := pair.Branch.Products("main")
		pair.Main.Sync(nodetest.Pull{})
		pair.Branch.Import("main", change(t, held[100].Product, held[200].Product)...)
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
		s := pair.Main.Pull(nodetest.Pull{})
		nodetest.Await(t, "the reading of what differs", gate.Reached)
		addFirst(t, pair, 5)
		gate.Open()
		s = pair.Main.WaitEnd(s.SessionId, spec.COMPLETED)
		checkCounts(t, s, counts{transferred: 305, created: 5, updated: 2, unchanged: 298})
		if here := pair.Main.Count("main"); here != 305 {
			t.Errorf("%d products are here, want 305", here)
		}
	})
}

// TestShopThatGrowsWhileItIsLookedAt adds products behind every reader, even while the list is read once more. Each list is a
// little short, as in a living shop.
func TestShopThatGrowsWhileItIsLookedAt(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 300, nodetest.Config{})
		var added atomic.Int64
		pair.Wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.URL.Path == nodetest.WhoPath {
				next.ServeHTTP(w, r)
				return
			}
			page := nodetest.Answered(r, next)
			text := string(page.Body)
			if strings.Contains(text, `"next":null`) { // between the lines of the last page and the count of the total
				pair.Branch.Import("main", nodetest.Product(t, fmt.Sprintf(`{"id":"%04d","name":"first"}`, 1000-added.Add(1))))
				before, _, _ := strings.Cut(text, `,"total":`)
				text = fmt.Sprintf("%s,\"total\":%d}}\n", before, pair.Branch.Count("main"))
			}
			w.Header().Set("Content-Type", page.Header.Get("Content-Type"))
			_, _ = fmt.Fprint(w, text)
		})
		s := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{CompressionEnabled: new(false)}})
		if s.TransferredRecords != 301 || value(s.TotalRecords) != 301 {
			t.Errorf("%s", nodetest.Show(s))
		}
	})
}

// addFirst adds products to the branch that come before all others.
func addFirst(t *testing.T, pair *nodetest.Pair, count int) {
	var fresh []catalog.Product
	for i := range count {
		fresh = append(fresh, nodetest.Product(t, fmt.Sprintf(`{"id":"%04d","name":"came late"}`, i)))
	}
	pair.Branch.Import("main", fresh...)
}

func removeProducts(t *testing.T, pair *nodetest.Pair, products ...catalog.Stored) {
	for _, p := range products {
		if _, err := pair.Branch.Store.SQL().ExecContext(t.Context(), "DELETE FROM products WHERE id = $1", p.ID); err != nil {
			t.Error(err)
		}
	}
}

// TestTotalFollowsTheSource: if a source grows while it is read, the total grows too, also in the sentence, and progress does not
// fall.
func TestTotalFollowsTheSource(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 0, nodetest.Config{})
		var products []catalog.Product
		for i := range 1000 {
			products = append(products, nodetest.Product(t, fmt.Sprintf(`{"id":"p-%04d","name":"Thing"}`, i)))
		}
		small, grown := liar{says: 300, has: products, lists: products}, liar{says: 1000, has: products, lists: products}
		gates := map[int64]chan struct{}{2: make(chan struct{}), 4: make(chan struct{})}
		var asked atomic.Int64
		pair.Main.AddPeer("grows", serve(t, func(w http.ResponseWriter, r *http.Request) {
			peer := small
			if strings.HasSuffix(r.URL.Path, nodetest.ProductsPath) {
				page := asked.Add(1)
				if gate := gates[page]; gate != nil {
					select {
					case <-gate:
					case <-r.Context().Done():
					}
				}
				if page > 2 {
					peer = grown
				}
			}
			peer.serve("grows")(w, r)
		}), "some-token")
		s := pair.Main.Pull(nodetest.Pull{Peer: "grows"})
		see := func(transferred int64, total int64, progress int) {
			t.Helper()
			s = pair.Main.WaitFor(s.SessionId, "a batch", func(s spec.Session) bool { return s.TransferredRecords == transferred })
			step := fmt.Sprintf("Transferring %d products", total)
			if value(s.TotalRecords) != total || s.Progress != progress || s.CurrentStep != step {
				t.Errorf("%s", nodetest.Show(s))
			}
		}
		see(100, 300, 33)
		close(gates[2])
		see(300, 1000, 66) // two thirds were shown before
		close(gates[4])
		s = pair.Main.WaitEnd(s.SessionId, spec.COMPLETED)
		checkCounts(t, s, counts{transferred: 1000, created: 1000})
	})
}
