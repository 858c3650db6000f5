package localcloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"

	"kickoff/internal/localcloud/api"
	"kickoff/internal/localcloud/image"
)

// maxRequest bounds the body of a request: user-data in base64, and the rest.
const maxRequest = 64 << 10

// handler is the API. Who may use it is decided where connections are
// accepted; every route has the same access.
func (e *Engine) handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]func(*http.Request) (any, error){
		"GET /v1/info": func(*http.Request) (any, error) { return e.info(), nil },
		"POST /v1/instances": func(r *http.Request) (any, error) {
			var request api.LaunchRequest
			if err := decode(r, &request); err != nil {
				return nil, err
			}
			return e.launch(request)
		},
		"GET /v1/instances":      func(r *http.Request) (any, error) { return e.list(r.URL.Query().Get("token")), nil },
		"GET /v1/instances/{id}": func(r *http.Request) (any, error) { return e.get(r.PathValue("id")) },
		"DELETE /v1/instances/{id}": func(r *http.Request) (any, error) {
			return nil, e.command(r.PathValue("id"), order{orderStop, "Client.UserInitiatedShutdown: terminated by its owner"})
		},
		"POST /v1/instances/{id}/fail": func(r *http.Request) (any, error) {
			return nil, e.command(r.PathValue("id"), order{orderKill, "Server.SpotInstanceTermination: the machine was taken away"})
		},
		"POST /v1/instances/{id}/reboot": func(r *http.Request) (any, error) {
			return nil, e.command(r.PathValue("id"), order{kind: orderReboot})
		},
		"GET /v1/instances/{id}/console": func(r *http.Request) (any, error) { return e.consoleOf(r.PathValue("id")) },
		"GET /v1/identity-certificate":   func(*http.Request) (any, error) { return e.signer.Certificate(), nil },
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			answer, err := handle(r)
			e.answer(w, answer, err)
		})
	}
	return http.MaxBytesHandler(mux, maxRequest)
}

func decode(r *http.Request, into any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return &api.Error{Code: api.CodeInvalid, Message: "the request's body: " + err.Error()}
	}
	return nil
}

func (e *Engine) answer(w http.ResponseWriter, answer any, err error) {
	if err != nil {
		e.answerError(w, err)
		return
	}
	if text, ok := answer.([]byte); ok {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(text)
		return
	}
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// statuses of the errors; any other code is 500.
var statuses = map[string]int{
	api.CodeInvalid: http.StatusBadRequest, api.CodeNoImage: http.StatusBadRequest, api.CodeNotFound: http.StatusNotFound,
	api.CodeMismatch: http.StatusConflict, api.CodeState: http.StatusConflict, api.CodeLimit: http.StatusServiceUnavailable,
	api.CodeNoAddress: http.StatusServiceUnavailable, api.CodeStopping: http.StatusServiceUnavailable,
	api.CodeUnauthorized: http.StatusForbidden,
}

func (e *Engine) answerError(w http.ResponseWriter, err error) {
	refusal, ok := errors.AsType[*api.Error](err)
	if !ok {
		e.options.Log.Error("request failed", "error", err)
		refusal = &api.Error{Code: api.CodeInternal, Message: err.Error()}
	}
	status, ok := statuses[refusal.Code]
	if !ok {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(api.ErrorBody{Error: refusal})
}

// info describes this local cloud.
func (e *Engine) info() api.Info {
	images := []string{}
	recipes := image.Recipes(e.options.Mirrors)
	for _, name := range slices.Sorted(maps.Keys(recipes)) {
		if _, ok := e.images.Find(recipes[name]); ok {
			images = append(images, name)
		}
	}
	return api.Info{
		Version: e.options.Version, PID: os.Getpid(), Subnet: e.options.Subnet.Masked().String(),
		HostAddress: e.router.HostAddress().String(), HostName: e.options.HostName, Gateway: e.router.Gateway().String(),
		Images: images, AccountID: AccountID, StateDir: e.options.StateDir, Limit: e.options.MaxInstances,
	}
}

// refusePeer answers connections of users who may not use the API.
func refusePeer(uid int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(api.ErrorBody{Error: &api.Error{Code: api.CodeUnauthorized,
			Message: fmt.Sprintf("user %d may not use this local cloud", uid), Hint: "--socket-owner"}})
	})
}
