package cli_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

var reproducible = flag.Bool("cli.release", false, "let TestReleasesAreReproducible build two releases")

// Two builds of one commit, in different directories, are the same byte for byte.
func TestReleasesAreReproducible(t *testing.T) {
	t.Parallel()
	if !*reproducible {
		t.Skip("builds the program twice: run it with -cli.release")
	}
	script, err := filepath.Abs("../../.ci/release")
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("git", "rev-parse", "HEAD").Run(); err != nil {
		t.Skip("this is no clone, and a release is built from a commit")
	}
	var sums [2]string
	for i := range sums {
		temp := t.TempDir()
		release := exec.Command("bash", script, filepath.Join(temp, "release"), "linux/"+runtime.GOARCH)
		release.Env = append(os.Environ(), "TMPDIR="+temp)
		if out, err := release.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		text, err := os.ReadFile(filepath.Join(temp, "release", "SHA256SUMS"))
		if err != nil {
			t.Fatal(err)
		}
		sums[i] = string(text)
	}
	if sums[0] != sums[1] {
		t.Errorf("two builds, two results:\n%s\n%s", sums[0], sums[1])
	}
}
