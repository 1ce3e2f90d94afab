package browsertest

import "testing"

func TestHeard(t *testing.T) {
	t.Parallel()
	p := visit(t, `<progress aria-label="Pull" value="71" max="100"></progress><p role="alert">No</p><p role="status" class="s">Yes</p>
		<dialog aria-labelledby="q" aria-describedby="d"><h2 id="q">Really?</h2><p id="d">It stops.</p></dialog>`,
		`document.querySelector("dialog").showModal()`)
	dialog := p.Dialog("Really?").Heard()
	if !dialog.Modal || dialog.Description != "It stops." || dialog.Role != "dialog" {
		t.Errorf("the dialog: %#v", dialog)
	}
	p.Press("Escape")
	p.Dialog("Really?").WaitGone()
	if bar := p.Role("progressbar", "Pull").Heard(); bar.Value != "71" || bar.Modal || bar.Live != "" {
		t.Errorf("the bar: %#v", bar)
	}
	if alert, status := p.AnyOfRole("alert").Heard(), p.Find(".s").Heard(); alert.Live != "assertive" || status.Live != "polite" {
		t.Errorf("alert %#v, status %#v", alert, status)
	}
}
