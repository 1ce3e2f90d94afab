package app_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/fault"
	"fullsync/internal/nodetest"
)

// smallDiskVariable tells a copy of this test that the named directory is a small disk.
const smallDiskVariable = "FULLSYNC_TEST_SMALL_DISK"

// TestFullDiskOfSQLite fills a node's disk to the last byte in the middle of a pull. The session still says what it is waiting
// for and can be cancelled, and the node can be restarted; if it cannot, it says so in a sentence.
func TestFullDiskOfSQLite(t *testing.T) {
	dir := os.Getenv(smallDiskVariable)
	if dir == "" {
		onSmallDisk(t)
		return
	}
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	pair := nodetest.NewPair(t, nodetest.SQLite, 3000, nodetest.Config{Database: nodetest.Database{Dir: data}, Options: patient()})
	size := 20
	pull := nodetest.Pull{Options: spec.StartOptions{BatchSize: &size}}
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 6)
	s := pair.Main.Pull(pull)
	nodetest.Await(t, "the middle of the pull", gate.Reached)
	s = pair.Main.WaitFor(s.SessionId, "five batches", func(s spec.Session) bool { return s.TransferredRecords == 100 })

	fill(t, dir, "one")
	gate.Open()
	s = pair.Main.WaitFor(s.SessionId, "the session saying that the disk is full", func(s spec.Session) bool {
		return strings.Contains(s.Health.Reason, "disk") && strings.Contains(s.Health.Reason, "full")
	})
	ready := pair.Main.As("", http.MethodGet, "/readyz", "")
	if body, err := nodetest.Decode[spec.Error](ready); ready.Status != http.StatusServiceUnavailable || err != nil || body.Code != "DISK_FULL" {
		t.Errorf("/readyz on a full disk: %d %s", ready.Status, ready.Body)
	}
	cancelled := pair.Main.Cancel(s, "no room").Session
	if cancelled.Status != spec.CANCELLED {
		t.Errorf("cancelled: %s", nodetest.Show(cancelled))
	}
	pair.RestartMain()
	if found := pair.Main.Session(s.SessionId); found.Status != spec.CANCELLED {
		t.Errorf("after a restart on the full disk: %s", nodetest.Show(found))
	}

	pair.Main.Down()
	fill(t, dir, "two") // the reserved space has been given up by now
	if a, err := nodetest.Build(t, nodetest.Config{ID: nodetest.MainNode, Database: pair.Main.Database()}); fault.CodeOf(err) != "DISK_FULL" ||
		!strings.Contains(fault.Sentence(err, ""), "is full. Free at least 8 MiB there") {
		t.Errorf("starting without any room: %v, %v", a, err)
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, "one")), os.Remove(filepath.Join(dir, "two"))); err != nil {
		t.Fatal(err)
	}
	pair.Main = nodetest.Start(t, nodetest.Config{ID: nodetest.MainNode, Database: pair.Main.Database(), Options: patient()})
	if ready := pair.Main.As("", http.MethodGet, "/readyz", ""); ready.Status != http.StatusOK {
		t.Errorf("/readyz with room again: %d %s", ready.Status, ready.Body)
	}
	// The write-ahead log may have had room for another batch.
	written := cancelled.TransferredRecords
	checkCounts(t, pair.Main.Sync(pull), counts{transferred: 3000, created: 3000 - written, unchanged: written})
}

// onSmallDisk runs this test again in a process that may mount its own disk, which disappears with the process.
func onSmallDisk(t *testing.T) {
	t.Helper()
	self := exec.Command(os.Args[0], "-test.run=^TestFullDiskOfSQLite$", "-test.v")
	self.Env = append(os.Environ(), smallDiskVariable+"="+t.TempDir())
	self.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	var output bytes.Buffer
	self.Stdout, self.Stderr = &output, &output
	if err := self.Start(); err != nil {
		t.Skipf("skipped: this system lets nobody mount a disk of their own: %v", err)
	}
	if err := self.Wait(); err != nil {
		t.Errorf("%v\n%s", err, output.Bytes())
	}
}

// fill writes a file until not one more byte fits on the disk.
func fill(t *testing.T, dir, name string) {
	t.Helper()
	file, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // what matters is that it is full
	for _, size := range []int{1 << 20, 1 << 12, 1} {
		for err = nil; err == nil; {
			_, err = file.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
}
