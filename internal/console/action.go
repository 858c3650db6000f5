package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"kickoff/internal/api"
)

// maxStart bounds what one press of the start button may ask for; the group's own limits bound it further.
const maxStart = 500

func (c *Console) askStart(w http.ResponseWriter, r *http.Request) error {
	group := r.PathValue("group")
	count, err := startCount(r.FormValue("count"))
	if err != nil {
		return err
	}
	fleet, err := c.fleet.Fleet(r.Context(), group, false)
	if err != nil {
		return err
	}
	if len(fleet.Groups) != 1 {
		return api.Errorf(api.CodeNotFound, "there is no group %q", group)
	}
	size := fleet.Groups[0].Size
	return c.render(w, http.StatusOK, "confirm.html", view{Title: "kickoff: start servers", Ask: &question{
		Verb: "Start", Subject: plural(count, "server") + " of " + group, Count: count,
		Effect:  fmt.Sprintf("The size of %s goes from %d to %d and stays there until somebody changes it; limits of the group may make it less.", group, size, size+count),
		Command: fmt.Sprintf("kickoff fleet launch %s %d", group, count),
		Path:    "/groups/" + url.PathEscape(group) + "/start",
	}})
}

func startCount(text string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 1 || n > maxStart {
		return 0, api.Errorf(api.CodeBadRequest, "%q is no number of servers", text).WithHint("give a number from 1 to %d", maxStart)
	}
	return n, nil
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func (c *Console) start(w http.ResponseWriter, r *http.Request) error {
	count, err := startCount(r.PostFormValue("count"))
	if err != nil {
		return err
	}
	answer, err := c.fleet.Launch(r.Context(), r.PathValue("group"), count)
	if err != nil {
		return err
	}
	said := fmt.Sprintf("%s: size %d, was %d.", answer.Group, answer.Size, answer.Before)
	if len(answer.Notes) > 0 {
		said += " " + strings.Join(answer.Notes, "; ")
	}
	c.back(w, r, said)
	return nil
}

// back goes to the first page and shows what was done.
func (c *Console) back(w http.ResponseWriter, r *http.Request, said string) {
	http.Redirect(w, r, "/?"+url.Values{"said": {said}}.Encode(), http.StatusSeeOther)
}

// questions are the actions on one instance, by the word in the address.
var questions = map[string]question{
	"drain": {
		Verb:    "Drain",
		Effect:  "It gets no new requests and finishes those it has; it keeps running until somebody lets it back or terminates it.",
		Command: "kickoff fleet drain %s",
	},
	"undrain": {
		Verb:    "Let back",
		Effect:  "It goes back into the balancer as soon as its health check answers.",
		Command: "kickoff fleet undrain %s",
	},
	"terminate": {
		Verb: "Terminate",
		Effect: "It is drained, taken out of the balancer and ended; its certificate is revoked and its data withdrawn. " +
			"The size of the group falls by one, so that no replacement comes. This cannot be undone.",
		Command: "kickoff fleet terminate %s --shrink", Typed: true, Danger: true,
	},
}

func (c *Console) askAction(w http.ResponseWriter, r *http.Request) error {
	name, q, err := c.question(r)
	if err != nil {
		return err
	}
	if _, err := c.fleet.Instance(r.Context(), name); err != nil {
		return err
	}
	return c.render(w, http.StatusOK, "confirm.html", view{Title: "kickoff: " + strings.ToLower(q.Verb) + " " + name, Ask: &q})
}

func (c *Console) question(r *http.Request) (name string, q question, err error) {
	name, action := r.PathValue("name"), r.PathValue("action")
	q, ok := questions[action]
	if !ok {
		return "", q, api.Errorf(api.CodeNotFound, "there is no action %q", action)
	}
	q.Subject, q.Command = name, fmt.Sprintf(q.Command, name)
	q.Path = "/instances/" + url.PathEscape(name) + "/" + action
	return name, q, nil
}

func (c *Console) act(w http.ResponseWriter, r *http.Request) error {
	name, q, err := c.question(r)
	if err != nil {
		return err
	}
	if typed := strings.TrimSpace(r.PostFormValue("typed")); q.Typed && typed != name {
		return api.Errorf(api.CodeBadRequest, "%q was typed where %q was asked for: nothing was done", typed, name)
	}
	const reason = "asked for in the console"
	var done api.Done
	switch r.PathValue("action") {
	case "drain":
		done, err = c.fleet.Drain(r.Context(), name, api.DrainRequest{Reason: reason})
	case "undrain":
		done, err = c.fleet.Undrain(r.Context(), name)
	case "terminate":
		done, err = c.fleet.Terminate(r.Context(), api.TerminateRequest{Instances: []string{name}, Shrink: true, Reason: reason})
	}
	if err != nil {
		return err
	}
	c.back(w, r, done.Message)
	return nil
}
