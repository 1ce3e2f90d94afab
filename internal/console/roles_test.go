package console_test

import (
	"slices"
	"strings"
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// offers are the buttons that do something, by the lowest role that may use them.
var offers = map[auth.Role][]string{
	auth.RoleOperator: {"Start pull", "Cancel Sync", "Cancel"},
}

// TestEachRoleSeesWhatItMay: everybody sees everything, except buttons that would be refused.
func TestEachRoleSeesWhatItMay(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPair(t, nodetest.SQLite, 200, nodetest.Config{})
	first := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
	old := pair.Main.Pull(nodetest.Pull{})
	nodetest.Await(t, "the second page", first.Reached)
	pair.Main.Cancel(old, "to have one that can be resumed")
	second := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
	pair.Main.Pull(nodetest.Pull{})
	nodetest.Await(t, "the second page", second.Reached)
	for role, may := range map[auth.Role][]auth.Role{
		auth.RoleViewer:   {},
		auth.RoleOperator: {auth.RoleOperator},
		auth.RoleAdmin:    {auth.RoleOperator, auth.RoleAdmin},
	} {
		page := signIn(t, pair.Main, role, browsertest.Options{})
		waitProgress(page, 50)
		page.Find("#history-rows tr:nth-child(2)").WaitText("CANCELLED")
		for least, buttons := range offers {
			for _, name := range buttons {
				if seen, want := page.Button(name).Visible(), slices.Contains(may, least); seen != want {
					t.Errorf("%s sees %q: %v, want %v", role, name, seen, want)
				}
			}
		}
		page.Link("CANCELLED: show the receipt").Click()
		receipt := page.Role("region", "Receipt: CANCELLED")
		receipt.WaitText("Cancelled by alice: to have one that can be resumed")
		if seen, want := receipt.Button("Resume").Visible(), role != auth.RoleViewer; seen != want {
			t.Errorf("%s sees Resume: %v, want %v", role, seen, want)
		}
		visit(page, "Peers")
		page.Find("#peer-rows tr").WaitText("branch " + pair.Wire.URL)
		for _, button := range []*browsertest.Element{
			page.Button("Check"), page.Button("Switch off"), page.Button("Remove"), page.Role("DisclosureTriangle", "Add a peer"),
		} {
			if seen, want := button.Visible(), role == auth.RoleAdmin; seen != want {
				t.Errorf("%s sees the %s: %v, want %v", role, button, seen, want)
			}
		}
	}
}

// noteAnswers is an expression that makes the page record every answer it gets, and how many it is waiting for.
const noteAnswers = `(() => {
	window.print = () => {};
	window.answers = [];
	window.waiting = 0;
	const send = window.fetch;
	window.fetch = (address, init) => {
		window.waiting++;
		return send(address, init)
			.then((answer) => { answers.push(init.method + " " + new URL(answer.url).pathname + " " + answer.status); return answer; })
			.finally(() => window.waiting--);
	};
	return true;
})()`

// clickNext is an expression that clicks the next button that has not been clicked yet, in the topmost dialog if there is one,
// and returns which it was. If none is left it closes the dialog, and in the end it returns "".
const clickNext = `(() => {
	window.clicked ??= new Set();
	const dialog = document.querySelector("dialog[open]:modal");
	for (const it of (dialog ?? document.body).querySelectorAll("button, summary")) {
		const name = [dialog?.querySelector("h2").textContent.split(" ")[0], it.closest("section, tr, article")?.id, it.id, it.getAttribute("aria-label") ?? it.textContent].join(" ");
		if (it.id === "sign-out" || it.closest("summary") && it.parentElement.open || clicked.has(name) || !it.checkVisibility()) continue;
		clicked.add(name);
		it.click();
		return name;
	}
	if (dialog) dialog.close();
	return dialog ? "closing " + dialog.id : "";
})()`

// TestEverythingOfferedIsAllowed clicks everything on the page, as each role, and is never refused.
func TestEverythingOfferedIsAllowed(t *testing.T) {
	t.Parallel()
	for role, wants := range map[auth.Role][]string{
		auth.RoleViewer:   {"GET /api/admin/sync/full-sync/"},
		auth.RoleOperator: {"POST /api/admin/sync/full-sync 409", "POST /api/admin/sync/full-sync/cancel 200", "/resume 202"},
		auth.RoleAdmin:    {"POST /api/admin/sync/peers 201", "/check 200", "PATCH /api/admin/sync/peers/other 200", "DELETE /api/admin/sync/peers/"},
	} {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			pair := newPair(t, nodetest.SQLite, 200, nodetest.Config{})
			gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
			cancelled := pair.Main.Pull(nodetest.Pull{})
			nodetest.Await(t, "the second page", gate.Reached)
			pair.Main.Cancel(cancelled, "")
			pair.Wire.Reach(nil)
			pair.Main.Sync(nodetest.Pull{})
			pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
			pair.Main.Pull(nodetest.Pull{})
			pair.Main.AddPeer("other", pair.Branch.URL(), pair.Branch.TokenFor(nodetest.MainNode, auth.RoleNode))
			page := signIn(t, pair.Main, role, browsertest.Options{})
			page.Link("CANCELLED: show the receipt").Wait()
			page.Role("progressbar", "Progress: "+pull).Wait()
			page.Allow(409, nodetest.StartPath)
			page.Allow(409, nodetest.CancelPath)
			page.Allow(409, "/api/admin/sync/full-sync/*/resume")
			page.Allow(409, "/api/admin/sync/peers/*")
			browsertest.Eval[bool](page, noteAnswers)
			var clicked []string
			for _, address := range []string{"overview", "sessions", "sessions/" + cancelled.SessionId.String(), "peers"} {
				browsertest.Eval[bool](page, `location.assign("#/`+address+`") ?? true`)
				if role == auth.RoleAdmin && address == "peers" {
					page.Role("DisclosureTriangle", "Add a peer").Click()
					page.Field("Node id").Fill("annex")
					page.Field("Address").Fill(pair.Branch.URL())
					page.Field("Token of role node or node-push, issued there").Fill(pair.Branch.TokenFor(nodetest.MainNode, auth.RoleNode))
				}
				for len(clicked) < 200 {
					page.WaitFor("the answers", "window.waiting === 0 && !document.querySelector('[aria-disabled=true]')")
					what := browsertest.Eval[string](page, clickNext)
					if what == "" {
						break
					}
					clicked = append(clicked, what)
				}
			}
			answers := browsertest.Eval[[]string](page, "window.answers")
			t.Logf("clicked:\n%s\nanswers:\n%s", strings.Join(clicked, "\n"), strings.Join(answers, "\n"))
			for _, want := range wants {
				if !slices.ContainsFunc(answers, func(a string) bool { return strings.Contains(a, want) }) {
					t.Errorf("nothing that was clicked led to %q", want)
				}
			}
			for _, a := range answers {
				if strings.HasSuffix(a, " 403") || strings.HasPrefix(a, "POST") && role == auth.RoleViewer {
					t.Errorf("a click led to %q", a)
				}
			}
		})
	}
}
