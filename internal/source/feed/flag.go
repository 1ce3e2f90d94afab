package feed

import "strings"

// flag reads whether a product is active in the words that shop systems and people use.
func flag(text string) (active, ok bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "1", "yes", "y", "ja", "j", "oui", "si", "sí", "on", "wahr", "vrai", "active", "aktiv", "actif", "activo",
		"published", "publish", "enabled", "online", "unlisted":
		return true, true
	case "false", "0", "-1", "no", "n", "nein", "non", "off", "falsch", "faux", "inactive", "inaktiv", "draft", "archived", "unpublished",
		"disabled", "offline", "pending", "private", "proposed", "rejected", "future", "trash":
		return false, true
	}
	return false, false
}
