package console_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestNothingIsUnused finds what nothing needs any more: exports, and classes, data attributes, ids and variables of the style
// sheet. Unused modules are found by [TestEveryImportIsThere], and unused texts in internal/frontendtest.
func TestNothingIsUnused(t *testing.T) {
	t.Parallel()
	modules := readAll(t, "page/*.js")
	for name, text := range readAll(t, "page/texts/*.js") {
		modules["texts/"+name] = text
	}
	if found := unused(modules, readAll(t, "page/index.html"), readAll(t, "page/style.css"), readAll(t, "*_test.go")); len(found) > 0 {
		t.Errorf("nothing uses\n%s", strings.Join(found, "\n"))
	}
}

// TestUnusedThingsAreFound shows the check a page that has one of each.
func TestUnusedThingsAreFound(t *testing.T) {
	t.Parallel()
	modules := map[string]string{
		"one.js": "export function idle() {}\nexport const busy = 1;\nexport async function late() {}\n" +
			"make(\"p\", { className: \"seen bare\" });\nrow.dataset.lost = \"1\";\nrow.dataset.state = \"1\";\n",
		"two.js": "import { busy as b } from \"./one.js\";\n(await import(\"./one.js\")).late();\nbyId(\"wanted\");\n",
	}
	index := map[string]string{"index.html": `<p id="wanted" class="seen"></p><p id="stray" data-gone="1"></p>`}
	style := map[string]string{"style.css": ":root { --s1: 1px; --s2: 2px; }\n.seen { margin: var(--s1) .5em; }\n.empty { color: red; }\n[data-state=\"1\"], [data-never] { color: red; }\n"}
	want := []string{
		"one.js: export idle", "page: attribute data-gone", "page: attribute data-lost", "page: class bare", "page: id stray",
		"style.css: attribute data-never", "style.css: class empty", "style.css: variable --s2",
	}
	if found := unused(modules, index, style, nil); !slices.Equal(found, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(found, "\n"), strings.Join(want, "\n"))
	}
}

// readAll returns the files that fit a pattern, by their base names.
func readAll(t *testing.T, pattern string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %v", pattern, err)
	}
	files := map[string]string{}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = string(content)
	}
	return files
}

var (
	exported    = regexp.MustCompile(`(?m)^export (?:async )?(?:function|const|let|class) (\w+)`)
	importLists = regexp.MustCompile(`import \{([^}]*)\} from "\.{1,2}/((?:texts/)?\w+\.js)"`)
	importLater = regexp.MustCompile(`\(await import\("\./(\w+\.js)"\)\)\.(\w+)`)
	literal     = regexp.MustCompile("\"[^\"\n]*\"|`[^`]*`")
	word        = regexp.MustCompile(`[.#]?[\w-]+`)
	classGiven  = regexp.MustCompile("className(?::| =) [\"`]([^\"`$]*)|classList\\.add\\(\"([^\"]*)| class=\"([^\"]*)")
	classRule   = regexp.MustCompile(`\.([a-z][\w-]*)`)
	declaration = regexp.MustCompile(`\{[^{}]*\}`)
	dataSet     = regexp.MustCompile(`dataset\.(\w+) = |[ "](data-[a-z-]+)="`)
	dataRead    = regexp.MustCompile(`dataset\.(\w+)(?: [^=]| ==|[^\w ])`)
	dataChosen  = regexp.MustCompile(`\[(data-[a-z-]+)|attr\((data-[a-z-]+)\)`)
	htmlID      = regexp.MustCompile(` id="([^"]+)"`)
	htmlIDs     = regexp.MustCompile(` (?:aria-labelledby|aria-describedby|list|for|href)="#?([^"]+)"`)
	variable    = regexp.MustCompile(`(--[a-z0-9-]+):`)
	capital     = regexp.MustCompile(`[A-Z]`)
)

// unused returns what is unused, in order.
func unused(modules, index, style, tests map[string]string) (found []string) {
	all := func(files map[string]string) string { return strings.Join(slices.Collect(maps.Values(files)), "\n") }
	scripts, html, css := all(modules), all(index), all(style)
	report := func(what string, names map[string]bool, needed func(name string) bool) {
		for name := range names {
			if !needed(name) {
				found = append(found, what+" "+name)
			}
		}
	}

	imported := map[string]bool{}
	for _, m := range importLists.FindAllStringSubmatch(scripts, -1) {
		for name := range strings.SplitSeq(m[1], ",") {
			name, _, _ = strings.Cut(strings.TrimSpace(name), " as ")
			imported[m[2]+" "+name] = true
		}
	}
	for _, m := range importLater.FindAllStringSubmatch(scripts, -1) {
		imported[m[1]+" "+m[2]] = true
	}
	for file, text := range modules {
		report(file+": export", matches(exported, text), func(name string) bool { return file == "main.js" || imported[file+" "+name] })
	}

	// What scripts and tests say in quotes may be a class, an id or a selector.
	quoted := strings.Join(literal.FindAllString(scripts+all(tests), -1), "\n")
	said := matches(word, quoted)
	given, rules := matches(classGiven, scripts+html), matches(classRule, declaration.ReplaceAllString(css, " "))
	report("page: class", given, func(name string) bool { return rules[name] || said["."+name] })
	report("style.css: class", rules, func(name string) bool { return given[name] || said[name] })
	set, read, chosen := matches(dataSet, scripts+html), matches(dataRead, scripts), matches(dataChosen, css+quoted)
	report("page: attribute", set, func(name string) bool { return chosen[name] || read[name] })
	report("style.css: attribute", matches(dataChosen, css), func(name string) bool { return set[name] })
	refers, rule := matches(htmlIDs, html), matches(word, css)
	report("page: id", matches(htmlID, html), func(id string) bool {
		_, part, _ := strings.Cut(id, "-")
		return refers[id] || rule["#"+id] || said[id] || said["#"+id] || said["-"+part] // as in `${name}-title`
	})
	report("style.css: variable", matches(variable, css), func(name string) bool { return strings.Contains(css, "var("+name+")") })
	slices.Sort(found)
	return found
}

// matches returns what the groups of a pattern find, or the whole pattern if it has none. It writes the name of a data attribute as
// HTML does.
func matches(pattern *regexp.Regexp, text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		for name := range strings.FieldsSeq(strings.Join(m[min(1, len(m)-1):], " ")) {
			if (pattern == dataSet || pattern == dataRead) && !strings.HasPrefix(name, "data-") {
				name = "data-" + strings.ToLower(capital.ReplaceAllString(name, "-$0"))
			}
			all[name] = true
		}
	}
	return all
}
