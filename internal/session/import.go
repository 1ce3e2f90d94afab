package session

import "fullsync/internal/fault"

// Input is what an import reads.
type Input struct {
	// Name is what people call it, as a rule the name of a file without its directories.
	Name string `json:"name,omitempty"`
	// Upload is where the node keeps it; empty for an import from the command line, which runs in the process that reads it.
	Upload string `json:"upload,omitempty"`
	// MaxRefused is how many records may be refused, or what percentage; empty for any number.
	MaxRefused string `json:"maxRefused,omitempty"`
	Feed       Feed   `json:"feed"`
}

// Feed is what was said about a feed. Whatever is empty is found out.
type Feed struct {
	Format    string            `json:"format,omitempty"`
	Preset    string            `json:"preset,omitempty"`
	Map       map[string]string `json:"map,omitempty"`
	Default   map[string]string `json:"default,omitempty"`
	Decimal   string            `json:"decimal,omitempty"`
	Unit      string            `json:"unit,omitempty"`
	Encoding  string            `json:"encoding,omitempty"`
	Delimiter string            `json:"delimiter,omitempty"`
}

// OnlyHere says that only the process that started the session can work on it: it is an import from the command line.
func (s *Session) OnlyHere() bool {
	return s.Direction == Import && (s.Options.Import == nil || s.Options.Import.Upload == "")
}

// SourceName is what sentences call the source.
func (s *Session) SourceName() string {
	if s.Direction == Import {
		return "the input"
	}
	return s.SourceNodeID
}

// ImportLost is the failure of an import whose process is gone.
func ImportLost(s Session) error {
	return fault.New(fault.Unavailable, "IMPORT_LOST", "Import lost", "The process that ran this import, %s, was lost or lost its database. What was committed "+
		"stays. Import the file again: what is here already is not written twice.", s.Worker)
}
