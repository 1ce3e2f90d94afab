//go:build unix

package reliability

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// measured is what one node takes up once it is quiet after a round. Its process is the first replica, which lives through everything.
type measured struct {
	node string
	// gauges has the figures by name: numbers of goroutines, open files, connections and sessions, and bytes.
	gauges map[string]int64
}

// headline names the gauges that the log shows after each round.
var headline = []string{"resident bytes", "heap bytes", "goroutines", "open files", "connections", "database bytes", "dead rows"}

func (s measured) String() string {
	var parts []string
	for _, name := range headline {
		parts = append(parts, fmt.Sprintf("%s %d", name, s.gauges[name]))
	}
	return s.node + ": " + strings.Join(parts, ", ")
}

// measure measures a node.
func (n *soakNode) measure() measured {
	n.t.Helper()
	first := n.replicas[0]
	g := map[string]int64{"resident bytes": resident(first)}
	_, metrics := n.call(n.t.Context(), first, http.MethodGet, "/metrics", nil, nil)
	for name, metric := range map[string]string{"goroutines": "go_goroutines", "open files": "process_open_fds", "heap bytes": "go_memstats_heap_inuse_bytes"} {
		g[name] = value(metrics, metric)
	}
	figures, err := n.texts(`SELECT 'connections ' || count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'
		UNION ALL SELECT 'database_bytes ' || pg_database_size(current_database())
		UNION ALL SELECT 'dead_rows ' || sum(n_dead_tup) FROM pg_stat_user_tables WHERE relname NOT LIKE 'test_%'
		UNION ALL SELECT 'table_' || relname || ' ' || pg_total_relation_size(relid) FROM pg_stat_user_tables WHERE relname NOT LIKE 'test_%'`)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, figure := range figures {
		name, number, _ := strings.Cut(figure, " ")
		g[strings.Replace(name, "_", " ", 1)], _ = strconv.ParseInt(number, 10, 64)
	}
	return measured{node: n.name, gauges: g}
}

// value reads one metric without labels.
func value(metrics, name string) int64 {
	_, rest, _ := strings.Cut(metrics, "\n"+name+" ")
	number, _, _ := strings.Cut(rest, "\n")
	v, _ := strconv.ParseFloat(number, 64)
	return int64(v)
}

// slack is by how much a gauge may be larger in the end than after the first quarter: noise, and not growth.
func slack(name string, before int64) int64 {
	const mebibyte = 1 << 20
	switch name {
	case "goroutines", "open files", "connections":
		return 20
	case "dead rows":
		return 20_000
	default: // bytes
		return before/4 + 8*mebibyte
	}
}

// enough is how many rounds it takes before anything can be said about growth.
const enough = 40

// flat checks that what a node takes up in the last quarter of the rounds is what it took up in the second one. Until then caches fill and
// tables find their size.
func (s *soak) flat() {
	s.t.Helper()
	if s.rounds < enough {
		return
	}
	for _, n := range s.nodes {
		early, late := s.quarter(n.name, 1), s.quarter(n.name, 3)
		for name, before := range early {
			if now := late[name]; now > before+slack(name, before) {
				s.t.Errorf("%s: %s grew from %d to %d", n.name, name, before, now)
			}
		}
	}
}

// quarter returns the medians of a node's gauges in one quarter of the rounds, 0 to 3.
func (s *soak) quarter(node string, which int) map[string]int64 {
	all := map[string][]int64{}
	for _, taken := range s.samples {
		if taken.node == node {
			for name, v := range taken.gauges {
				all[name] = append(all[name], v)
			}
		}
	}
	medians := map[string]int64{}
	for name, values := range all {
		part := slices.Sorted(slices.Values(values[len(values)*which/4 : max(len(values)*(which+1)/4, 1)]))
		if len(part) > 0 {
			medians[name] = part[len(part)/2]
		}
	}
	return medians
}

// report says what was done, what came of it, and what the nodes took up in the second and in the last quarter.
func (s *soak) report() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d rounds\n%s", s.rounds, &s.deeds)
	for _, n := range s.nodes {
		fmt.Fprintf(&b, "%8d batches committed at %s, each once\n", n.batches, n.name)
		early, late := s.quarter(n.name, 1), s.quarter(n.name, 3)
		names := []string{}
		for name := range late {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			fmt.Fprintf(&b, "%12d %12d  %s: %s\n", early[name], late[name], n.name, name)
		}
	}
	return b.String()
}

// decode reads JSON.
func decode(text string, into any) error { return json.Unmarshal([]byte(text), into) }
