//go:build !linux && !darwin

package store

// freeBytes cannot be found out on this system.
func freeBytes(string) (free int64, ok bool) { return 0, false }
