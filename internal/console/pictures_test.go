package console_test

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/nodetest"
)

// update makes [TestPictures] take the pictures again.
var update = flag.Bool("update", false, "take the pictures in docs/images again")

// largest is the largest size, in bytes, at which a picture loads quickly enough.
const largest = 150 << 10

// TestPictures checks that every picture in the documents exists and is small, and that no picture is unused. With -update it
// takes them.
func TestPictures(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	images := filepath.Join(root, "docs", "images")
	if *update {
		takePictures(t, images)
	}
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, document := range append(documents, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`!\[[^\]]+\]\(([^)]+)\)`).FindAllStringSubmatch(string(text), -1) {
			file := filepath.Join(filepath.Dir(document), m[1])
			shown[filepath.Base(file)] = true
			info, err := os.Stat(file)
			switch {
			case err != nil:
				t.Errorf("%s shows a picture that is not there: %v; run: go test ./internal/console -run TestPictures -update", filepath.Base(document), err)
			case info.Size() > largest:
				t.Errorf("%s has %d bytes, more than %d", m[1], info.Size(), largest)
			}
		}
	}
	taken, err := filepath.Glob(filepath.Join(images, "*.png"))
	if err != nil || len(taken) == 0 {
		t.Errorf("%d pictures, %v", len(taken), err)
	}
	for _, file := range taken {
		if !shown[filepath.Base(file)] {
			t.Errorf("no document shows %s", filepath.Base(file))
		}
	}
}

// steady is an expression that replaces everything that differs each time: times and speeds, ids, addresses.
const steady = `(() => {
	const put = (selector, ...texts) => document.querySelectorAll(selector).forEach((e, i) => e.textContent = texts[Math.min(i, texts.length - 1)]);
	const day = "Nov 23, 2026, ";
	put("#user", "alice (admin), until 10:21 AM");
	put('.card[data-active="true"] [data-field="speed"]', "48 products/s, 18 KB/s");
	put('.card[data-active="true"] [data-field="left"]', "about 6 s");
	put('.card[data-active="false"] [data-field="speed"]', "48 products/s, 18 KB/s");
	put('.card[data-active="false"] [data-field="left"]', "finished after 22\u00a0s");
	put('[data-field="started"]:not(td)', day + "9:24:46 AM");
	put('.card[data-active="false"] [data-field="started"]', day + "8:57:12 AM");
	put("#figures dd", "758", "1", "1 of 1", "3 syncs", "50 %", "100 %");
	put("#trail time", ...["8:57:12", "8:57:34"].map(t => day + t + " AM"));
	put('#history-rows [data-field="started"]', ...["9:24:46 AM", "9:21:30 AM", "8:57:12 AM", "8:55:03 AM"].map(t => day + t));
	put('#history-rows [data-field="duration"]', "still running", "1.2\u00a0s", "22\u00a0s", "9.6\u00a0s");
	for (const line of document.querySelectorAll("#receipt-facts div")) {
		const [name, value] = line.children;
		if (name.textContent === "Started") value.textContent = day + "8:57:12 AM by alice";
		if (name.textContent === "Ended") value.textContent = day + "8:57:34 AM, after 22\u00a0s";
	}
	put("code", "5245ddc7-7ac1-4b5a-8e0a-f50ea1e6d186");
	const message = document.getElementById("running-message");
	message.textContent = message.textContent.replace(/since \S+Z/, "since 2026-11-23T09:24:46Z");
	return true;
})()`

// takePictures takes the pictures of the page's main states.
func takePictures(t *testing.T, dir string) {
	pair := newPair(t, nodetest.SQLite, 1067, nodetest.Config{ID: nodetest.MainNode, Settings: map[string]string{"NODE_NAME": "Main shop"}})
	pair.Main.AddUser("alice", auth.RoleAdmin, password)
	pair.Main.Call("alice", http.MethodPatch, "/api/admin/sync/peers/"+nodetest.Branch, `{"nodeName": "Branch"}`)
	size := 379 // two batches are 71 %
	what := nodetest.Pull{Options: spec.StartOptions{BatchSize: &size}}

	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
	wrong := pair.Main.Pull(what)
	nodetest.Await(t, "the second page", gate.Reached)
	pair.Main.WaitFor(wrong.SessionId, "a batch", func(s spec.Session) bool { return s.TransferredRecords == int64(size) })
	pair.Main.Cancel(wrong, "wrong peer")
	pair.Wire.Reach(nil)
	pair.Main.Sync(what)
	pair.Wire.Reach(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(http.StatusBadGateway) })
	pair.Main.WaitEnd(pair.Main.Pull(what).SessionId, spec.FAILED)
	gate = pair.Wire.HoldPage(t, nodetest.ProductsPath, 3)
	pair.Main.Pull(what)
	nodetest.Await(t, "the third page", gate.Reached)

	take := func(page *browsertest.Page, name string) {
		t.Helper()
		browsertest.Eval[bool](page, steady)
		page.Screenshot(filepath.Join(dir, name+".png"))
	}
	as := func(o browsertest.Options) *browsertest.Page {
		t.Helper()
		page := open(t, pair.Main, o)
		fill(page, "alice")
		waitProgress(page, 71)
		page.Find(`#connection[data-connection="live"]`).Wait()
		page.Link("COMPLETED: show the receipt").Wait()
		return page
	}
	phone := as(browsertest.Options{Width: 390, Height: 720, Scale: 2, Dark: true})
	take(phone, "phone-dark")

	page := as(browsertest.Options{Width: 960, Height: 640, Scale: 1.25})
	page.Expect(409, nodetest.StartPath)
	take(page, "running")
	page.Button("Cancel Sync").Click()
	page.Dialog("Cancel this sync?").Field("Reason (optional)").Fill("wrong peer")
	take(page, "cancel")
	page.Press("Escape")
	page.Dialog("Cancel this sync?").WaitGone()
	page.Resize(960, 640)
	page.Button("Start pull").Click()
	page.Dialog("Full sync already in progress").WaitText("71 %")
	take(page, "conflict")
	page.Press("Escape")
	page.Dialog("Full sync already in progress").WaitGone()
	page.Resize(960, 720)
	page.Link("COMPLETED: show the receipt").Click()
	page.Role("region", "Receipt: COMPLETED").Wait()
	take(page, "receipt")
}
