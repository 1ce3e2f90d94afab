package browsertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// objects names the group of the page's objects that a search holds, so that they can be released together.
const objects = "browsertest"

// finder finds things on a page, or in one element of it. Names are accessible names as a screen reader would say them;
// they must match completely, with spaces run together. Finding is lazy: it happens each time the element is used.
type finder struct {
	page   *Page
	within *Element
}

// Element is something on a page, described by how to find it. All its methods wait until there is exactly one such
// element, unless they say otherwise.
type Element struct {
	finder
	// outer is the element to look in, nil for the whole page.
	outer *Element
	// selector finds it by CSS if roles is empty.
	selector string
	// roles finds it by role, together with anyName or name.
	roles   []string
	name    string
	anyName bool
	// what describes it in messages.
	what string
}

// Role finds by role ("row", "heading", "progressbar", …) and accessible name.
func (f finder) Role(role, name string) *Element {
	return f.element(Element{roles: []string{role}, name: name, what: fmt.Sprintf("%s %q", role, name)})
}

// AnyOfRole finds by role alone.
func (f finder) AnyOfRole(role string) *Element {
	return f.element(Element{roles: []string{role}, anyName: true, what: role})
}

// Button finds a button.
func (f finder) Button(name string) *Element { return f.Role("button", name) }

// Link finds a link.
func (f finder) Link(name string) *Element { return f.Role("link", name) }

// Dialog finds an open dialog by its accessible name. If several modal ones are open, only the topmost can be found.
func (f finder) Dialog(name string) *Element {
	return f.element(Element{roles: []string{"dialog", "alertdialog"}, name: name, what: fmt.Sprintf("dialog %q", name)})
}

// Field finds something to fill in, choose from or tick, by its label.
func (f finder) Field(label string) *Element {
	return f.element(Element{
		roles: []string{"textbox", "searchbox", "spinbutton", "combobox", "listbox", "checkbox", "radio", "switch", "slider"},
		name:  label,
		what:  fmt.Sprintf("field %q", label),
	})
}

// Find finds by CSS selector, for things that have neither role nor name.
func (f finder) Find(selector string) *Element {
	return f.element(Element{selector: selector, what: "element " + selector})
}

// element completes e as something to find here.
func (f finder) element(e Element) *Element {
	made := &e
	made.outer = f.within
	made.finder = finder{page: f.page, within: made}
	return made
}

// String says what it is and where.
func (e *Element) String() string {
	if e.outer == nil {
		return e.what
	}
	return e.what + " in " + e.outer.String()
}

// all returns the elements that match right now, without waiting. The missing sentence says why there is nothing to look
// in.
func (e *Element) all(ctx context.Context, tab *chromedp.Target) (found []runtime.RemoteObjectID, missing string, err error) {
	var root runtime.RemoteObjectID
	if e.outer == nil {
		document, err := evaluate(ctx, tab, "document")
		if err != nil {
			return nil, "", err
		}
		root = document.ObjectID
	} else if root, missing, err = e.outer.one(ctx, tab); missing != "" || err != nil {
		return nil, missing, err
	}
	if e.roles == nil {
		found, err = e.bySelector(ctx, tab, root)
	} else {
		found, err = e.byRole(ctx, tab, root)
	}
	return found, "", err
}

// one returns the element if exactly one matches, and otherwise a sentence that says what is missing.
func (e *Element) one(ctx context.Context, tab *chromedp.Target) (found runtime.RemoteObjectID, missing string, err error) {
	all, missing, err := e.all(ctx, tab)
	switch {
	case missing != "" || err != nil:
		return "", missing, err
	case len(all) == 0:
		return "", fmt.Sprintf("there is no %s", e), nil
	case len(all) > 1:
		return "", fmt.Sprintf("there are %d of %s, and it is not clear which is meant", len(all), e), nil
	}
	return all[0], "", nil
}

