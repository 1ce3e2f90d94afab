package feed_test

import (
	"fmt"
	"strings"
	"testing"

	"fullsync/internal/source/feed"
)

// priced returns what becomes of a price in a table: the price, with its currency if it has one, or the reason of the refusal.
func priced(t *testing.T, price string, opt feed.Options) string {
	t.Helper()
	got, _ := outcome(t, fmt.Appendf(nil, "id\tname\tprice\na\ta\t%s\n", price), opt)
	text := got[len(got)-1]
	if reason, refused := strings.CutPrefix(text, "line 2 refused: "); refused {
		return reason
	}
	_, text, _ = strings.Cut(text, `"name":"a","price":"`)
	price, text, _ = strings.Cut(text, `"`)
	if currency, found := strings.CutPrefix(text, `,"currency":"`); found {
		price += " " + currency[:3]
	}
	return price
}

func TestPrices(t *testing.T) {
	t.Parallel()
	twice := func(price, one, other string) string {
		return fmt.Sprintf(`price "%s" may be %s or %s: say which with --decimal , or --decimal .`, price, one, other)
	}
	for price, want := range map[string]string{
		"12": "12", "12.50": "12.50", "12,50": "12.50", "0.5": "0.5", ".50": "0.50", "-3,20": "-3.20", "1234.567": "1234.567", "0.355": "0.355",
		"12.3456": "12.3456", "1,5": "1.5",
		"1.355,90": "1355.90", "1,355.90": "1355.90", "1.234.567,89": "1234567.89", "1.234.567": "1234567", "1 355,90": "1355.90",
		"1\u00a0355,90": "1355.90", "1\u202f355": "1355", "1'355.90": "1355.90", "1’355": "1355", "1 355.125": "1355.125",
		"€ 12,50": "12.50 EUR", "12.50 EUR": "12.50 EUR", "USD 9.99": "9.99 USD", "12,50€": "12.50 EUR", "£5": "5 GBP",
		"1.25e1": "12.5", "1E+3": "1000", "12,5E-1": "1.25", "1e-3": "0.001", "0e5": "0",
		"1.355": twice("1.355", "1355", "1.355"), "1,355": twice("1,355", "1355", "1.355"), "-12.500": twice("-12.500", "12500", "12.500"),
		"999,999": twice("999,999", "999999", "999.999"),
		"abc":     `price must be a number such as 12.50, not "abc"`, "1.2.3": `price must be a number such as 12.50, not "1.2.3"`,
		"1,35,90": `price must be a number such as 12.50, not "1,35,90"`, "12 50": `price must be a number such as 12.50, not "12 50"`,
		"12.-": "12", "12,–": "12", "1.355,--": "1355", "CHF 5.-": "5 CHF", "-3.-": "-3", "−3,50": "-3.50", "12 zł": "12 PLN", "US$ 1.50": "1.50 USD", "R$ 12,50": "12.50 BRL",
		"12 usd": "12 usd", "12.-.": `price must be a number such as 12.50, not "12.-."`, "12 pcs": `price must be a number such as 12.50, not "12 pcs"`,
		"12-": `price must be a number such as 12.50, not "12-"`, "zwölf": `price must be a number such as 12.50, not "zwölf"`,
		"$5": `price "$5" has a sign that several currencies have: say which it is, for example with --default currency=USD`, "1e999": `price must be a number such as 12.50, not "1e999"`,
		"5.": `price must be a number such as 12.50, not "5."`, "1.355,90.1": `price must be a number such as 12.50, not "1.355,90.1"`,
		"--5": `price must be a number such as 12.50, not "--5"`, "12.50 - 14.00": `price must be a number such as 12.50, not "12.50 - 14.00"`,
	} {
		if got := priced(t, price, feed.Options{}); got != want {
			t.Errorf("%s: %s\nwant %s", price, got, want)
		}
	}
	for price, want := range map[string]string{
		"1.355": "1355", "12,50": "12.50", "1.355,90": "1355.90", "7": "7", "1,355": "1.355", "1 355,5": "1355.5",
		"12.50": `price "12.50" is not a number with the decimal separator ","`, "1,355.90": `price "1,355.90" is not a number with the decimal separator ","`,
	} {
		if got := priced(t, price, feed.Options{Decimal: ","}); got != want {
			t.Errorf("%s with a comma: %s\nwant %s", price, got, want)
		}
	}
	for price, want := range map[string]string{"1.355": "1.355", "1,355": "1355", "1,355.90": "1355.90", "12,50": `price "12,50" is not a number with the decimal separator "."`} {
		if got := priced(t, price, feed.Options{Decimal: "."}); got != want {
			t.Errorf("%s with a point: %s\nwant %s", price, got, want)
		}
	}
	for price, want := range map[string]string{
		"1250": "12.50 EUR", "5": "0.05 EUR", "-5": "-0.05 EUR", "12.50": `price must be a whole number of the currency's smallest unit, not "12.50"`,
	} {
		if got := priced(t, price, feed.Options{Unit: feed.Minor, Default: map[string]string{"currency": "EUR"}}); got != want {
			t.Errorf("%s cents: %s\nwant %s", price, got, want)
		}
	}
	if got := priced(t, "$ 1,234.50", feed.Options{Default: map[string]string{"currency": "CAD"}}); got != "1234.50 CAD" {
		t.Errorf("Canadian dollars: %s", got)
	}
	if got := priced(t, "1250", feed.Options{Unit: feed.Minor, Default: map[string]string{"currency": "JPY"}}); got != "1250 JPY" {
		t.Errorf("yen: %s", got)
	}
	if got := priced(t, "1250", feed.Options{Unit: feed.Minor}); !strings.Contains(got, "--default currency=EUR") {
		t.Errorf("cents of no currency: %s", got)
	}
}

// A number of JSON has a decimal point. Text may mean anything, except where the format says what.
func TestPricesInJSON(t *testing.T) {
	t.Parallel()
	const refusal = `line 1 refused: price "1.355" may be 1355 or 1.355: say which with --decimal , or --decimal .`
	wants(t, []byte(`[{"id":"a","name":"a","price":1.355}]`), feed.Options{}, `{"id":"a","name":"a","price":"1.355","active":true,"attributes":{}}`)
	wants(t, []byte(`[{"id":"a","name":"a","price":1.355}]`), feed.Options{Decimal: ","}, `{"id":"a","name":"a","price":"1.355","active":true,"attributes":{}}`)
	wants(t, []byte(`[{"id":"a","name":"a","price":1.25E+2}]`), feed.Options{}, `{"id":"a","name":"a","price":"125","active":true,"attributes":{}}`)
	wants(t, []byte(`[{"id":"a","name":"a","price":"1.355"}]`), feed.Options{}, refusal)
	wants(t, []byte(`{"id":"a","name":"a","price":"1.355"}`+"\n"), feed.Options{}, `{"id":"a","name":"a","price":"1.355","active":true,"attributes":{}}`)
	wants(t, []byte(`[{"id":"a","name":"a","price":"1.355","attributes":{}}]`), feed.Options{}, `{"id":"a","name":"a","price":"1.355","active":true,"attributes":{}}`)
	wants(t, []byte(`[{"id":"a","name":"a","price":12345678901234567890.12}]`), feed.Options{}, `{"id":"a","name":"a","price":"12345678901234567890.12","active":true,"attributes":{}}`)
}
