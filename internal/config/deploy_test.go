package config

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const deploy = "../../docs/deploy"

func deployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deploy, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every setting that a file in docs/deploy names exists, and so does every file that it links to.
func TestDeployNamesWhatExists(t *testing.T) {
	t.Parallel()
	known := []string{"FULLSYNC_URL", "FULLSYNC_TOKEN"} // those of fullsync sync
	for _, v := range Variables() {
		known = append(known, v.Name)
	}
	files, err := os.ReadDir(deploy)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 9 {
		t.Errorf("only %d files", len(files))
	}
	for _, file := range files {
		text := deployed(t, file.Name())
		for _, name := range regexp.MustCompile(`FULLSYNC_\w+`).FindAllString(text, -1) {
			if !slices.Contains(known, name) {
				t.Errorf("%s names %s, which is no setting", file.Name(), name)
			}
		}
		for _, link := range regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`).FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(deploy, link[1])); err != nil {
				t.Errorf("%s links to %s: %v", file.Name(), link[1], err)
			}
		}
	}
}

// The settings in the files are valid together.
func TestDeployedSettingsAreValid(t *testing.T) {
	t.Parallel()
	example := map[string]string{}
	for line := range strings.Lines(deployed(t, "example.env")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			example[name] = value
		}
	}
	service := maps.Clone(example)
	for _, line := range regexp.MustCompile(`(?m)^Environment=(.*)$`).FindAllStringSubmatch(deployed(t, "fullsync.service"), -1) {
		for field := range strings.FieldsSeq(line[1]) {
			name, value, _ := strings.Cut(field, "=")
			service[name] = value
		}
	}
	kubernetes := map[string]string{}
	for _, line := range regexp.MustCompile(`\{name: (FULLSYNC_\w+), value: "?([^"}]*)"?\}`).FindAllStringSubmatch(deployed(t, "kubernetes.yaml"), -1) {
		kubernetes[line[1]] = line[2]
	}
	for name, environ := range map[string]map[string]string{"example.env": example, "fullsync.service": service, "kubernetes.yaml": kubernetes} {
		if len(environ) < 5 {
			t.Errorf("%s: only %v", name, environ)
		}
		if _, warnings, err := Load(environ, nil); err != nil || len(warnings) > 0 {
			t.Errorf("%s: %v %v", name, err, warnings)
		}
	}
}

// The manifests fit together: selectors, ports, probes and secrets.
func TestKubernetesManifestsFitTogether(t *testing.T) {
	t.Parallel()
	type labels = map[string]string
	type selector struct {
		MatchLabels labels `yaml:"matchLabels"`
	}
	type probe struct {
		HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
	}
	type manifest struct {
		Kind     string
		Metadata struct{ Name string }
		Spec     struct {
			Replicas int
			Template struct {
				Metadata struct{ Labels labels }
				Spec     struct {
					Grace      int `yaml:"terminationGracePeriodSeconds"`
					Containers []struct {
						Ports    []struct{ Name string }
						Startup  probe `yaml:"startupProbe"`
						Liveness probe `yaml:"livenessProbe"`
						Ready    probe `yaml:"readinessProbe"`
					}
				}
			}
			// Selector has the form of its kind.
			Selector yaml.Node
			Ports    []struct {
				Target string `yaml:"targetPort"`
			}
		}
	}
	all := map[string]manifest{}
	for decoder := yaml.NewDecoder(strings.NewReader(deployed(t, "kubernetes.yaml"))); ; {
		var m manifest
		err := decoder.Decode(&m)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all[m.Kind] = m
	}
	pods := all["Deployment"].Spec
	for _, kind := range []string{"Deployment", "PodDisruptionBudget"} {
		var s selector
		if node := all[kind].Spec.Selector; node.Decode(&s) != nil || !maps.Equal(s.MatchLabels, pods.Template.Metadata.Labels) || len(s.MatchLabels) == 0 {
			t.Errorf("%s selects %v", kind, s)
		}
	}
	var s labels
	if node := all["Service"].Spec.Selector; node.Decode(&s) != nil || !maps.Equal(s, pods.Template.Metadata.Labels) {
		t.Errorf("the Service selects %v", s)
	}
	c := pods.Template.Spec.Containers[0]
	if c.Startup.HTTPGet.Path != "/healthz" || c.Liveness.HTTPGet.Path != "/healthz" || c.Ready.HTTPGet.Path != "/readyz" ||
		c.Ready.HTTPGet.Port != c.Ports[0].Name || all["Service"].Spec.Ports[0].Target != c.Ports[0].Name {
		t.Errorf("probes and ports: %+v, %+v", c, all["Service"])
	}
	if pods.Replicas < 2 || pods.Template.Spec.Grace <= 10 || all["Ingress"].Metadata.Name == "" {
		t.Errorf("%+v", all)
	}
}

// The other files are well formed as far as this test can tell.
func TestDeployedFilesAreWellFormed(t *testing.T) {
	t.Parallel()
	var compose map[string]any
	if err := yaml.NewDecoder(bytes.NewBufferString(deployed(t, "compose.yaml"))).Decode(&compose); err != nil || compose["services"] == nil {
		t.Errorf("compose.yaml: %v", err)
	}
	for _, name := range []string{"nginx.conf", "Caddyfile"} {
		depth := 0
		for line := range strings.Lines(deployed(t, name)) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
			depth += strings.Count(line, "{") - strings.Count(line, "}")
			if depth < 0 || name == "nginx.conf" && line != "" && !strings.HasSuffix(strings.TrimSpace(line), ";") && !strings.ContainsAny(line, "{}") {
				t.Errorf("%s: %s", name, line)
			}
		}
		if depth != 0 {
			t.Errorf("%s: %d braces are open", name, depth)
		}
	}
	section := ""
	found := map[string]bool{}
	for line := range strings.Lines(deployed(t, "fullsync.service")) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			section = line
		case !regexp.MustCompile(`^[A-Z]\w+=`).MatchString(line) || section == "":
			t.Errorf("fullsync.service: %s", line)
		default:
			key, _, _ := strings.Cut(line, "=")
			found[section+key] = true
		}
	}
	for _, key := range []string{"[Service]User", "[Service]ExecStart", "[Service]ProtectSystem", "[Service]NoNewPrivileges", "[Service]TimeoutStopSec", "[Install]WantedBy"} {
		if !found[key] {
			t.Errorf("fullsync.service lacks %s", key)
		}
	}
}
