//go:build !linux && !darwin

package store

// FreeBytes cannot be found out on this system.
func FreeBytes(string) (free int64, ok bool) { return 0, false }
