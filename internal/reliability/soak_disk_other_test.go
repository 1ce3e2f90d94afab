//go:build unix && !linux

package reliability

import "testing"

func isolateMounts() {}

// smallDisk returns nothing: only Linux gives a process its own view of what is mounted.
func smallDisk(*testing.T, string) string { return "" }
