package app_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"fullsync/internal/app"
	"fullsync/internal/auth"
	"fullsync/internal/catalog"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
	"fullsync/internal/transfer"
)

// The flags of the stories. They are package state because they belong to the command line.
var (
	storiesEach = flag.Int("stories", 1, "random stories that TestStories plays for each pair of databases")
	storiesSeed = flag.Uint64("stories.seed", 0, "seed of the first story; 0 makes one up")
)

// TestStories plays random stories of two nodes, in which main pulls from the branch, or the branch pushes to main. Products change on both sides, through the API and behind its back, and are synced
// in between with random options. Meanwhile syncs are cancelled and resumed, lose their workers or their source, and products
// change under them. After each sync it checks every product and every figure.
//
// The seed decides what happens; how far a sync has got by then depends on the machine. A story that fails is printed. To play it
// again:
//
//	go test ./internal/app -run 'TestStories/sqlite_to_postgres' -stories=1 -stories.seed=N
func TestStories(t *testing.T) {
	t.Parallel()
	seed := *storiesSeed
	if seed == 0 {
		seed = rand.Uint64N(1 << 32)
	}
	kinds := []nodetest.Kind{nodetest.SQLite, nodetest.Postgres}
	for _, source := range kinds {
		for _, target := range kinds {
			t.Run(fmt.Sprintf("%s to %s", source, target), func(t *testing.T) {
				t.Parallel()
				if source == target {
					effort.SkipUnlessHeavy(t)
				}
				for i := range uint64(*storiesEach) {
					t.Run(fmt.Sprint(seed+i), func(t *testing.T) { newStory(t, source, target, seed+i).play() })
				}
			})
		}
	}
}

// story is one story of two nodes.
type story struct {
	*testing.T
	*nodetest.Pair
	rand *rand.Rand
	// push, if not nil, is the branch's wire to main: the branch pushes. Otherwise main pulls.
	push *nodetest.Wire
	told []string
	// lying are the products of main that were changed without a trace in their hash or digest.
	lying map[string]bool
	// bystander is another catalog of main, which the story must not touch.
	bystander []catalog.Stored
}

// The catalogs of main: the synced one, and the other one.
const (
	synced = "main"
	aside  = "garden"
)

// elsewhere is a third node, from which some products of main come.
const elsewhere = "elsewhere"

func newStory(t *testing.T, source, target nodetest.Kind, seed uint64) *story {
	s := &story{T: t, rand: rand.New(rand.NewPCG(seed, 1)), lying: map[string]bool{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the story:\n%s", strings.Join(s.told, "\n"))
		}
	})
	sizes := transfer.Sizes{Coarse: 1 + s.rand.IntN(40), Fine: 1 + s.rand.IntN(8), Window: 1 + s.rand.IntN(4)}
	s.tell("spans of %d and %d, %d at once", sizes.Coarse, sizes.Fine, sizes.Window)
	settings := map[string]string{"MAX_TAKEOVERS": "50", "MAX_DELETE_PERCENT": "100"}
	branch := nodetest.Start(t, nodetest.Config{
		ID: nodetest.Branch, Database: nodetest.NewDatabase(t, source), Options: app.Options{Sizes: sizes}, Settings: settings,
	})
	s.Pair = nodetest.Between(branch, nodetest.Config{Database: nodetest.NewDatabase(t, target), Options: app.Options{Sizes: sizes}, Settings: settings})
	if s.oneIn(2) {
		s.tell("the branch pushes")
		s.push = nodetest.NewWire(t, s.Main.URL())
		branch.AddPeer(nodetest.MainNode, s.push.URL, s.Main.TokenFor(nodetest.Branch, auth.RoleNodePush))
	}
	return s
}

// lead is the node that runs the sessions.
func (s *story) lead() *nodetest.Node {
	if s.push != nil {
		return s.Branch
	}
	return s.Main
}

// between is the wire over which they go.
func (s *story) between() *nodetest.Wire {
	if s.push != nil {
		return s.push
	}
	return s.Wire
}

func (s *story) tell(format string, args ...any) {
	s.told = append(s.told, fmt.Sprintf(format, args...))
}

// oneIn is true once in n times.
func (s *story) oneIn(n int) bool { return s.rand.IntN(n) == 0 }

// play plays the story. It ends with a sync during which nobody changes products.
func (s *story) play() {
	s.Main.Import(aside, s.product("aside"), s.product("p-010"))
	s.importFrom(s.Main, aside, nodetest.Branch, s.product("p-020"), s.product("p-030"))
	s.bystander = s.Main.Products(aside)
	s.Branch.Import(synced, s.products(append(s.ids(150), anchor))...)
	s.Main.Import(synced, s.products(s.ids(20))...)
	for range 1 + s.rand.IntN(3) {
		s.sync(s.oneIn(3))
		for range 1 + s.rand.IntN(4) {
			s.edit(s.Branch)
		}
		for range s.rand.IntN(4) {
			s.edit(s.Main)
		}
	}
	s.sync(false)
	s.sync(false) // equal catalogs stay equal
}
