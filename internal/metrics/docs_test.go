package metrics

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"
)

// described returns the labels of every metric, by its name.
func described(t *testing.T) map[string][]string {
	t.Helper()
	m := New("test")
	m.Watch(Standing{})
	all := make(chan *prometheus.Desc, 1000)
	m.registry.Describe(all)
	close(all)
	shape := regexp.MustCompile(`^Desc\{fqName: "(\w+)",.* variableLabels: \{(.*)\}\}$`)
	found := map[string][]string{}
	for desc := range all {
		parts := shape.FindStringSubmatch(desc.String())
		if parts == nil {
			t.Fatalf("%s reads differently", desc)
		}
		found[parts[1]] = nil
		if parts[2] != "" {
			found[parts[1]] = strings.Split(parts[2], ",")
		}
	}
	found["fullsync_build_info"] = []string{"version"} // a constant one
	return found
}

func document(t *testing.T, path ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{"..", "..", "docs"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var (
	metricName = regexp.MustCompile(`\b((?:fullsync|go|process)_\w+)(\{[^}]*\})?`)
	labelName  = regexp.MustCompile(`(\w+)\s*(?:=~|!=|!~|=)`)
	grouping   = regexp.MustCompile(`\bby \(([^)]*)\)`)
	part       = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// checkExpression looks for metrics and labels that do not exist.
func checkExpression(known map[string][]string, expr string) error {
	labels := []string{"job", "instance", "le"}
	used := metricName.FindAllStringSubmatch(expr, -1)
	for _, u := range used {
		of, ok := known[part.ReplaceAllString(u[1], "")]
		if _, whole := known[u[1]]; !ok && !whole {
			return fmt.Errorf("there is no metric %s in %s", u[1], expr)
		}
		labels = append(labels, of...)
		for _, l := range labelName.FindAllStringSubmatch(u[2], -1) {
			if !slices.Contains(labels, l[1]) {
				return fmt.Errorf("%s has no label %s in %s", u[1], l[1], expr)
			}
		}
	}
	for _, by := range grouping.FindAllStringSubmatch(expr, -1) {
		for l := range strings.SplitSeq(by[1], ",") {
			if !slices.Contains(labels, strings.TrimSpace(l)) {
				return fmt.Errorf("there is no label %s in %s", l, expr)
			}
		}
	}
	if strings.Count(expr, "(") != strings.Count(expr, ")") || strings.Count(expr, "{") != strings.Count(expr, "}") {
		return fmt.Errorf("brackets do not match in %s", expr)
	}
	if len(used) == 0 && !strings.HasPrefix(expr, "up{") {
		return fmt.Errorf("no metric in %s", expr)
	}
	return nil
}

func TestAlertsUseWhatExists(t *testing.T) {
	t.Parallel()
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(document(t, "deploy", "alerts.yaml"), &file); err != nil {
		t.Fatal(err)
	}
	known, rules := described(t), 0
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			rules++
			if err := checkExpression(known, rule.Expr); err != nil {
				t.Errorf("%s: %v", rule.Alert, err)
			}
			if rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
				t.Errorf("%s does not say how bad it is, what it is and what to do", rule.Alert)
			}
		}
	}
	if rules < 10 {
		t.Errorf("only %d rules were read", rules)
	}
}

func TestDashboardShowsWhatExists(t *testing.T) {
	t.Parallel()
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(document(t, "deploy", "dashboard.json"), &board); err != nil {
		t.Fatal(err)
	}
	known := described(t)
	if len(board.Panels) < 10 {
		t.Errorf("only %d panels were read", len(board.Panels))
	}
	for _, panel := range board.Panels {
		if len(panel.Targets) == 0 {
			t.Errorf("%s shows nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			if err := checkExpression(known, target.Expr); err != nil {
				t.Errorf("%s: %v", panel.Title, err)
			}
		}
	}
}

// The page for operators lists every metric of ours with its labels.
func TestOperationsListsTheMetrics(t *testing.T) {
	t.Parallel()
	page := string(document(t, "operations.md"))
	for name, labels := range described(t) {
		if !strings.HasPrefix(name, namespace) {
			continue
		}
		row := "| `" + name + "` | "
		if len(labels) > 0 {
			row += "`" + strings.Join(labels, "`, `") + "` | "
		}
		if !strings.Contains(page, row) {
			t.Errorf("docs/operations.md should have a row %s", row)
		}
	}
}
