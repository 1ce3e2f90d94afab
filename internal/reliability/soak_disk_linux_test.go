package reliability

import (
	"os"
	"os/user"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// ownMounts says that this process has its own view of what is mounted, so that the small disks disappear with it.
const ownMounts = "FULLSYNC_TEST_OWN_MOUNTS"

// isolateMounts starts this process over with its own view of what is mounted, where it is allowed to.
func isolateMounts() {
	if os.Getuid() != 0 || os.Getenv(ownMounts) != "" {
		return
	}
	self, err := os.Executable()
	if err != nil {
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if syscall.Unshare(syscall.CLONE_NEWNS) != nil || syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") != nil {
		return
	}
	_ = syscall.Exec(self, os.Args, append(os.Environ(), ownMounts+"=1"))
}

// smallDisk moves a database to a disk of its own, with room for a few catalogs, and returns its directory. It returns nothing where
// only the administrator may mount one.
func smallDisk(t *testing.T, address string) string {
	t.Helper()
	if os.Getenv(ownMounts) == "" {
		t.Log("databases are not on small disks, because this system lets nobody mount them: no disk will be full")
		return ""
	}
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=128m,mode=755"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	space := dir + "/space"
	if err := os.Mkdir(space, 0o700); err != nil {
		t.Fatal(err)
	}
	for parent := dir; len(parent) > len(os.TempDir()); parent = parent[:lastSlash(parent)] {
		if err := os.Chmod(parent, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(account.Uid)
	gid, _ := strconv.Atoi(account.Gid)
	if err := os.Chown(space, uid, gid); err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	name := config.Database
	config.Database = "postgres"
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // nothing is pending
	for _, statement := range []string{"CREATE TABLESPACE small LOCATION '" + space + "'", "ALTER DATABASE " + name + " SET TABLESPACE small"} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func lastSlash(path string) int {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '/' {
			return i
		}
	}
	return 0
}
