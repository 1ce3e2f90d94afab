package cli

import (
	"debug/buildinfo"
	"net/url"
	"os"
	"runtime/debug"
	"strings"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/spf13/cobra"

	"fullsync/internal/fault"
)

func newSBOM(io IO) *cobra.Command {
	return &cobra.Command{
		Use:   "sbom [BINARY]",
		Short: "List the modules in this program, or in another Go binary, as an SBOM (CycloneDX)",
		Long: "List the modules that this program, or the one in the file BINARY, was built from, with their versions and checksums, as a\n" +
			"CycloneDX document in JSON. The list comes from the binary itself, so it is what runs, not what was meant to.",
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			info, err := readBuild(args)
			if err != nil {
				return err
			}
			return cyclonedx.NewBOMEncoder(io.Out, cyclonedx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom(info), cyclonedx.SpecVersion1_6)
		},
	}
}

// readBuild returns what the toolchain recorded in the binary of args, or in this program's.
func readBuild(args []string) (*debug.BuildInfo, error) {
	if len(args) == 0 {
		this, err := os.Executable()
		if err != nil {
			return nil, err
		}
		args = []string{this}
	}
	info, err := buildinfo.ReadFile(args[0])
	if err != nil {
		return nil, fault.New(fault.Invalid, "NOT_A_GO_BINARY", "Not a Go binary",
			"%s cannot be read as a program that Go built: %v.", args[0], err).Because(err)
	}
	return info, nil
}

// bom lists what is in the build. It holds no time and no random number: the same binary gives the same document.
func bom(info *debug.BuildInfo) *cyclonedx.BOM {
	program := component(info.Main)
	program.Type = cyclonedx.ComponentTypeApplication
	properties := make([]cyclonedx.Property, len(info.Settings))
	for i, s := range info.Settings {
		properties[i] = cyclonedx.Property{Name: "go:build:" + s.Key, Value: s.Value}
	}
	program.Properties = &properties

	// The standard library has vulnerabilities too.
	components := []cyclonedx.Component{component(debug.Module{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")})}
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		if module.Version == "" {
			continue // a directory of this program's own stands in for it
		}
		components = append(components, component(*module))
	}
	contains := make([]string, len(components))
	for i, c := range components {
		contains[i] = c.BOMRef
	}
	out := cyclonedx.NewBOM()
	out.Metadata = &cyclonedx.Metadata{Component: &program}
	out.Components = &components
	out.Dependencies = &[]cyclonedx.Dependency{{Ref: program.BOMRef, Dependencies: &contains}}
	return out
}

func component(module debug.Module) cyclonedx.Component {
	purl := "pkg:golang/" + module.Path + "@" + url.QueryEscape(module.Version)
	out := cyclonedx.Component{BOMRef: purl, Type: cyclonedx.ComponentTypeLibrary, Name: module.Path, Version: module.Version, PackageURL: purl}
	if module.Sum != "" {
		// Not among the hashes: it is of the module's list of files, not of one file.
		out.Properties = &[]cyclonedx.Property{{Name: "go:sum", Value: module.Sum}}
	}
	return out
}
