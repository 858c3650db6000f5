package server

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"kickoff/internal/server/channel"
	"kickoff/internal/wire"
)

// openPoll is a long poll under way.
type openPoll struct {
	certname string
	tls      *tls.ConnectionState
}

// DropRevoked ends the long polls whose certificates have been revoked since they began.
func (s *Server) DropRevoked() {
	s.polls.Range(func(key, _ any) bool {
		p := key.(*openPoll) // nothing else is stored
		if _, err := s.Authority.Check(p.tls); err != nil {
			s.Log.Info("node channel ended", "certname", p.certname, "err", err)
			s.Hub.Drop(p.certname)
		}
		return true
	})
}

// postChannel is a node's long poll. The node is whoever the certificate says.
func (s *Server) postChannel(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	var req wire.ChannelRequest
	if err := json.Unmarshal(body, &req); err != nil {
		return badRequest("decode channel request: %v", err)
	}
	wait, err := req.WaitDuration()
	if err != nil {
		return badRequest("%v", err)
	}
	name := peer(r).Subject.CommonName
	poll := &openPoll{name, r.TLS}
	s.polls.Store(poll, nil)
	defer s.polls.Delete(poll)
	commands, err := s.Hub.Poll(r.Context(), name, connectionOf(r), req, wait)
	if errors.Is(err, channel.ErrDropped) {
		w.Header().Set("Connection", "close")
		forbid(w, r)
		return nil
	}
	if err != nil {
		if r.Context().Err() != nil {
			// The client is gone, or the server ends: the former reads nothing, the latter comes back.
			w.Header().Set("Connection", "close")
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return nil
		}
		return err
	}
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.Timeouts.Write)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return writeJSON(w, r, http.StatusOK, wire.ChannelResponse{Commands: commands})
}
