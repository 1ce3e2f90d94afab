package auth

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"fullsync/internal/fault"
)

// maxSecretFile is how much of a secret file is read, in bytes.
const maxSecretFile = 4096

// LoadOrCreateSecret returns the secret in the file at path, and whether this call created it. It creates a missing file in
// one step, with 32 random bytes as base64 text and mode 0600, so that processes starting at the same time agree on one
// secret.
//
// The secret is the text itself, without the trailing newline, so an operator can copy it into FULLSYNC_JWT_SECRET on the
// other replicas.
//
// Returns Invalid if anybody but its owner can read the file, or if it does not hold base64 of at least 32 bytes, and
// Unavailable if the file cannot be read or created.
func LoadOrCreateSecret(path string) (secret []byte, created bool, err error) {
	secret, err = readSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, false, err
	}
	switch err = createSecret(path); {
	case err == nil:
		created = true
	case errors.Is(err, fs.ErrExist):
		// Another process created the file first, and its secret counts.
	default:
		return nil, false, fault.New(fault.Unavailable, "SECRET_NOT_WRITTEN", "Secret not written",
			"The secret file %s cannot be created in the data directory; check that the directory is writable, "+
				"or set FULLSYNC_JWT_SECRET.", filepath.Base(path)).Because(err)
	}
	secret, err = readSecret(path)
	return secret, created, err
}

// readSecret reads and checks the file. The error for a missing file is fs.ErrNotExist.
func readSecret(path string) ([]byte, error) {
	name := filepath.Base(path)
	f, err := os.Open(path)
	if err != nil {
		return nil, secretUnreadable(name, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, secretUnreadable(name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fault.New(fault.Invalid, "SECRET_INVALID", "Invalid secret",
			"The secret file %s is not a plain file; replace it, or set FULLSYNC_JWT_SECRET.", name)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Invalid, "SECRET_EXPOSED", "Secret exposed",
			"The secret file %s in the data directory may be read by other users of this machine; "+
				"run `chmod 600` on it, or remove it to have a new one made (existing tokens then end).", name)
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return nil, secretUnreadable(name, err)
	}
	text := strings.TrimSpace(string(raw))
	if len(raw) > maxSecretFile || !FitsFile([]byte(text)) {
		return nil, fault.New(fault.Invalid, "SECRET_INVALID", "Invalid secret",
			"The secret file %s in the data directory does not hold base64 of at least %d bytes; "+
				"restore it, or remove it to have a new one made (existing tokens then end).", name, MinSecretBytes)
	}
	return []byte(text), nil
}

// secretUnreadable wraps err in a sentence for people; errors.Is still finds fs.ErrNotExist.
func secretUnreadable(name string, err error) error {
	return fault.New(fault.Unavailable, "SECRET_UNREADABLE", "Secret unreadable",
		"The secret file %s in the data directory cannot be read; check its owner and mode, or set FULLSYNC_JWT_SECRET.",
		name).Because(err)
}

// createSecret writes a new secret next to path and links it into place, so the file appears whole or not at all. Of
// several processes only one succeeds; the others get fs.ErrExist.
func createSecret(path string) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	secret, err := NewSecret()
	if err != nil {
		return err
	}
	name, err := writeSecret(dir, string(secret))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(name)) }()
	return os.Link(name, path)
}

// writeSecret writes a secret into a new file in dir and returns its name.
func writeSecret(dir, text string) (name string, err error) {
	f, err := os.CreateTemp(dir, ".secret-*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(text + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// FitsFile reports whether a secret can be kept in a file: base64 text of at least 32 bytes.
func FitsFile(secret []byte) bool {
	decoded, err := base64.StdEncoding.DecodeString(string(secret))
	return err == nil && len(decoded) >= MinSecretBytes
}

// ReplaceSecret puts secret, which must fit (see [FitsFile]), in the place of the one in the file at path, in one step.
// Returns Unavailable if the file cannot be written.
func ReplaceSecret(path string, secret []byte) error {
	name, err := writeSecret(filepath.Dir(path), string(secret))
	if err == nil {
		if err = os.Rename(name, path); err != nil {
			err = errors.Join(err, os.Remove(name))
		}
	}
	if err != nil {
		return fault.New(fault.Unavailable, "SECRET_NOT_WRITTEN", "Secret not written",
			"The secret file %s in the data directory cannot be replaced; check that the directory is writable.", filepath.Base(path)).Because(err)
	}
	return nil
}

// NewSecret returns a new secret of 32 random bytes, as text.
func NewSecret() ([]byte, error) {
	random := make([]byte, MinSecretBytes)
	_, err := rand.Read(random)
	return []byte(base64.StdEncoding.EncodeToString(random)), err
}
