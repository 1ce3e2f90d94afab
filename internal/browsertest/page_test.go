package browsertest

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// form is a page with one of everything a user can use.
const form = `
<form>
	<label>Name <input name="name" value="old"></label>
	<label for="secret">Password</label><input id="secret" type="password">
	<label>Batch size <input type="number" name="size" value="1000"></label>
	<label>Reason <textarea name="reason"></textarea></label>
	<label>Peer <select name="peer"><option value="b1">Branch 1</option><option value="b2">Branch 2</option></select></label>
	<label><input type="checkbox" name="verify"> Verify
		afterwards</label>
	<label>Fixed <input readonly value="x"></label>
	<button>Start sync</button> <button type="button" disabled>Resume</button> <a href="#history">History</a>
	<button type="button" aria-label="Cancel session 1">Cancel</button> <button type="button" hidden>Hidden</button>
</form>
<output role="status"></output>`

// listening shows what was sent and pressed.
const listening = `
	const form = document.querySelector("form"), out = document.querySelector("output");
	form.addEventListener("submit", e => { e.preventDefault(); out.textContent = "sent " + new URLSearchParams(new FormData(form)); });
	document.addEventListener("keydown", e => { out.dataset.keys = (out.dataset.keys ?? "") + " " + (e.ctrlKey ? "^" : "") + e.key; });
	form.addEventListener("change", e => { out.dataset.changed = (out.dataset.changed ?? "") + " " + e.target.name; });`

func TestFormsAreFilledAsPeopleDo(t *testing.T) {
	t.Parallel()
	p := visit(t, form, listening)
	p.Field("Name").Fill("alice & bob")
	p.Field("Password").Fill("gone")
	p.Field("Password").Fill("")
	p.Field("Batch size").Fill("250")
	p.Field("Reason").Fill("wrong\npeer")
	p.Field("Peer").Choose("Branch 2")
	p.Field("Verify afterwards").Tick(true)
	p.Field("Verify afterwards").Tick(true)
	p.Button("Start sync").Click()
	p.Role("status", "").WaitText("sent name=alice+%26+bob&size=250&reason=wrong%0Apeer&peer=b2&verify=on")
	if got := p.Find("output").Attribute("data-changed"); got != " name size reason peer verify" {
		t.Errorf("changed:%s", got)
	}
	if p.Field("Name").Value() != "alice & bob" || p.Button("Resume").Enabled() || !p.Button("Start sync").Enabled() {
		t.Error("what the fields and buttons hold is read wrongly")
	}
	if p.Button("Hidden").Visible() || p.Find("[hidden]").Visible() || p.Button("Cancel").Visible() || p.Find("button").Count() != 3 {
		t.Error("what can be seen is seen wrongly")
	}
	p.Button("Cancel session 1").Wait()
	p.Link("History").Click()
	if !strings.HasSuffix(p.URL(), "#history") {
		t.Errorf("the link led to %s", p.URL())
	}
	p.AnyOfRole("main").Role("heading", "Catalog").Wait()
}

func TestKeysGoWhereTheFocusIs(t *testing.T) {
	t.Parallel()
	p := visit(t, form, listening)
	if it := p.Focused(); it.String() != "nothing" {
		t.Errorf("the focus begins on the %s", it)
	}
	p.Press("Tab")
	p.WaitFocus("textbox", "Name")
	p.Press("Control+a", "Delete")
	p.Type("Zoë")
	p.Press("Tab", "Tab", "Shift+Tab", "Shift+Tab")
	if it := p.Focused(); it.Role != "textbox" || it.Name != "Name" || p.Field("Name").Value() != "Zoë" {
		t.Errorf("the focus is on the %s, which holds %q", it, p.Field("Name").Value())
	}
	p.Field("Verify afterwards").Focus()
	p.Press("Space")
	p.Field("Name").Focus()
	p.Press("Enter")
	p.WaitText("sent name=Zo%C3%AB&size=1000&reason=&peer=b1&verify=on")
	p.Press("Escape", "ArrowDown", "x")
	if keys := p.Find("output").Attribute("data-keys"); !strings.Contains(keys, " ^a Delete Z") || !strings.HasSuffix(keys, " Escape ArrowDown x") {
		t.Errorf("keys:%s", keys)
	}
}

// dialogs is a page on which a dialog opens another.
const dialogs = `
<button id="open">Cancel sync</button><p>Behind</p>
<dialog id="first" aria-labelledby="sure"><h2 id="sure">Cancel this sync?</h2><button id="more">Really</button><button>Keep running</button></dialog>
<dialog id="second" aria-label="Last warning"><form method="dialog"><button>Close</button></form></dialog>`

