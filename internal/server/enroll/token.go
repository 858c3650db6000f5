package enroll

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Minter derives one-time tokens from launch ids. The token of a launch is always the same, so that user-data can be
// made again byte for byte without storing the token.
type Minter struct{ secret []byte }

// secretSize is in bytes.
const secretSize = 32

// OpenMinter reads the server's secret from a file, or makes one (mode 0600).
func OpenMinter(path string) (*Minter, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newMinter(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read enrolment secret: %w", err)
	}
	secret, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(secret) != secretSize {
		return nil, fmt.Errorf("read enrolment secret: %s does not hold %d bytes in hexadecimal", path, secretSize)
	}
	return &Minter{secret}, nil
}

func newMinter(path string) (*Minter, error) {
	secret := make([]byte, secretSize)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make enrolment secret: %w", err)
	}
	temp := path + ".new"
	if err := os.WriteFile(temp, []byte(hex.EncodeToString(secret)+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("make enrolment secret: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		return nil, fmt.Errorf("make enrolment secret: %w", err)
	}
	return &Minter{secret}, nil
}

// Token gives the token of a launch.
func (m *Minter) Token(launchID string) string {
	mac := hmac.New(sha256.New, m.secret)
	mac.Write([]byte("kickoff enrolment token\x00" + launchID))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// HashToken gives what the store keeps of a token.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// IsToken says whether a challengePassword has the form of a token. Sites also use that attribute for passwords of their
// own; a request with one of these is as good as one without.
func IsToken(s string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(raw) == sha256.Size
}
