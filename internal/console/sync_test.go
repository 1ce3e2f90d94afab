package console_test

import (
	"fmt"
	"net/http"
	"regexp"
	"testing"

	"github.com/google/uuid"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/nodetest"
)

// thePull is what the page calls the sync of a [nodetest.Pair].
const thePull = "Pull from branch into catalog main"

// card finds the card of the pair's sync.
func card(page *browsertest.Page) *browsertest.Element { return page.Role("article", thePull) }

// bar finds its progress bar once that is at a value.
func bar(page *browsertest.Page, percent int) *browsertest.Element {
	return card(page).Find(fmt.Sprintf(`progress[value="%d"]`, percent))
}

// row finds a session's row in the history.
func row(page *browsertest.Page, id spec.SessionID) *browsertest.Element {
	return page.Find("#history-" + id.String())
}

// startForm finds the form that starts a sync.
func startForm(page *browsertest.Page) *browsertest.Element { return page.Role("form", "Start a sync") }

// startByTen starts a sync in batches of ten products and returns the session that the page then shows.
func startByTen(t *testing.T, page *browsertest.Page) spec.SessionID {
	t.Helper()
	startForm(page).Role("DisclosureTriangle", "Options").Click()
	return sendByTen(t, page)
}

// sendByTen is [startByTen] with the options open.
func sendByTen(t *testing.T, page *browsertest.Page) spec.SessionID {
	t.Helper()
	startForm(page).Field("Products per batch").Fill("10")
	startForm(page).Button("Start pull").Click()
	return shownSession(t, page)
}

// shownSession returns the session of the only card on the page.
func shownSession(t *testing.T, page *browsertest.Page) spec.SessionID {
	t.Helper()
	id, err := uuid.Parse(card(page).Find("code").Text())
	if err != nil {
		t.Fatalf("the card's session id: %v", err)
	}
	return id
}

// committed returns the session once that many of its products are committed.
func committed(pair *nodetest.Pair, id spec.SessionID, count int64) spec.Session {
	return pair.Main.WaitFor(id, fmt.Sprintf("%d products", count), func(s spec.Session) bool { return s.TransferredRecords == count })
}

// stay marks the document; stayed fails the test if it is no longer the same one.
func stay(page *browsertest.Page) { browsertest.Eval[bool](page, "window.stayed = true") }

func stayed(t *testing.T, page *browsertest.Page) {
	t.Helper()
	if !browsertest.Eval[bool](page, "window.stayed === true") {
		t.Error("the page was loaded again")
	}
}

