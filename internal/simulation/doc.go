// Package simulation contains only tests: whole stories of nodes that push to and pull from one another, with the real service, worker, watcher,
// receiver and database (SQLite), over a network, processes and people that are made up from a seed. Time is virtual, also that of the
// databases, so a story of minutes takes milliseconds.
package simulation
