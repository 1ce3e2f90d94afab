package browsertest

import (
	"context"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// place is where an element can be clicked, or why it cannot be.
type place struct {
	Missing string
	X, Y    float64
}

// findPlace is the function that finds the place: the middle of the element's first line, scrolled into view and not
// covered by anything.
const findPlace = `function() {
	if (!this.isConnected) return {missing: "it has just been removed"};
	if (this.matches(":disabled") || this.closest("[aria-disabled=true]")) return {missing: "it is disabled"};
	if (!this.checkVisibility({visibilityProperty: true})) return {missing: "it is not visible"};
	const inView = r => r.top >= 0 && r.left >= 0 && r.bottom <= innerHeight && r.right <= innerWidth;
	if (!inView(this.getBoundingClientRect())) this.scrollIntoView({block: "center", inline: "nearest", behavior: "instant"});
	const line = this.getClientRects()[0];
	if (!line || !line.width || !line.height) return {missing: "it has no size"};
	const x = line.left + line.width / 2, y = line.top + line.height / 2;
	const top = document.elementFromPoint(x, y);
	if (!top) return {missing: "it is outside the window"};
	if (!this.contains(top) && top.closest("label")?.control !== this)
		return {missing: "it is covered by " + top.cloneNode().outerHTML};
	return {x, y};
}`

// guard is the function that lets a click through only to the element. The page may move after we have looked where the element
// is, and the click must not hit whatever is there by then.
const guard = `function() {
	const types = ["pointerdown", "mousedown", "pointerup", "mouseup", "click"];
	const state = window.browsertestGuard = {missed: false, end() { for (const t of types) window.removeEventListener(t, check, true) }};
	const check = event => {
		if (!event.isTrusted || this.contains(event.target) || event.target.closest?.("label")?.control === this) return;
		state.missed = true;
		event.preventDefault();
		event.stopImmediatePropagation();
	};
	for (const t of types) window.addEventListener(t, check, true);
}`

// unguard is the expression that ends the guard and says whether the click missed. A click that led to another page has hit.
const unguard = `(() => {
	const state = window.browsertestGuard;
	delete window.browsertestGuard;
	state?.end();
	return state?.missed ?? false;
})()`

// fillIn is the function that makes typed text replace what a field holds.
const fillIn = `function() {
	if (this.matches(":disabled, :read-only")) return "it cannot be changed";
	this.focus();
	this.select?.();
	return document.activeElement === this ? "" : "it does not take the focus";
}`

// choose is the function that chooses an option by its text, like the list that opens outside the page.
const choose = `function(text) {
	if (this.matches(":disabled")) return "it is disabled";
	const has = [...(this.options ?? [])];
	const option = has.find(o => !o.disabled && o.text === text);
	if (!option) return "it offers " + has.map(o => JSON.stringify(o.text)).join(", ");
	if (!option.selected) {
		this.focus();
		option.selected = true;
		this.dispatchEvent(new Event("input", {bubbles: true}));
		this.dispatchEvent(new Event("change", {bubbles: true}));
	}
	return "";
}`

// Click clicks it with the mouse once it is visible, enabled, standing still and not covered by anything.
func (e *Element) Click() {
	e.page.t.Helper()
	var last place
	e.use("clicking", func(ctx context.Context, tab *chromedp.Target, it runtime.RemoteObjectID) (string, error) {
		now, err := on[place](ctx, tab, it, findPlace)
		if err != nil || now.Missing != "" {
			last = place{}
			return now.Missing, err
		}
		if before := last; now != before {
			last = now
			return "it is still moving", nil
		}
		if _, err := on[chromedp.Void](ctx, tab, it, guard); err != nil {
			return "", err
		}
		if _, err := chromedp.MouseEvent(chromedp.MouseMoved, now.X, now.Y)(ctx, tab); err != nil {
			return "", err
		}
		if _, err := chromedp.MouseClickXY(now.X, now.Y)(ctx, tab); err != nil {
			return "", err
		}
		missed, err := chromedp.Evaluate[bool](unguard)(ctx, tab)
		if err != nil {
			missed = false // the click led to another page, which is loading
		}
		last = place{}
		return pick(missed, "it moved away from under the mouse", ""), nil
	})
}

// Fill replaces what a field holds by text, as pasting it would.
func (e *Element) Fill(text string) {
	e.page.t.Helper()
	e.use("filling", func(ctx context.Context, tab *chromedp.Target, it runtime.RemoteObjectID) (string, error) {
		if missing, err := on[string](ctx, tab, it, fillIn); missing != "" || err != nil {
			return missing, err
		}
		if text == "" {
			if _, err := chromedp.KeyEvent(kb.Delete)(ctx, tab); err != nil {
				return "", err
			}
		} else if _, err := cdp.Call(ctx, tab, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
			return "", err
		}
		holds, err := on[string](ctx, tab, it, "function() { return this.value ?? this.innerText }")
		return pick(holds == text, "", fmt.Sprintf("it holds %q after %q was typed", holds, text)), err
	})
}

// Choose chooses the option with this text from a list.
func (e *Element) Choose(option string) {
	e.page.t.Helper()
	e.use(fmt.Sprintf("choosing %q from", option), func(ctx context.Context, tab *chromedp.Target, it runtime.RemoteObjectID) (string, error) {
		return on[string](ctx, tab, it, choose, option)
	})
}

// Tick clicks a checkbox or radio button unless it already is in the wanted state.
func (e *Element) Tick(wanted bool) {
	e.page.t.Helper()
	var is bool
	e.use("looking at", func(ctx context.Context, tab *chromedp.Target, it runtime.RemoteObjectID) (_ string, err error) {
		is, err = on[bool](ctx, tab, it, "function() { return this.checked ?? this.ariaChecked === 'true' }")
		return "", err
	})
	if is != wanted {
		e.Click()
	}
}

// Focus gives it the focus.
func (e *Element) Focus() {
	e.page.t.Helper()
	e.use("focusing", func(ctx context.Context, tab *chromedp.Target, it runtime.RemoteObjectID) (string, error) {
		has, err := on[bool](ctx, tab, it, "function() { this.focus(); return document.activeElement === this }")
		return pick(has, "", "it does not take the focus"), err
	})
}

// Press presses keys one after the other, wherever the focus is: "Tab", "Enter", "Escape", "Space", "ArrowDown", single
// characters. The modifiers Shift, Control, Alt and Meta come before a key, as in "Shift+Tab".
func (p *Page) Press(keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		code, modifiers, err := parseKey(key)
		if err != nil {
			p.t.Fatal(err)
		}
		p.act("pressing "+key, chromedp.KeyEvent(code, chromedp.KeyModifiers(modifiers...)))
	}
}

