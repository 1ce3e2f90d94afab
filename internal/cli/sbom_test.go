package cli_test

import (
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
)

// The SBOM names every module of the binary, and the standard library.
func TestSBOM(t *testing.T) {
	t.Parallel()
	binary := program(t) // a test binary does not know its modules
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	out := run(t, nil, "sbom", binary).must(t).out
	itself, err := exec.Command(binary, "sbom").Output()
	if err != nil || string(itself) != out {
		t.Errorf("the program's SBOM of itself differs: %v\n%s", err, itself)
	}
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(strings.NewReader(out), cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for _, c := range *bom.Components {
		listed[c.Name] = c.Version
		if !strings.HasPrefix(c.PackageURL, "pkg:golang/"+c.Name+"@") {
			t.Errorf("%s has the package URL %s", c.Name, c.PackageURL)
		}
	}
	if "go"+listed["std"] != info.GoVersion {
		t.Errorf("the standard library is %q, want %q", listed["std"], info.GoVersion)
	}
	for _, module := range info.Deps {
		if module.Replace == nil && listed[module.Path] != module.Version {
			t.Errorf("%s %s is listed as %q", module.Path, module.Version, listed[module.Path])
		}
	}
	if len(listed) < 40 || bom.Metadata.Component.Name != "fullsync" {
		t.Errorf("%d modules of %s", len(listed), bom.Metadata.Component.Name)
	}
}

func TestSBOMOfWhatIsNoProgram(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(file, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, nil, "sbom", file).wants(t, 1, file+" cannot be read as a program that Go built")
}
