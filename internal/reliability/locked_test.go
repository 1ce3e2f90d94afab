//go:build unix

package reliability

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fullsync/internal/session"
	"fullsync/internal/store"
)

// TestFrozenHolderOfTheSQLiteFileIsNamed stops a process inside a transaction: it holds the file, so nobody else can write,
// and cancel-stuck says which process to end. Once that has ended, cancel-stuck works.
func TestFrozenHolderOfTheSQLiteFileIsNamed(t *testing.T) {
	t.Parallel()
	lengthy(t)
	c := newCluster(t, "", 1, nil)
	r := c.replicas[0]
	path := filepath.Join(c.settings["DATA_DIR"], "fullsync.db")
	id := c.start(r, speed{batch: 50, rate: 100})
	freezeHolding(t, c, r, path, &id)
	out, code := command(t, c.direct(), "cancel-stuck", "--all")
	if code != 1 || !strings.Contains(out, fmt.Sprintf("rocess %d ", r.pid())) || !strings.Contains(out, fmt.Sprintf("kill %d", r.pid())) {
		t.Errorf("exit code %d, want 1 and the number of the process that holds the file, %d: %s", code, r.pid(), out)
	}
	r.kill()
	if out, code := command(t, c.direct(), "cancel-stuck", "--all"); code != 0 {
		t.Errorf("after the process was ended: exit code %d: %s", code, out)
	}
	c.restart(r)
	c.complete(c.open(), c.ended(c.open(), c.start(r, brisk())))
	t.Logf("said: %s", out)
}

// freezeHolding stops the process at a moment when it holds the file's write lock.
func freezeHolding(t *testing.T, c *cluster, r *replica, path string, id *string) {
	t.Helper()
	holds := func() bool { pid, ok := store.LockHolder(path); return ok && pid == r.pid() }
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if !holds() {
			continue
		}
		r.signal(t, syscall.SIGSTOP)
		if stopped(r) && holds() {
			return
		}
		r.signal(t, syscall.SIGCONT)
		var shown struct {
			Session struct{ Status session.Status }
		}
		c.must(r, http.StatusOK, http.MethodGet, "/api/admin/sync/full-sync/"+*id, nil, &shown)
		if !shown.Session.Status.Active() {
			*id = c.start(r, speed{batch: 50, rate: 100})
		}
	}
	t.Fatal("the process was never stopped while it held the file")
}

// stopped waits until all threads of a process have stopped.
func stopped(r *replica) bool {
	return within(patience, func() bool {
		state, err := exec.Command("ps", "-o", "state=", "-p", strconv.Itoa(r.pid())).Output()
		return err == nil && strings.HasPrefix(string(state), "T")
	})
}
