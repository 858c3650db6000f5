package server

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"kickoff/internal/puppet/module"
	"kickoff/internal/server/files"
	"kickoff/internal/server/node"
	"kickoff/internal/wire"
)

// treeOf gives what the file server shows of an environment.
func treeOf(env *module.Environment) files.Tree {
	t := files.Tree{Fallback: env.Dir}
	for _, m := range env.Modules() {
		t.Modules = append(t.Modules, files.Module{Name: m.Name, Dir: m.Dir})
	}
	return t
}

// fileError maps what the file server says to Puppet's answers (21-v3-misc.txt).
func fileError(r *http.Request, err error, indirection string, many bool) error {
	mount, p := r.PathValue("mount"), r.PathValue("path")
	key := mount
	if p != "" {
		key += "/" + p
	}
	switch {
	case errors.Is(err, files.ErrNotFound) && many:
		return missing("Could not find instances in %s with '%s'", indirection, key)
	case errors.Is(err, files.ErrNotFound):
		return missing("Could not find %s %s", indirection, key)
	case errors.Is(err, files.ErrMount):
		return serverError(err, "Not authorized to call find on /%s/%s with {:rest=>%q}", indirection, key, key)
	case errors.Is(err, files.ErrQuery):
		return badRequest("%v", err)
	}
	return serverError(err, "%v", err)
}

func (s *Server) getFileMetadata(w http.ResponseWriter, r *http.Request) error {
	env, media, q, err := s.fileRequest(r)
	if err != nil {
		return err
	}
	md, err := s.files.Find(treeOf(env), r.PathValue("mount"), r.PathValue("path"), q)
	if err != nil {
		return fileError(r, err, "file_metadata", false)
	}
	return sendMetadata(w, r, media, md)
}

func (s *Server) getFileMetadatas(w http.ResponseWriter, r *http.Request) error {
	env, media, q, err := s.fileRequest(r)
	if err != nil {
		return err
	}
	list, err := s.files.Search(treeOf(env), r.PathValue("mount"), r.PathValue("path"), q)
	if err != nil {
		return fileError(r, err, "file_metadata", true)
	}
	return sendMetadata(w, r, media, list)
}

func sendMetadata(w http.ResponseWriter, r *http.Request, media string, v any) error {
	body, err := encode(v)
	if err != nil {
		return fmt.Errorf("encode metadata: %w", err)
	}
	write(w, r, http.StatusOK, contentType(media), body)
	return nil
}

func (s *Server) fileRequest(r *http.Request) (*module.Environment, string, files.Query, error) {
	env, err := s.environment(r)
	if err != nil {
		return nil, "", files.Query{}, err
	}
	media, err := negotiate(r, wire.MediaJSON, wire.MediaPSON)
	if err != nil {
		return nil, "", files.Query{}, err
	}
	q, err := files.ParseQuery(r.URL.Query())
	if err != nil {
		return nil, "", q, fileError(r, err, "file_metadata", false)
	}
	return env, media, q, nil
}

func (s *Server) getFileContent(w http.ResponseWriter, r *http.Request) error {
	env, err := s.environment(r)
	if err != nil {
		return err
	}
	f, info, err := s.files.Open(treeOf(env), r.PathValue("mount"), r.PathValue("path"))
	if err != nil {
		return fileError(r, err, "file_content", false)
	}
	defer f.Close()
	return stream(w, r, f, info.Size(), wire.MediaOctets)
}

// getStaticFileContent serves the files that a static catalog names. Only the present state of the code is kept, so
// another code id is not found.
func (s *Server) getStaticFileContent(w http.ResponseWriter, r *http.Request) error {
	env, err := s.environment(r)
	if err != nil {
		return err
	}
	code := r.URL.Query().Get("code_id")
	if code == "" {
		return writeText(w, r, http.StatusBadRequest, "Error: A /static_file_content request requires an environment, a code-id, and a file-path")
	}
	f, info, err := s.files.OpenStatic(treeOf(env), r.PathValue("path"))
	if errors.Is(err, files.ErrStatic) {
		w.Header().Set("Content-Type", wire.MediaText)
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("Request Denied: A /static_file_content request must be a file within the files, lib, scripts, or tasks directory of a module."))
		return nil
	}
	if err != nil {
		return fileError(r, err, "static_file_content", false)
	}
	defer f.Close()
	if code != env.CodeID() {
		return missing("the code %.80s is not here any more", code)
	}
	return stream(w, r, f, info.Size(), wire.MediaOctets)
}

// bucketDigest reads the digest of a backup's path.
func bucketDigest(r *http.Request) (string, error) {
	if t := r.PathValue("type"); t != "sha256" {
		return "", badRequest("backups by %.20q are not supported, only by sha256", t)
	}
	digest := r.PathValue("digest")
	if raw, err := hex.DecodeString(digest); err != nil || len(raw) != sha256.Size || hex.EncodeToString(raw) != digest {
		return "", badRequest("%.80q is no SHA-256", digest)
	}
	return digest, nil
}

func (s *Server) getBucketFile(w http.ResponseWriter, r *http.Request) error {
	digest, err := bucketDigest(r)
	if err != nil {
		return err
	}
	if r.Method == http.MethodHead {
		ok, err := s.Store.HasBucketFile(r.Context(), digest)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", wire.MediaOctets)
		if !ok {
			w.Header().Set("Content-Type", wire.MediaJSONUTF8)
			w.WriteHeader(http.StatusNotFound)
		}
		return nil
	}
	content, err := s.Store.BucketFile(r.Context(), digest)
	if errors.Is(err, node.ErrNotFound) {
		return missing("Could not find file_bucket_file sha256/%s", digest)
	}
	if err != nil {
		return err
	}
	write(w, r, http.StatusOK, wire.MediaOctets, content)
	return nil
}

func (s *Server) putBucketFile(w http.ResponseWriter, r *http.Request) error {
	digest, err := bucketDigest(r)
	if err != nil {
		return err
	}
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != digest {
		return badRequest("the content does not have the SHA-256 %s", digest)
	}
	if err := s.Store.PutBucketFile(r.Context(), digest, body, s.Now()); err != nil {
		return err
	}
	w.Header().Set("Content-Type", wire.MediaOctets)
	w.WriteHeader(http.StatusOK)
	return nil
}