func TestOnlyTheTopmostDialogCanBeReached(t *testing.T) {
	t.Parallel()
	p := visit(t, dialogs, `
		const on = (id, dialog) => document.getElementById(id).addEventListener("click", () => document.getElementById(dialog).showModal());
		on("open", "first"); on("more", "second");`)
	p.Button("Cancel sync").Click()
	first := p.Dialog("Cancel this sync?")
	first.Button("Keep running").Wait()
	if p.Button("Cancel sync").Visible() {
		t.Error("the button behind the dialog can be reached")
	}
	first.Button("Really").Click()
	p.Dialog("Last warning").Wait()
	if first.Visible() || p.Button("Keep running").Visible() {
		t.Error("the dialog behind the dialog can be reached")
	}
	p.Press("Escape")
	p.Dialog("Last warning").WaitGone()
	p.WaitFocus("button", "Really")
	p.Press("Escape")
	p.WaitFocus("button", "Cancel sync")
	first.WaitGone()
}

// TestWhatCannotBeDoneFailsWithASentence, which also says what the page shows instead.
func TestWhatCannotBeDoneFailsWithASentence(t *testing.T) {
	t.Parallel()
	Require(t)
	for name, c := range map[string]struct {
		do   func(p *Page)
		want []string
	}{
		"nothing of that name": {func(p *Page) { p.Button("Stop sync").Click() },
			[]string{`clicking button "Stop sync"`, `there is no button "Stop sync"`, `button "Start sync"`, `link "History"`, "text: Catalog Name"}},
		"disabled":          {func(p *Page) { p.Button("Resume").Click() }, []string{"it is disabled"}},
		"by part of a name": {func(p *Page) { p.Button("Start").Click() }, []string{"there is no"}},
		"several":           {func(p *Page) { p.Find("label").Click() }, []string{"there are 7 of element label"}},
		"read-only":         {func(p *Page) { p.Field("Fixed").Fill("y") }, []string{"it cannot be changed"}},
		"no such option":    {func(p *Page) { p.Field("Peer").Choose("Branch 3") }, []string{`it offers "Branch 1", "Branch 2"`}},
		"no such place":     {func(p *Page) { p.Dialog("Sure?").Button("Yes").Click() }, []string{`button "Yes" in dialog "Sure?"`, `there is no dialog "Sure?"`}},
		"no such text":      {func(p *Page) { p.WaitText("Completed") }, []string{`waiting for the text "Completed"`, "does not show it"}},
		"text that stays":   {func(p *Page) { p.WaitNoText("Catalog") }, []string{"still shows it"}},
		"other text":        {func(p *Page) { p.Role("heading", "Catalog").WaitText("Peers") }, []string{`it shows "Catalog"`}},
		"not gone":          {func(p *Page) { p.Role("heading", "Catalog").WaitGone() }, []string{"there are still 1"}},
		"not so":            {func(p *Page) { p.WaitFor("the moon", "1 > 2") }, []string{"waiting for the moon", "1 > 2"}},
		"a mistake":         {func(p *Page) { p.WaitFor("a mistake", "nowhere.at.all") }, []string{"nowhere is not defined"}},
		"a bad selector":    {func(p *Page) { p.Find("[[").Click() }, []string{"not a valid selector"}},
		"another type":      {func(p *Page) { Eval[int](p, "'text'") }, []string{"'text'"}},
		"no such key":       {func(p *Page) { p.Press("Esc") }, []string{`there is no key "Esc"`}},
		"another focus":     {func(p *Page) { p.Press("Tab"); p.WaitFocus("button", "Resume") }, []string{`it is on the textbox "Name"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantOne(t, recorded(t, func(t testing.TB) { c.do(impatient(visit(t, form, ""))) }), c.want...)
		})
	}
}

// TestNothingIsClickedThatCannotBeHit: first something covers it, and then it moves.
func TestNothingIsClickedThatCannotBeHit(t *testing.T) {
	t.Parallel()
	Require(t)
	body := `<button id="under">Under</button><div id="veil">Wait</div><output role="status"></output>`
	veiled := `
		const veil = document.getElementById("veil"), under = document.getElementById("under");
		Object.assign(veil.style, {position: "fixed", inset: "0", background: "white"});
		under.addEventListener("click", () => { document.querySelector("output").textContent = "clicked"; });`
	wantOne(t, recorded(t, func(t testing.TB) { impatient(visit(t, body, veiled)).Button("Under").Click() }), `it is covered by <div id="veil"`)
	p := visit(t, body, veiled+`
		document.addEventListener("lift", () => {
			veil.remove();
			under.animate([{transform: "translateX(0)"}, {transform: "translateX(500px)"}], {duration: 300, fill: "forwards"});
		});`)
	Eval[bool](p, `document.dispatchEvent(new Event("lift"))`)
	p.Button("Under").Click()
	p.WaitText("clicked")
}

// TestWhatMovesAwayIsClickedWhereItIsThen: another button moves under the mouse before the click, and must not be clicked.
func TestWhatMovesAwayIsClickedWhereItIsThen(t *testing.T) {
	t.Parallel()
	p := visit(t, `<p id="more" hidden>One line more</p><p><button>Above</button></p><p><button>Below</button></p><output></output>`, `
		const out = document.querySelector("output"), more = document.getElementById("more");
		document.querySelectorAll("button")[1].addEventListener("mouseenter", (e) => {
			const before = e.target.getBoundingClientRect().top;
			more.hidden = false;
			more.style.height = before - document.querySelector("button").getBoundingClientRect().top + "px";
		}, { once: true });
		for (const type of ["mousedown", "click"]) document.addEventListener(type, (e) => { out.textContent += e.target.textContent + " " });`)
	p.Button("Below").Click()
	if clicked := p.Find("output").Text(); clicked != "Below Below" {
		t.Errorf("clicked: %s", clicked)
	}
}

func TestPagesAreDifferentPeople(t *testing.T) {
	t.Parallel()
	at := site(t, form, "")
	alice, bob := Open(t, at+"/", Options{}), Open(t, at+"/", Options{})
	Eval[bool](alice, `sessionStorage.token = localStorage.token = document.cookie = "token=alice", true`)
	if left := Eval[string](bob, `(sessionStorage.token ?? "") + (localStorage.token ?? "") + document.cookie`); left != "" {
		t.Errorf("the other page knows %q", left)
	}
	alice.Reload()
	if left := Eval[string](alice, "localStorage.token + document.cookie"); left != "token=alicetoken=alice" {
		t.Errorf("the same page knows %q after loading it again", left)
	}
	for _, p := range []*Page{alice, bob, alice} {
		if !Eval[bool](p, "document.hasFocus() && document.visibilityState === 'visible'") {
			t.Error("a page is not in front")
		}
		p.Field("Name").Focus()
		p.Type("+")
	}
	if alice.Field("Name").Value() != "++old" || bob.Field("Name").Value() != "+old" {
		t.Errorf("they hold %q and %q", alice.Field("Name").Value(), bob.Field("Name").Value())
	}
	Eval[bool](alice, `navigator.clipboard.writeText("5245ddc7").then(() => true)`)
	if got := alice.Clipboard(); got != "5245ddc7" {
		t.Errorf("the clipboard holds %q", got)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	at := site(t, "", "")
	state := `[innerWidth, innerHeight, devicePixelRatio, matchMedia("(prefers-color-scheme: dark)").matches, matchMedia("(prefers-reduced-motion: reduce)").matches].join()`
	for want, o := range map[string]Options{
		"1280,800,1,false,false": {},
		"320,640,2,true,true":    {Width: 320, Height: 640, Scale: 2, Dark: true, ReducedMotion: true},
	} {
		p := Open(t, at+"/", o)
		if got := Eval[string](p, state); got != want {
			t.Errorf("%+v: %s, want %s", o, got, want)
		}
		p.Go("/else/where")
		if got := Eval[string](p, state+" + location.pathname"); got != want+"/else/where" {
			t.Errorf("%+v, after going elsewhere: %s", o, got)
		}
		p.Resize(500, 400)
		if got := Eval[string](p, "innerWidth + ',' + innerHeight"); got != "500,400" {
			t.Errorf("resized: %s", got)
		}
	}
}

func TestASlowNetwork(t *testing.T) {
	t.Parallel()
	p := visit(t, "", "")
	p.Slow(120*time.Millisecond, 1_000_000)
	const took = `(async () => { const begun = performance.now(); await fetch("/icon", {cache: "no-store"}); return performance.now() - begun; })()`
	if ms := Eval[float64](p, took); ms < 100 {
		t.Errorf("an answer came after %.0f ms", ms)
	}
}

func TestScreenshots(t *testing.T) {
	t.Parallel()
	p := Open(t, site(t, `<hr>`, `document.querySelector("hr").style.cssText = "width: 100px; height: 50px; margin-top: 3000px; border: none"`)+"/",
		Options{Width: 400, Height: 300, Scale: 2})
	p.WaitFor("the script", "document.documentElement.dataset.ready")
	dir := t.TempDir()
	p.Screenshot(filepath.Join(dir, "new", "page.png"))
	p.Find("hr").Screenshot(filepath.Join(dir, "line.png"))
	for file, want := range map[string][2]int{"new/page.png": {800, 600}, "line.png": {200, 100}} {
		content, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		picture, err := png.Decode(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if size := picture.Bounds().Size(); size.X != want[0] || size.Y != want[1] {
			t.Errorf("%s is %v, want %v", file, size, want)
		}
	}
}
