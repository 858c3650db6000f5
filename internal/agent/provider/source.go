package provider

import (
	"context"
	"errors"
	"io"
)

// ErrNotFound says that a file server does not have a file: the next source is to be tried.
var ErrNotFound = errors.New("not found")

// ErrNotBatched is given by a Batcher for a resource that it left undone.
var ErrNotBatched = errors.New("not part of the batch")

// FileMetadata is what a file server says about a file, a directory or a link.
type FileMetadata struct {
	// Path is the path on the server; RelativePath is that below the directory asked for, "." for itself.
	Path, RelativePath string
	// Type is file, directory or link.
	Type string
	// Owner and Group are numbers; Mode has the permission bits.
	Owner, Group int
	Mode         uint32
	// Checksum is {algorithm}value.
	Checksum string
	// Destination is where a link points to.
	Destination string
	// URI fetches the content.
	URI string
}

// MetadataQuery says how metadata are wanted.
type MetadataQuery struct {
	// Links is "manage" or "follow".
	Links string
	// ChecksumType, by default sha256.
	ChecksumType string
	// SourcePermissions is "ignore", "use" or "use_when_creating".
	SourcePermissions string
	// Ignore are glob patterns of names to leave out of a recursive query.
	Ignore []string
	// Recurse limits the depth of a recursive query: 0 is no limit.
	Recurse int
}

// Sources gives providers the files named by source => 'puppet:///...' . Implementations are safe for concurrent use;
// a content may be fetched several times.
type Sources interface {
	// Metadata describes one file; ErrNotFound if there is none.
	Metadata(ctx context.Context, uri string, q MetadataQuery) (*FileMetadata, error)
	// Metadatas describes a directory and all below it; ErrNotFound if there is none.
	Metadatas(ctx context.Context, uri string, q MetadataQuery) ([]*FileMetadata, error)
	// Content writes the content of a file to w.
	Content(ctx context.Context, uri string, w io.Writer) error
}
