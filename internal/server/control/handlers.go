package control

import (
	"net/http"
	"strconv"

	"kickoff/internal/api"
	"kickoff/internal/fleet/instance"
)

func (c *Control) getFleet(r *http.Request) (any, error) {
	q := r.URL.Query()
	return c.opt.Fleet.Status(r.Context(), q.Get("group"), q.Get("all") == "true")
}

func (c *Control) getInstances(r *http.Request) (any, error) {
	q := r.URL.Query()
	f, err := c.opt.Fleet.Status(r.Context(), q.Get("group"), q.Get("all") == "true")
	if err != nil {
		return nil, err
	}
	out := api.Instances{Instances: []api.Instance{}}
	for _, g := range f.Groups {
		out.Instances = append(out.Instances, g.Instances...)
	}
	return out, nil
}

func (c *Control) getInstance(r *http.Request) (any, error) {
	return c.opt.Fleet.GetInstance(r.Context(), r.PathValue("instance"))
}

func (c *Control) getConsole(r *http.Request) (any, error) {
	return c.opt.Fleet.Console(r.Context(), r.PathValue("instance"))
}

func (c *Control) getUserData(r *http.Request) (any, error) {
	return c.opt.Fleet.UserData(r.PathValue("group"))
}

func (c *Control) postScale(r *http.Request) (any, error) {
	req, err := decode[api.ScaleRequest](r)
	if err != nil {
		return nil, err
	}
	return c.opt.Fleet.Scale(r.Context(), callerOf(r).name, r.PathValue("group"), req)
}

func (c *Control) postLaunch(r *http.Request) (any, error) {
	req, err := decode[api.LaunchRequest](r)
	if err != nil {
		return nil, err
	}
	return c.opt.Fleet.Launch(r.Context(), callerOf(r).name, r.PathValue("group"), req.Count)
}

func (c *Control) postResume(r *http.Request) (any, error) {
	return c.opt.Fleet.Resume(r.Context(), callerOf(r).name, r.PathValue("group"))
}

func (c *Control) postTerminate(r *http.Request) (any, error) {
	req, err := decode[api.TerminateRequest](r)
	if err != nil {
		return nil, err
	}
	return c.opt.Fleet.Terminate(r.Context(), callerOf(r).name, req)
}

func (c *Control) postDrain(r *http.Request) (any, error) {
	req, err := decode[api.DrainRequest](r)
	if err != nil {
		return nil, err
	}
	return c.opt.Fleet.Drain(r.Context(), callerOf(r).name, r.PathValue("instance"), req)
}

func (c *Control) postUndrain(r *http.Request) (any, error) {
	return c.opt.Fleet.Undrain(r.Context(), callerOf(r).name, r.PathValue("instance"))
}

func (c *Control) postRun(r *http.Request) (any, error) {
	req, err := decode[api.RunRequest](r)
	if err != nil {
		return nil, err
	}
	return c.opt.Fleet.StartRun(r.Context(), callerOf(r).name, req)
}

func (c *Control) getRun(r *http.Request) (any, error) {
	return c.opt.Fleet.GetRun(r.PathValue("run"))
}

// number reads an integer of the query, or of Last-Event-ID for "after".
func number(r *http.Request, name string, fallback int64) (int64, error) {
	text := r.URL.Query().Get(name)
	if last := r.Header.Get("Last-Event-ID"); name == "after" && last != "" {
		text = last
	}
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, api.Errorf(api.CodeBadRequest, "%s=%q is not a number", name, text)
	}
	return n, nil
}

func (c *Control) getEvents(r *http.Request) (any, error) {
	after, err := number(r, "after", -1)
	if err != nil {
		return nil, err
	}
	limit, err := number(r, "limit", 100)
	if err != nil {
		return nil, err
	}
	list, err := c.opt.Fleet.Events(r.Context(), after, int(min(max(limit, 1), 1000)))
	if list == nil {
		list = []instance.Event{}
	}
	return api.Events{Events: list}, err
}

func (c *Control) watchEvents(r *http.Request, send func(int64, string, any) error) error {
	after, err := number(r, "after", 0)
	if err != nil {
		return err
	}
	return c.opt.Fleet.WatchEvents(r.Context(), after, func(e instance.Event) error {
		return send(e.Seq, string(e.Kind), e)
	})
}

func (c *Control) watchRun(r *http.Request, send func(int64, string, any) error) error {
	after, err := number(r, "after", 0)
	if err != nil {
		return err
	}
	return c.opt.Fleet.WatchRun(r.Context(), r.PathValue("run"), int(after), func(e api.RunEvent) error {
		return send(int64(e.Seq), e.Step, e)
	})
}
