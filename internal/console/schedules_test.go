package console_test

import (
	"net/http"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

const schedulesPath = "/api/admin/sync/schedules"

// TestSchedules adds a schedule, runs it now, changes it, switches it off, pauses all and removes it. Other roles see what they may.
func TestSchedules(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPair(t, nodetest.SQLite, 30, nodetest.Config{})
	page := signIn(t, pair.Main, auth.RoleAdmin, browsertest.Options{})
	page.Expect(http.StatusBadRequest, schedulesPath)
	visit(page, "Schedules")
	page.WaitText("There is no schedule yet.")
	page.Role("DisclosureTriangle", "Add a schedule").Click()
	page.WaitFor("the peers", `document.querySelector("form[aria-label='Add a schedule'] option[value=branch]")`)
	fits(t, page, "the form")
	form := page.Role("form", "Add a schedule")
	form.Field("Name").Fill(hostile)
	form.Field("When").Fill("99 99 * * *")
	form.Field("Time zone").Fill("Europe/Berlin")
	form.Field("With the peer").Choose(nodetest.Branch)
	form.Field("Compare every product afterwards").Tick(true)
	form.Button("Add schedule").Click()
	form.AnyOfRole("alert").WaitText("must be five fields")
	form.Field("When").Fill("15 3 * * *")
	form.Button("Add schedule").Click()
	page.WaitFocus("heading", "Schedule "+hostile)
	page.WaitText("15 3 * * *, Europe/Berlin")
	page.WaitText("pull from branch, catalog main")
	added, err := nodetest.Decode[spec.ScheduleListResponse](pair.Main.Call("admin", http.MethodGet, schedulesPath, ""))
	if err != nil || len(added.Schedules) != 1 || added.Schedules[0].Options.VerifyAfterSync == nil || !*added.Schedules[0].Options.VerifyAfterSync {
		t.Fatalf("added: %+v %v", added, err)
	}
	page.Button("Run now").Click()
	page.Role("region", "Receipt: COMPLETED").WaitText("30 of 30 products: 30 new")

	visit(page, "Schedules")
	table := page.Role("table", "Schedules")
	table.WaitText("COMPLETED, ")
	fits(t, page, "the schedules")
	table.Button("Switch off " + hostile).Click()
	table.WaitText("switched off")
	page.Button("Pause all").Click()
	page.WaitText("All schedules are paused since")
	page.Button("Resume all").Click()
	page.WaitNoText("All schedules are paused")

	table.Link(hostile).Click()
	page.Role("table", "Runs").WaitText("branch admin started")
	page.Role("DisclosureTriangle", "Change it").Click()
	page.WaitFor("the peers", `document.querySelector("form[aria-label='Change the schedule'] option[value=branch]")`)
	fits(t, page, "one schedule")
	change := page.Role("form", "Change the schedule")

	// Somebody else changes the same schedule, first something else and then the same.
	meanwhile := func(body string) {
		t.Helper()
		path := schedulesPath + "/" + added.Schedules[0].Id.String()
		if a := pair.Main.Call("alice", http.MethodPatch, path, body); a.Status != http.StatusOK {
			t.Fatalf("%s: %d %s", body, a.Status, a.Body)
		}
	}
	meanwhile(`{"timezone": "Asia/Tokyo"}`)
	change.Field("When").Fill("@daily")
	change.Button("Save").Click()
	page.WaitText("@daily, Asia/Tokyo")
	page.WaitFor("the form", `[...document.querySelectorAll("form[aria-label='Change the schedule'] input")].some((input) => input.value === "Asia/Tokyo")`)
	meanwhile(`{"cron": "@hourly"}`)
	change.Field("When").Fill("@weekly")
	change.Button("Save").Click()
	change.AnyOfRole("alert").WaitText("Somebody else has changed this meanwhile: When is now “@hourly”. What you have typed is still here")
	if typed := change.Field("When").Value(); typed != "@weekly" {
		t.Errorf("what was typed has become %q", typed)
	}
	change.Button("Save").Click()
	page.WaitText("@weekly, Asia/Tokyo")

	for _, role := range []auth.Role{auth.RoleViewer, auth.RoleOperator} {
		other := signIn(t, pair.Main, role, browsertest.Options{})
		visit(other, "Schedules")
		table := other.Role("table", "Schedules")
		table.WaitText(hostile)
		may := role == auth.RoleOperator
		for name, want := range map[string]bool{"Run now " + hostile: may, "Pause all": may, "Switch on " + hostile: false} {
			if seen := other.Button(name).Visible(); seen != want {
				t.Errorf("%s sees %q: %v, want %v", role, name, seen, want)
			}
		}
		if other.Role("DisclosureTriangle", "Add a schedule").Visible() {
			t.Errorf("%s may add a schedule", role)
		}
	}

	page.Button("Remove…").Click()
	page.Dialog("Remove schedule " + hostile + "?").Button("Remove schedule").Click()
	page.WaitText("There is no schedule yet.")
}

// TestAccess: an administrator adds a person, changes the role, makes a token that works, which is shown once, and revokes it.
// Nobody else is offered the page.
func TestAccess(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPair(t, nodetest.SQLite, 1, nodetest.Config{})
	page := signIn(t, pair.Main, auth.RoleAdmin, browsertest.Options{Dark: true})
	visit(page, "Access")
	people := page.Role("table", "People")
	people.WaitText("viewer")
	page.Role("DisclosureTriangle", "Add a person").Click()
	form := page.Role("form", "Add a person")
	form.Field("Name").Fill("bob")
	form.Field("Role").Choose("viewer")
	form.Field("Password of at least 8 characters").Fill(password)
	form.Button("Add person").Click()
	page.WaitText("bob may sign in.")
	fits(t, page, "access")
	people.Field("Role of bob").Choose("operator")
	page.Dialog("Make bob an operator?").Button("Make bob operator").Click()
	page.WaitText("Make bob operator: done.")
	people.Button("Switch off bob").Click()
	page.WaitText("bob may no longer sign in.")
	people.Button("Remove… bob").Click()
	page.Dialog("Remove bob?").Button("Remove bob").Click()
	people.Field("Role of bob").WaitGone()

	page.Role("DisclosureTriangle", "Make a token").Click()
	tokens := page.Role("form", "Make a token")
	tokens.Field("What it is for").Fill("the till")
	tokens.Field("Role").Choose("viewer")
	tokens.Button("Make token").Click()
	page.WaitText("The token the till. Keep it now; it is not shown again.")
	token := page.Find("code.secret").Text()
	me := func() int {
		t.Helper()
		a, err := pair.Main.Raw(t.Context(), token, http.MethodGet, nodetest.MePath, "")
		if err != nil {
			t.Fatal(err)
		}
		return a.Status
	}
	if status := me(); status != http.StatusOK {
		t.Errorf("the new token is answered with %d", status)
	}
	written := watchClipboard(page)
	page.Button("Copy token").Click()
	page.WaitText("Copied the token")
	if got := written(); got != token {
		t.Error("the clipboard does not hold the token")
	}
	fits(t, page, "a new token")
	page.Button("Revoke… the till").Click()
	page.Dialog("Revoke the till?").Button("Revoke the till").Click()
	page.Role("table", "API tokens").WaitText("revoked by admin")
	if status := me(); status != http.StatusUnauthorized {
		t.Errorf("the revoked token is answered with %d", status)
	}
	visit(page, "Overview")
	visit(page, "Access")
	if strings.Contains(page.Text(), token) {
		t.Error("the token is shown again")
	}

	visit(page, "Audit")
	log := page.Role("table", "Audit")
	log.WaitText("admin (user)")
	page.Field("Action, such as peer or peer.changed").Fill("token")
	page.Press("Tab")
	page.WaitFor("only tokens", `[...document.querySelectorAll("[aria-label=Audit] tbody tr")].every((row) => row.cells[3].textContent.startsWith("token."))`)
	log.WaitText("the till")
	if want := pair.Main.URL() + "/console/#/audit?action=token"; page.URL() != want {
		t.Errorf("the filter is at %s, want %s", page.URL(), want)
	}
	fits(t, page, "the audit log")
	back(page)
	page.WaitFor("no filter", `document.querySelector("[name=action]:not(#start-form *)").value === ""`)
	log.WaitText("user.")
	browsertest.Eval[bool](page, "history.forward() ?? true")
	page.WaitFor("the filter", `document.querySelector("[name=action]:not(#start-form *)").value === "token"`)

	viewer := signIn(t, pair.Main, auth.RoleViewer, browsertest.Options{})
	if viewer.Role("navigation", "Pages").Link("Access").Visible() {
		t.Error("a viewer is offered the page of who may do what")
	}
	viewer.Go("/console/#/access")
	viewer.WaitFor("the page", `document.title.startsWith("Access")`)
	if people := viewer.Role("table", "People"); people.Visible() {
		t.Error("a viewer sees the people")
	}
}
