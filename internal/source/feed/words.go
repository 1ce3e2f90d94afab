package feed

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"fullsync/internal/catalog"
)

// quoted is the most characters of the input that a sentence repeats.
const quoted = 40

// quote repeats part of the input in a sentence.
func quote(text string) string {
	if text == "\t" {
		return "tab"
	}
	short := catalog.Shown(text, quoted)
	if len(short) < len(text) && len([]rune(text)) > quoted {
		short += "…"
	}
	return `"` + short + `"`
}

// plain is a column's name without what people vary: case, spaces, punctuation and accents.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(" _-.:/()[]#'\"", r):
			return -1
		case unicode.Is(unicode.Mn, r):
			return -1 // the accent of the letter before it
		}
		return r
	}, norm.NFD.String(strings.ToLower(strings.TrimSpace(name))))
}

// likely has the names that columns of a field often have, in plain form and in order of likelihood. They are only ever proposed.
func likely(field string) []string {
	switch field {
	case fieldID:
		return []string{"id", "productid", "artikelnummer", "artikelnr", "artnr", "artikelid", "produktid", "itemid", "itemnumber", "articlenumber",
			"productcode", "code", "handle", "reference", "ref", "idproduit", "codigo", "nummer", "number", "listingid", "sku", "sellersku", "ean", "gtin"}
	case fieldSKU:
		return []string{"sku", "sellersku", "productnumber", "reference", "artikelnummer", "artnr", "itemnumber", "articlenumber", "model"}
	case fieldName:
		return []string{"name", "title", "bezeichnung", "titel", "artikelbezeichnung", "produktname", "artikelname", "productname", "producttitle", "itemname", "namedefault",
			"nom", "libelle", "designation", "nombre", "titulo", "nome", "naam", "omschrijving", "description", "beschreibung"}
	case fieldPrice:
		return []string{"price", "preis", "verkaufspreis", "bruttopreis", "vkpreis", "vk", "unitprice", "saleprice", "prix", "prixttc", "precio",
			"prezzo", "prijs", "regularprice", "regularerpreis", "normalpreis", "listenpreis", "grundpreis", "preisbrutto", "bruttoverkaufspreis",
			"preiseur", "priceeur", "precionormal", "tarifregulier", "prixregulier", "pricetaxincl", "pricedefaultgross"}
	case fieldCurrency:
		return []string{"currency", "currencycode", "waehrung", "wahrung", "devise", "moneda", "valuta"}
	default:
		return []string{"active", "aktiv", "published", "veroffentlicht", "publie", "publicado", "enabled", "status", "actif", "activo", "online", "sichtbar", "visible"}
	}
}
