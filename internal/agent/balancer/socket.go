package balancer

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"time"

	"kickoff/internal/wire"
)

const (
	socketTimeout = 5 * time.Second
	maxReply      = 8 << 20
)

// ask sends one command to a socket and gives the answer.
func ask(ctx context.Context, socket, command string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, socketTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return "", fmt.Errorf("haproxy is not reached: %w", err)
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return "", fmt.Errorf("talk to haproxy: %w", err)
		}
	}
	if _, err := io.WriteString(conn, command+"\n"); err != nil {
		return "", fmt.Errorf("tell haproxy %q: %w", command, err)
	}
	// The master process answers until it has seen the end of what is asked.
	if half, ok := conn.(*net.UnixConn); ok {
		if err := half.CloseWrite(); err != nil {
			return "", fmt.Errorf("tell haproxy %q: %w", command, err)
		}
	}
	reply, err := io.ReadAll(io.LimitReader(conn, maxReply))
	if err != nil {
		return "", fmt.Errorf("read haproxy's answer to %q: %w", command, err)
	}
	return string(reply), nil
}

// order gives a command whose good answer is the given text, or nothing.
func (b *Balancer) order(ctx context.Context, command, good string) error {
	reply, err := ask(ctx, b.opt.Socket, command)
	if err != nil {
		return err
	}
	reply = strings.TrimSpace(reply)
	if reply == "" && good == "" || good != "" && strings.Contains(reply, good) {
		return nil
	}
	return fmt.Errorf("haproxy answers %q to %q", reply, command)
}

// pid gives the process id of the worker that answers.
func (b *Balancer) pid(ctx context.Context) (string, error) {
	reply, err := ask(ctx, b.opt.Socket, "show info")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(reply) {
		if pid, ok := strings.CutPrefix(line, "Pid: "); ok {
			return strings.TrimSpace(pid), nil
		}
	}
	return "", errors.New("haproxy does not tell its pid")
}

// server is what the process knows of one server.
type server struct {
	name, address string
	port          int
	// state is ready, drain or maint.
	state string
	// checked says that health checks are on.
	checked bool
}

// Bits of srv_admin_state and srv_check_state in "show servers state" (HAProxy's management guide, section 9.3).
const (
	adminForcedMaint    = 0x01
	adminInheritedMaint = 0x02
	adminConfiguredMain = 0x04
	adminForcedDrain    = 0x08
	adminInheritedDrain = 0x10
	checkEnabled        = 0x02
)

// servers lists what the process knows. The header names the columns.
func (b *Balancer) servers(ctx context.Context, backend string) ([]server, error) {
	reply, err := ask(ctx, b.opt.Socket, "show servers state "+backend)
	if err != nil {
		return nil, err
	}
	if strings.Contains(reply, "Can't find backend") {
		return nil, fmt.Errorf("%w: %s", errNoBackend, backend)
	}
	var columns []string
	var out []server
	for line := range strings.Lines(reply) {
		fields := strings.Fields(line)
		if names, ok := strings.CutPrefix(line, "# "); ok {
			columns = strings.Fields(names)
			continue
		}
		if len(columns) == 0 || len(fields) < len(columns) {
			continue
		}
		row := map[string]string{}
		for i, c := range columns {
			row[c] = fields[i]
		}
		admin, _ := strconv.Atoi(row["srv_admin_state"])
		check, _ := strconv.Atoi(row["srv_check_state"])
		port, _ := strconv.Atoi(row["srv_port"])
		out = append(out, server{row["srv_name"], row["srv_addr"], port, adminState(admin), check&checkEnabled != 0})
	}
	if columns == nil {
		return nil, fmt.Errorf("haproxy answers %q", strings.TrimSpace(reply))
	}
	return out, nil
}

func adminState(bits int) string {
	switch {
	case bits&(adminForcedMaint|adminInheritedMaint|adminConfiguredMain) != 0:
		return "maint"
	case bits&(adminForcedDrain|adminInheritedDrain) != 0:
		return "drain"
	}
	return "ready"
}