// Type types text wherever the focus is, key by key.
func (p *Page) Type(text string) {
	p.t.Helper()
	p.act(fmt.Sprintf("typing %q", text), chromedp.KeyEvent(text))
}

// parseKey returns the code of a key and the modifiers to hold down with it.
func parseKey(key string) (code string, modifiers []chromedp.Modifier, err error) {
	held := map[string]chromedp.Modifier{
		"Shift": chromedp.ModifierShift, "Control": chromedp.ModifierCtrl, "Alt": chromedp.ModifierAlt, "Meta": chromedp.ModifierMeta,
	}
	named := map[string]string{
		"Tab": kb.Tab, "Enter": kb.Enter, "Escape": kb.Escape, "Space": " ", "Backspace": kb.Backspace, "Delete": kb.Delete,
		"ArrowDown": kb.ArrowDown, "ArrowUp": kb.ArrowUp, "ArrowLeft": kb.ArrowLeft, "ArrowRight": kb.ArrowRight,
		"Home": kb.Home, "End": kb.End, "PageUp": kb.PageUp, "PageDown": kb.PageDown,
	}
	last := key
	for {
		before, after, more := strings.Cut(last, "+")
		modifier, known := held[before]
		if !more || !known {
			break
		}
		modifiers, last = append(modifiers, modifier), after
	}
	if code, ok := named[last]; ok {
		return code, modifiers, nil
	}
	if len([]rune(last)) == 1 {
		return last, modifiers, nil
	}
	return "", nil, fmt.Errorf("there is no key %q", key)
}
