package catalog

import (
	"encoding/json"
	"fmt"
	"strconv"

	"kickoff/internal/value"
)

// format is the version of the catalog's form; recorded in shared transcripts of Puppet 7.23 and 8.28.
const format = 2

type wireCatalog struct {
	Tags          []string        `json:"tags"`
	Name          string          `json:"name"`
	Version       json.RawMessage `json:"version"`
	CodeID        *string         `json:"code_id"`
	CatalogUUID   string          `json:"catalog_uuid"`
	CatalogFormat int             `json:"catalog_format"`
	Environment   string          `json:"environment"`
	Resources     []*wireResource `json:"resources"`
	Edges         []wireEdge      `json:"edges"`
	Classes       []string        `json:"classes"`
}

type wireResource struct {
	Type      string          `json:"type"`
	Title     string          `json:"title"`
	Tags      []string        `json:"tags"`
	File      string          `json:"file,omitempty"`
	Line      int             `json:"line,omitempty"`
	Exported  bool            `json:"exported"`
	Kind      string          `json:"kind,omitempty"`
	Params    json.RawMessage `json:"parameters,omitempty"`
	Sensitive []string        `json:"sensitive_parameters,omitempty"`
}

type wireEdge struct {
	Source string `json:"source"`
	Target string `json:"target"`
}

// MarshalJSON gives the form of Puppet's wire, with rich data. A parameter that is Sensitive as a whole is written in
// clear and named in sensitive_parameters, as Puppet does.
func (c *Catalog) MarshalJSON() ([]byte, error) {
	w := wireCatalog{
		Tags: orEmpty(c.Tags), Name: c.Name, Version: versionJSON(c.Version), CatalogUUID: c.UUID, CatalogFormat: format,
		Environment: c.Environment, Classes: orEmpty(c.Classes),
		Resources: make([]*wireResource, len(c.Resources)), Edges: make([]wireEdge, len(c.Edges)),
	}
	if c.CodeID != "" {
		w.CodeID = &c.CodeID
	}
	for i, r := range c.Resources {
		w.Resources[i] = r.wire()
	}
	for i, e := range c.Edges {
		w.Edges[i] = wireEdge{e.Source.String(), e.Target.String()}
	}
	return json.Marshal(w)
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// versionJSON writes a number where the version is one: Puppet's default version is an integer.
func versionJSON(v string) json.RawMessage {
	if n, err := strconv.ParseInt(v, 10, 64); err == nil && strconv.FormatInt(n, 10) == v {
		return json.RawMessage(v)
	}
	return value.AppendJSON(nil, value.String(v))
}

func (r *Resource) wire() *wireResource {
	w := &wireResource{
		Type: r.Type, Title: r.Title, Tags: orEmpty(r.Tags), File: r.File, Line: r.Line,
		Exported: r.Exported, Kind: r.Kind,
	}
	params := value.NewHash(len(r.Params))
	for _, p := range r.Params {
		v := p.Value
		if s, ok := v.(*value.Sensitive); ok {
			w.Sensitive = append(w.Sensitive, p.Name)
			v = s.Unwrap()
		}
		params.SetString(p.Name, v)
	}
	if params.Len() > 0 {
		w.Params = value.AppendJSON(nil, params)
	}
	return w
}

// UnmarshalJSON reads a catalog from the wire; parameters named in sensitive_parameters become Sensitive.
func (c *Catalog) UnmarshalJSON(data []byte) error {
	var w wireCatalog
	if err := json.Unmarshal(data, &w); err != nil {
		return fmt.Errorf("decode catalog: %w", err)
	}
	*c = Catalog{Name: w.Name, Environment: w.Environment, UUID: w.CatalogUUID, Tags: w.Tags, Classes: w.Classes}
	if err := c.readVersion(w.Version); err != nil {
		return err
	}
	if w.CodeID != nil {
		c.CodeID = *w.CodeID
	}
	for i, wr := range w.Resources {
		if wr == nil {
			return fmt.Errorf("decode catalog: resource %d is null", i)
		}
		r, err := wr.resource()
		if err != nil {
			return fmt.Errorf("decode catalog: %s[%s]: %w", wr.Type, wr.Title, err)
		}
		c.Resources = append(c.Resources, r)
	}
	for _, e := range w.Edges {
		source, err := ParseRef(e.Source)
		if err != nil {
			return fmt.Errorf("decode catalog: edge: %w", err)
		}
		target, err := ParseRef(e.Target)
		if err != nil {
			return fmt.Errorf("decode catalog: edge: %w", err)
		}
		c.Edges = append(c.Edges, Edge{source, target})
	}
	return nil
}

func (c *Catalog) readVersion(raw json.RawMessage) error {
	if len(raw) == 0 {
		return nil
	}
	v, err := value.ParseJSON(raw)
	if err != nil {
		return fmt.Errorf("decode catalog: version: %w", err)
	}
	c.Version = v.String()
	return nil
}

func (w *wireResource) resource() (*Resource, error) {
	if w.Type == "" {
		return nil, fmt.Errorf("the resource has no type")
	}
	r := &Resource{
		Ref: Ref{w.Type, w.Title}, Tags: w.Tags, File: w.File, Line: w.Line, Exported: w.Exported, Kind: w.Kind,
	}
	if len(w.Params) == 0 {
		return r, nil
	}
	plain, err := value.ParseJSON(w.Params)
	if err != nil {
		return nil, err
	}
	rich, err := value.FromRich(plain)
	if err != nil {
		return nil, err
	}
	params, ok := rich.(*value.Hash)
	if !ok {
		return nil, fmt.Errorf("parameters are no hash")
	}
	hidden := map[string]bool{}
	for _, name := range w.Sensitive {
		hidden[name] = true
	}
	for k, v := range params.All() {
		if hidden[k.String()] {
			v = value.NewSensitive(v)
		}
		r.Params = append(r.Params, Param{k.String(), v})
	}
	return r, nil
}
