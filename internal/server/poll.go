package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"kickoff/internal/server/channel"
	"kickoff/internal/wire"
)

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
