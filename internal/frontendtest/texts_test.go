package frontendtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAllTextsAreInOnePlace: what the admin page says to a person is in internal/console/page/texts, and all of that is used.
func TestAllTextsAreInOnePlace(t *testing.T) {
	t.Parallel()
	p := newCheckOfTexts(t)
	page, err := filepath.Abs(filepath.Join(root, "internal", "console", "page"))
	if err != nil {
		t.Fatal(err)
	}
	if said := p.textsOutOfPlace(t, page); said != "" {
		t.Errorf("put these into internal/console/page/texts, or remove what nothing uses:\n%s", said)
	}
}

// TestTextsOutOfPlaceAreFound shows the check a page that hides texts in every way it knows.
func TestTextsOutOfPlaceAreFound(t *testing.T) {
	t.Parallel()
	p := newCheckOfTexts(t)
	page := t.TempDir()
	p.write(t, filepath.Join(page, "index.html"), "<noscript>No script</noscript><p>Hello</p><input placeholder=\"a name\"><b>{shown}</b>")
	p.write(t, filepath.Join(page, "texts", "common.js"), "export const texts = {\n  shown: \"Shown\",\n  idle: \"Idle\",\n  count: 1,\n};\n")
	p.write(t, filepath.Join(page, "one.js"), `import { texts } from "./texts/common.js";
make("p", { className: "a b" }, "Some words", texts.count, byId("two words"));
say("success", `+"`${who} is here`"+`);
button.textContent = on ? "Switch on" : texts.shown;
facts.show({ Started: time, Accept: "text/plain", "If-Match": tag });
call("GET", "/api/some thing");
`)
	want := `one.js:2: Some words
one.js:3: {} is here
one.js:4: Switch on
one.js:5: Started
index.html: Hello
index.html: a name
texts/common.js: nothing uses idle`
	if said := p.textsOutOfPlace(t, page); said != want {
		t.Errorf("found\n%s\nwant\n%s", said, want)
	}
}

// newCheckOfTexts sets up a directory in which the check finds TypeScript, whose parser it uses.
func newCheckOfTexts(t *testing.T) project {
	t.Helper()
	p := project{tools: findTools(t), dir: t.TempDir()}
	if err := os.Symlink(p.modules, filepath.Join(p.dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return p
}

// textsOutOfPlace returns what testdata/texts.mjs finds in a page.
func (p project) textsOutOfPlace(t *testing.T, page string) string {
	t.Helper()
	script, err := filepath.Abs(filepath.Join("testdata", "texts.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.command(t, script, page).CombinedOutput()
	if err != nil {
		t.Fatalf("looking for texts: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}
