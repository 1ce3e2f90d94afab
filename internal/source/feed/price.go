package feed

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/currency"
)

// written is a price as it is written: as a decimal with a point, exactly, and the currency beside it. shared is one of the currencies that have the sign
// beside it, if several do.
type written struct{ price, currency, shared string }

// readPrice reads a price. decimal is the stated separator, or "". point says that a point alone is the decimal separator, because the format says so;
// without it, and if nothing was stated, what may mean two numbers is a problem.
func readPrice(text, decimal string, point bool) (w written, problem string) {
	var number, price string
	number, w.currency, w.shared = splitCurrency(strings.TrimSpace(text))
	number = strings.Replace(number, "\u2212", "-", 1) // the minus of typographers
	sign := ""
	if rest, found := strings.CutPrefix(number, "-"); found {
		sign, number = "-", rest
	}
	if whole, mark := withoutDash(number); mark != "" {
		number = whole
		if decimal == "" {
			decimal = mark
		}
	}
	switch mantissa, exponent, found := strings.Cut(strings.ToLower(number), "e"); {
	case found:
		price = scaled(strings.Replace(mantissa, ",", ".", 1), exponent)
	case point && decimal == "" && isPlain(number):
		price = number
	default:
		var two bool
		if price, two = separated(number, decimal); two {
			return w, fmt.Sprintf("price %s may be %s or %s: say which with --decimal , or --decimal .",
				quote(text), strings.NewReplacer(".", "", ",", "").Replace(number), strings.Replace(number, ",", ".", 1))
		}
	}
	switch {
	case price != "":
		w.price = sign + price
		return w, ""
	case decimal != "":
		return w, fmt.Sprintf("price %s is not a number with the decimal separator %s", quote(text), quote(decimal))
	}
	return w, "price must be a number such as 12.50, not " + quote(text)
}

// withoutDash takes off what stands for no cents, as in 12.- and 12,–, and returns the decimal separator before it; "" if there is none.
func withoutDash(number string) (whole, mark string) {
	whole = strings.TrimRight(number, "-–—")
	if last := len(whole) - 1; last > 0 && len(whole) < len(number) && (whole[last] == '.' || whole[last] == ',') {
		return whole[:last], whole[last:]
	}
	return number, ""
}

// sign is a sign or abbreviation of a currency. Its code is "" if several currencies have it.
type sign struct{ text, code, example string }

// signs returns those that are read. Of several that fit, the first one counts.
func signs() []sign {
	return []sign{
		{"US$", "USD", ""}, {"R$", "BRL", ""}, {"€", "EUR", ""}, {"£", "GBP", ""}, {"₹", "INR", ""}, {"₽", "RUB", ""}, {"₺", "TRY", ""}, {"₴", "UAH", ""},
		{"₪", "ILS", ""}, {"₩", "KRW", ""}, {"₫", "VND", ""}, {"zł", "PLN", ""}, {"Kč", "CZK", ""}, {"$", "", "USD"}, {"¥", "", "JPY"}, {"kr.", "", "SEK"}, {"kr", "", "SEK"},
		{"SFr.", "", "CHF"}, {"Fr.", "", "CHF"},
	}
}

// splitCurrency takes a currency off a number: three letters or a sign. shared is a currency that has the sign, if several have it.
func splitCurrency(text string) (number, currency, shared string) {
	if strings.Trim(text, "0123456789.,-") == "" {
		return text, "", "" // as nearly all are
	}
	for _, s := range signs() {
		before, isAfter := strings.CutSuffix(text, s.text)
		after, isBefore := strings.CutPrefix(text, s.text)
		switch {
		case isBefore:
			return strings.TrimSpace(after), s.code, s.example
		case isAfter:
			return strings.TrimSpace(before), s.code, s.example
		}
	}
	before := strings.TrimLeftFunc(text, unicode.IsLetter)
	after := strings.TrimRightFunc(text, unicode.IsLetter)
	switch {
	case isCurrency(text[:len(text)-len(before)]):
		return strings.TrimSpace(before), text[:3], ""
	case isCurrency(text[len(after):]):
		return strings.TrimSpace(after), text[len(after):], ""
	}
	return text, "", ""
}