// bySelector finds by CSS.
func (e *Element) bySelector(ctx context.Context, tab *chromedp.Target, root runtime.RemoteObjectID) ([]runtime.RemoteObjectID, error) {
	list, err := cdp.Call(ctx, tab, runtime.CallFunctionOn, runtime.CallFunctionOnParams{
		FunctionDeclaration: "function(selector) { return [...this.querySelectorAll(selector)] }",
		ObjectID:            root,
		Arguments:           []*runtime.CallArgument{{Value: quoted(e.selector)}},
		ObjectGroup:         objects,
	})
	if err != nil {
		return nil, err
	}
	if list.ExceptionDetails != nil {
		return nil, &chromedp.ExceptionError{ExceptionDetails: list.ExceptionDetails}
	}
	members, err := cdp.Call(ctx, tab, runtime.GetProperties, runtime.GetPropertiesParams{ObjectID: list.Result.ObjectID, OwnProperties: new(true)})
	if err != nil {
		return nil, err
	}
	var found []runtime.RemoteObjectID
	for _, m := range members.Result {
		if m.Enumerable && m.Value != nil && m.Value.ObjectID != "" {
			found = append(found, m.Value.ObjectID)
		}
	}
	return found, nil
}

// byRole finds by role and name, as assistive technology sees them: for it, things that are hidden, inert or behind a
// modal dialog do not exist.
func (e *Element) byRole(ctx context.Context, tab *chromedp.Target, root runtime.RemoteObjectID) ([]runtime.RemoteObjectID, error) {
	var found []runtime.RemoteObjectID
	ask := accessibility.QueryAXTreeParams{ObjectID: root}
	if !e.anyName {
		ask.AccessibleName = e.name
	}
	if len(e.roles) == 1 {
		ask.Role = e.roles[0]
	}
	nodes, err := seen(ctx, tab, ask)
	for _, n := range nodes {
		if !slices.Contains(e.roles, n.Role) || !e.anyName && n.Name != e.name {
			continue
		}
		object, err := cdp.Call(ctx, tab, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: n.id, ObjectGroup: objects})
		if err != nil {
			return nil, err
		}
		found = append(found, object.Object.ObjectID)
	}
	return found, err
}

// Described is what a screen reader says about something.
type Described struct {
	// Role and Name are its computed role and accessible name; both are empty for nothing at all.
	Role, Name string
	id         cdp.BackendNodeID
}

// String is for messages.
func (d Described) String() string {
	if d.Role == "" {
		return "nothing"
	}
	return fmt.Sprintf("%s %q", d.Role, d.Name)
}

// seen returns what assistive technology sees of what is asked for. Describing a whole page takes the browser 30 ms, so ask for less where that is known.
func seen(ctx context.Context, tab *chromedp.Target, ask accessibility.QueryAXTreeParams) ([]Described, error) {
	tree, err := cdp.Call(ctx, tab, accessibility.QueryAXTree, ask)
	if err != nil {
		return nil, err
	}
	var all []Described
	for _, n := range tree.Nodes {
		if !n.Ignored && n.BackendDOMNodeID != 0 {
			all = append(all, described(n))
		}
	}
	return all, nil
}

// described returns role and name of a node.
func described(n *accessibility.Node) Described {
	return Described{Role: text(n.Role), Name: strings.Join(strings.Fields(text(n.Name)), " "), id: n.BackendDOMNodeID}
}

// text returns a computed value as text, or "" if there is none.
func text(v *accessibility.Value) (s string) {
	if v != nil {
		_ = json.Unmarshal(v.Value, &s) // roles and names are text
	}
	return s
}

// quoted returns text as a JSON value.
func quoted(s string) []byte {
	value, err := json.Marshal(s)
	if err != nil {
		panic(err) // every string has one
	}
	return value
}

// evaluate returns the object that an expression yields.
func evaluate(ctx context.Context, tab *chromedp.Target, expression string) (*runtime.RemoteObject, error) {
	result, err := cdp.Call(ctx, tab, runtime.Evaluate, runtime.EvaluateParams{Expression: expression, ObjectGroup: objects})
	if err != nil {
		return nil, err
	}
	if result.ExceptionDetails != nil {
		return nil, &chromedp.ExceptionError{ExceptionDetails: result.ExceptionDetails}
	}
	if result.Result.ObjectID == "" {
		return nil, errors.New(expression + " is not an object")
	}
	return result.Result, nil
}

// on calls a JavaScript function with an object as this, and returns what it returns.
func on[T any](ctx context.Context, tab *chromedp.Target, object runtime.RemoteObjectID, function string, args ...any) (T, error) {
	return chromedp.CallFunctionOn[T](function, func(p *runtime.CallFunctionOnParams) { p.ObjectID = object }, args...)(ctx, tab)
}
