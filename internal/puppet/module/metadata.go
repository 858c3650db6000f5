package module

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Metadata is what a module says of itself.
type Metadata struct {
	Name         string       `json:"name"`
	Version      string       `json:"version"`
	Author       string       `json:"author"`
	License      string       `json:"license"`
	Summary      string       `json:"summary"`
	Dependencies []Dependency `json:"dependencies"`
}

// Dependency is another module that one needs.
type Dependency struct {
	Name        string `json:"name"`
	Requirement string `json:"version_requirement"`
}

// Metadata reads the module's metadata.json; a module without one has an empty Metadata.
func (m *Module) Metadata() (*Metadata, error) {
	path := filepath.Join(m.Dir, "metadata.json")
	text, err := m.env.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &Metadata{}, nil
	}
	if err != nil {
		return nil, err
	}
	var out Metadata
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return &out, nil
}
