package catalog

import "fullsync/internal/fault"

// Default is the catalog to use when none is named.
const Default = "main"

// maxCatalogBytes is the longest catalog name, in bytes.
const maxCatalogBytes = 63

// CheckName returns an Invalid [fault.Error] unless name is a valid catalog name: 1 to 63 ASCII letters, digits, dots,
// underscores and hyphens, the first a letter or digit.
func CheckName(name string) error {
	ok := name != "" && len(name) <= maxCatalogBytes && isAlphanumeric(name[0])
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = isAlphanumeric(c) || c == '.' || c == '_' || c == '-'
	}
	if ok {
		return nil
	}
	const problem = "must be 1 to 63 letters, digits, dots, underscores and hyphens, and begin with a letter or digit"
	return fault.New(fault.Invalid, "INVALID_CATALOG", "Invalid request", "The catalog's name "+problem+".").
		With("catalog", problem)
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