// isCurrency reports whether text is the code of a currency: a known one, or three capitals, because there are newer ones.
func isCurrency(text string) bool {
	if len(text) != 3 || strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) {
		return false
	}
	_, err := currency.ParseISO(text)
	return err == nil || text == strings.ToUpper(text)
}

func isDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// isPlain reports whether text has digits and at most one point.
func isPlain(text string) bool {
	whole, fraction, found := strings.Cut(text, ".")
	return isDigits(whole) && (!found || isDigits(fraction))
}

// separated reads a number whose separators are not known, except for a stated decimal one. It returns "" if it is not a number, and two if it
// may be two of them.
func separated(number, decimal string) (price string, two bool) {
	// Spaces and apostrophes only ever separate thousands.
	compact := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \u00A0\u202F\u2009'’", r) {
			return '_'
		}
		return r
	}, number)
	last := strings.LastIndexAny(compact, ".,")
	if last < 0 {
		return grouped(compact, "_"), false
	}
	mark := compact[last : last+1]
	whole, fraction := compact[:last], compact[last+1:]
	other := strings.Trim(".,", mark)
	spaced := strings.Contains(compact, "_")
	switch {
	case decimal != "" && mark != decimal, strings.Contains(whole, mark):
		if strings.Contains(whole, other) || spaced {
			return "", false
		}
		return grouped(compact, mark), false // thousands only
	case !isDigits(fraction):
		return "", false
	case decimal == "" && !strings.Contains(whole, other) && !spaced && len(fraction) == 3 && len(whole) <= 3 && isDigits(whole) && whole[0] != '0':
		return "", true
	case strings.Contains(whole, other):
		whole = grouped(whole, other)
	default:
		whole = grouped(whole, "_")
	}
	if whole == "" {
		if last == 0 {
			whole = "0" // .50
		} else {
			return "", false
		}
	}
	return whole + "." + fraction, false
}

// grouped returns a whole number without the separator between its thousands; "" if it stands somewhere else.
func grouped(text, separator string) string {
	groups := strings.Split(text, separator)
	for i, group := range groups {
		if !isDigits(group) || i > 0 && len(group) != 3 || i == 0 && len(groups) > 1 && len(group) > 3 {
			return ""
		}
	}
	return strings.Join(groups, "")
}

// mostZeros bounds what an exponent may add.
const mostZeros = 30

// scaled moves the point of a decimal; "" if it is none.
func scaled(mantissa, exponent string) string {
	shift, err := strconv.Atoi(exponent)
	if err != nil || shift > mostZeros || shift < -mostZeros || !isPlain(mantissa) {
		return ""
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits, at := whole+fraction, len(whole)+shift
	if at <= 0 {
		digits, at = strings.Repeat("0", 1-at)+digits, 1
	}
	if at >= len(digits) {
		digits += strings.Repeat("0", at-len(digits))
	}
	whole, fraction = digits[:at], digits[at:]
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

// mostPlaces is how many decimal places the smallest unit of a currency has at most.
const mostPlaces = 8

// minorPrice returns a price that counts in the smallest unit of its currency, which has so many decimal places.
func minorPrice(text, currency string, places int) (price, problem string) {
	digits, sign := strings.TrimPrefix(text, "-"), text[:len(text)-len(strings.TrimPrefix(text, "-"))]
	switch {
	case !isDigits(digits):
		return "", "price must be a whole number of the currency's smallest unit, not " + quote(text)
	case currency == "":
		return "", "price " + quote(text) + " counts in the smallest unit of a currency that is not known: say which with --default currency=EUR"
	}
	if places == 0 {
		return text, ""
	}
	if short := places + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	at := len(digits) - places
	return sign + digits[:at] + "." + digits[at:], ""
}

// decimals returns how many decimal places the smallest unit of a currency has (ISO 4217).
func decimals(currency string) int {
	switch strings.ToUpper(currency) {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	}
	return 2
}