// TestSyncFromStartToReceipt starts a sync with options and looks at the page while the peer holds back the fourth page of
// products, the seventh, and then the verification.
func TestSyncFromStartToReceipt(t *testing.T) {
	onBoth(t, func(t *testing.T, kind nodetest.Kind) {
		pair := newPair(t, kind, 100, nodetest.Config{})
		fourth := pair.Wire.HoldPage(t, nodetest.ProductsPath, 4)
		page := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
		stay(page)
		page.WaitText("No sync is running.")
		page.WaitText("No sync has run here yet.")

		form := startForm(page)
		form.Role("DisclosureTriangle", "Options").Click()
		form.Field("Maximum products per second").Fill("1000")
		form.Field("Time limit in seconds").Fill("300")
		form.Field("Compare every product afterwards").Tick(true)
		form.Field("Compress on the wire").Tick(false)
		id := sendByTen(t, page)
		page.WaitText("Full sync pull initiated successfully")
		page.WaitNoText("No sync is running.")

		nodetest.Await(t, "the fourth page", fourth.Reached)
		bar(page, 30).Wait()
		card(page).WaitText("TRANSFERRING Transferring 100 products 30 %")
		card(page).WaitText("30 of 100 products")
		card(page).WaitText("healthy working normally")
		card(page).WaitText("by operator")
		// On a busy machine so long may have gone by that nothing moves any more.
		figures := regexp.MustCompile(`Speed [\d,]+ products?/s, [\d.]+ [KM]?B/s Time left (about [\d.]+ (s|min)|not known yet)`)
		if text := card(page).Text(); !figures.MatchString(text) {
			t.Errorf("speed and time left in %q", text)
		}
		copied(t, page, card(page), "Copy id", id)

		seventh := pair.Wire.HoldPage(t, nodetest.ProductsPath, 3)
		fourth.Open()
		nodetest.Await(t, "the seventh page", seventh.Reached)
		bar(page, 60).Wait()
		row(page, id).WaitText("60 of 100 products: 60 new")
		hashes := pair.Wire.HoldPage(t, nodetest.HashesPath, 1)
		seventh.Open()
		nodetest.Await(t, "the verification", hashes.Reached)
		card(page).WaitText("TRANSFERRING Verifying 100 products")
		bar(page, 99).Wait()
		hashes.Open()

		card(page).WaitText("COMPLETED")
		page.WaitText("COMPLETED: pull from branch into catalog main, 100 of 100 products: 100 new.")
		bar(page, 100).Wait()
		row(page, id).WaitText("COMPLETED")
		card(page).Button("Cancel Sync").WaitGone()
		s := pair.Main.WaitEnd(id, spec.COMPLETED)
		if o := s.Options; s.StartedBy != "operator" || o.BatchSize != 10 || o.MaxProductsPerSecond != 1000 || o.TimeoutSeconds != 300 ||
			!o.VerifyAfterSync || o.CompressionEnabled {
			t.Errorf("started as %s", nodetest.Show(s))
		}
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")

		card(page).Link("Receipt").Click()
		receipt := page.Role("region", "Receipt: COMPLETED")
		receipt.WaitText("Batch 10, up to product P-0000100, was the last one committed; none can follow it.")
		receipt.WaitText("100 of 100 products: 100 new")
		receipt.WaitText("10 batches")
		receipt.Button("Resume").WaitGone()
		copied(t, page, receipt, "Copy session id", id)
		for _, step := range []string{"Started by operator", "Transferring 100 products", "Verifying 100 products", "COMPLETED: "} {
			page.Find("#trail").WaitText(step)
		}
		page.Find("#speed").WaitText("products/s at most")
		const chart = `(() => {
			const line = document.getElementById("speed-line"), points = line.getAttribute("d").match(/-?[\d.]+ -?[\d.]+/g).map((p) => p.split(" ").map(Number));
			const inside = points.every(([x, y], i) => x >= (points[i - 1]?.[0] ?? 0) && x <= 600 && y >= 0 && y <= 120);
			return inside && points.length > 1 && points[0][0] === 0 && points.at(-1)[0] === 600 && line.getBoundingClientRect().width > 0;
		})()`
		page.WaitFor("the speed from the left to the right of its chart", chart)
		back(page)
		card(page).Button("Dismiss").Click()
		page.WaitText("No sync is running.")
		page.WaitFocus("heading", "Full sync")
		stayed(t, page)
	})
}

// copied presses a button that copies the session's id, and looks into the clipboard.
func copied(t *testing.T, page *browsertest.Page, in *browsertest.Element, button string, id spec.SessionID) {
	t.Helper()
	written := watchClipboard(page)
	in.Button(button).Click()
	page.WaitText("Copied " + id.String())
	if got := written(); got != id.String() {
		t.Errorf("the clipboard got %q, not %s", got, id)
	}
}

// watchClipboard returns what tells the last text that this page has written to the clipboard, which all pages of a browser share.
func watchClipboard(page *browsertest.Page) (written func() string) {
	browsertest.Eval[bool](page, `(() => {
		const write = navigator.clipboard.writeText.bind(navigator.clipboard);
		navigator.clipboard.writeText = (text) => { window.written = text; return write(text); };
		return true;
	})()`)
	return func() string { return browsertest.Eval[string](page, "window.written") }
}

// TestFailedSyncIsTold: with the reason, in a message that interrupts.
func TestFailedSyncIsTold(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 10, nodetest.Config{})
	pair.Wire.Reach(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(http.StatusBadGateway) })
	page := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
	startForm(page).Button("Start pull").Click()
	card(page).WaitText("FAILED")
	s := pair.Main.WaitEnd(shownSession(t, page), spec.FAILED)
	page.Find("#failures").WaitText("FAILED: pull from branch into catalog main. " + *s.ErrorMessage)
}

// TestDryRunFirst finds out what a pull would do, looks at the plan, and starts it.
func TestDryRunFirst(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 30, nodetest.Config{})
	page := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
	startForm(page).Button("Dry run").Click()
	plan := page.Role("region", "Receipt: COMPLETED")
	plan.WaitText("dry run of a pull from branch into catalog main")
	page.Role("DisclosureTriangle", "What it would change, product by product").Click()
	page.Role("table", "Changes").WaitText("P-0000001 created")
	accessible(page)
	if n := pair.Main.Count("main"); n != 0 {
		t.Errorf("the dry run has written %d products", n)
	}
	plan.Button("Resume").WaitGone()
	plan.Button("Start this sync").Click()
	card(page).WaitText("COMPLETED")
	page.WaitText("30 of 30 products: 30 new")
	nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
}
