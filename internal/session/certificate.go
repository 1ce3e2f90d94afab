package session

import "encoding/json"

// Certificate names the content of a whole catalog: the SHA-256 over its ids and content hashes in order, as fullsync catalog digest
// prints it.
type Certificate struct {
	SHA256   string `json:"sha256"`
	Products int64  `json:"products"`
}

// Certificates are those of both sides of a sync, as its verification left them. One is nil where the side could not say.
type Certificates struct {
	Source *Certificate `json:"source"`
	Target *Certificate `json:"target"`
}

// String returns what a [Session] keeps.
func (c Certificates) String() string {
	text, _ := json.Marshal(c) //nolint:errchkjson // texts and numbers
	return string(text)
}

// ParseCertificates reads what [Certificates.String] made; ok is false for anything else.
func ParseCertificates(text string) (c Certificates, ok bool) {
	return c, json.Unmarshal([]byte(text), &c) == nil
}