// status tells how the servers are. To the process, standby and drain are the same.
func (b *Balancer) status(ctx context.Context, want wire.BalancerSync) (*wire.BalancerStatus, error) {
	backend := want.Backend
	standby := map[string]bool{}
	for _, w := range want.Servers {
		standby[w.Name] = w.State == wire.ServerStandby
	}
	have, err := b.servers(ctx, backend)
	if err != nil {
		return nil, err
	}
	stats, err := b.stats(ctx, b.opt.Socket, "", backend)
	if err != nil {
		return nil, err
	}
	old, known := b.oldSessions(ctx, backend)
	out := &wire.BalancerStatus{Backend: backend, Servers: []wire.BalancerServerStatus{}}
	for _, s := range have {
		row := stats[s.name]
		if s.state == wire.ServerDrain && standby[s.name] {
			s.state = wire.ServerStandby
		}
		sessions, _ := strconv.Atoi(row["scur"])
		if !known && s.state == wire.ServerDrain {
			sessions++ // nothing is drained before all have been asked
		}
		out.Servers = append(out.Servers, wire.BalancerServerStatus{
			Name: s.name, State: s.state, CheckStatus: strings.TrimPrefix(row["check_status"], "* "),
			Up: isUp(row), Sessions: sessions + old[s.name],
		})
	}
	return out, nil
}

// isUp says that the health checks pass: a check has been made, and the process counts on the server.
func isUp(row map[string]string) bool {
	check := strings.TrimPrefix(row["check_status"], "* ")
	status := row["status"]
	return strings.HasPrefix(check, "L") && strings.Contains(check, "OK") &&
		(strings.HasPrefix(status, "UP") || strings.HasPrefix(status, "DRAIN") || strings.HasPrefix(status, "NOLB"))
}

// stats gives the statistics of a backend's servers by name and column.
func (b *Balancer) stats(ctx context.Context, socket, prefix, backend string) (map[string]map[string]string, error) {
	// All servers of all proxies: asked for by name, a frontend of the same name would answer.
	reply, err := ask(ctx, socket, prefix+"show stat -1 4 -1")
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(strings.TrimSpace(reply), "# ")))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, fmt.Errorf("read haproxy's statistics: %q: %w", strings.TrimSpace(reply), err)
	}
	out := map[string]map[string]string{}
	for _, fields := range rows[1:] {
		row := map[string]string{}
		for i, column := range rows[0] {
			if i < len(fields) {
				row[column] = fields[i]
			}
		}
		if row["pxname"] == backend {
			out[row["svname"]] = row
		}
	}
	return out, nil
}

// oldSessions counts the sessions of workers that a reload has left behind to finish what they have: a server is
// drained only when those are over too. Without a master socket there is nobody to ask. known is false if somebody did
// not answer.
func (b *Balancer) oldSessions(ctx context.Context, backend string) (sessions map[string]int, known bool) {
	out := map[string]int{}
	if b.opt.Master == "" {
		return out, true
	}
	reply, err := ask(ctx, b.opt.Master, "show proc")
	if errors.Is(err, fs.ErrNotExist) {
		return out, true // haproxy was started without one
	}
	if err != nil {
		b.opt.Logger.Warn("haproxy's master process does not answer", "error", err)
		return out, false
	}
	known = true
	_, old, _ := strings.Cut(reply, "# old workers")
	for line := range strings.Lines(old) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[1] != "worker" {
			continue
		}
		stats, err := b.stats(ctx, b.opt.Master, "@!"+fields[0]+" ", backend)
		if err != nil {
			b.opt.Logger.Debug("an old worker of haproxy does not answer", "pid", fields[0], "error", err)
			known = false
			continue
		}
		for name, row := range stats {
			n, _ := strconv.Atoi(row["scur"])
			out[name] += n
		}
	}
	return out, known
}
