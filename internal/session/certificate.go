package session

import "encoding/json"

// Certificate identifies the content of a whole catalog: the SHA-256 over its ids and content hashes in order, as printed
// by fullsync catalog digest.
type Certificate struct {
	SHA256   string `json:"sha256"`
	Products int64  `json:"products"`
}

// Certificates holds the certificates of both sides of a sync, as its verification found them. One is nil if that side
// could not provide it.
type Certificates struct {
	Source *Certificate `json:"source"`
	Target *Certificate `json:"target"`
}

// String returns the text that a [Session] stores.
func (c Certificates) String() string {
	text, _ := json.Marshal(c) //nolint:errchkjson // texts and numbers
	return string(text)
}

// ParseCertificates reads what [Certificates.String] made; ok is false for anything else.
func ParseCertificates(text string) (c Certificates, ok bool) {
	return c, json.Unmarshal([]byte(text), &c) == nil
}
