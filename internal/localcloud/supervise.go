package localcloud

import (
	"context"
	"errors"
	"strings"
	"time"

	"kickoff/internal/localcloud/api"
	"kickoff/internal/localcloud/image"
	"kickoff/internal/localcloud/machine"
	"kickoff/internal/localcloud/network"
)

// supervise is the life of one instance: it starts the machine, again after
// each reboot, carries out orders, and cleans up when it has ended.
func (e *Engine) supervise(i *instance, built image.Image) {
	for {
		begin := time.Now()
		m, err := e.boot(i, built)
		if err != nil {
			e.options.Log.Error("instance cannot be started", "instance", i, "error", err)
			e.end(i, "Server.InternalError: "+err.Error())
			return
		}
		e.booted(i, m)
		e.options.Log.Info("instance started", "instance", i, "pid", m.PID(), "took", time.Since(begin))
		again, reason := e.watch(i, m)
		if err := e.router.Detach(i.portName()); err != nil {
			e.options.Log.Warn("port cannot be removed", "instance", i, "error", err)
		}
		if !again {
			e.end(i, reason)
			return
		}
		e.options.Log.Info("instance reboots", "instance", i)
	}
}

// boot starts the machine.
func (e *Engine) boot(i *instance, built image.Image) (*machine.Machine, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	short, _, _ := strings.Cut(i.PrivateDNSName, ".")
	m, err := machine.Start(ctx, machine.Options{
		Command: e.options.InitCommand, Hostname: short, Lower: []string{built.Root}, Dir: i.dir,
		Group: e.group.Sub(i.ID), Console: i.console,
		Attach: func(pid int) error {
			return e.router.Attach(pid, network.Port{Name: i.portName(), Address: i.address, MAC: network.MACFor(i.address)})
		},
	})
	if err != nil {
		return nil, errors.Join(err, e.router.Detach(i.portName()))
	}
	return m, nil
}

// booted notes that the machine runs, unless its end has been ordered.
func (e *Engine) booted(i *instance, m *machine.Machine) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i.PID = m.PID()
	i.Boots++
	if i.State == api.Pending {
		i.State = api.Running
	}
	e.saved(i)
}

// watch waits for the machine's end or an order, and sees to it that nothing
// runs any more. It reports whether the machine shall start again, else why
// it ended.
func (e *Engine) watch(i *instance, m *machine.Machine) (again bool, reason string) {
	select {
	case <-m.Done():
		if err := m.Kill(); err != nil {
			e.options.Log.Warn("machine leaves something behind", "instance", i, "error", err)
		}
		if i.wantsReboot() {
			return e.stillWanted(i), "Client.UserInitiatedShutdown"
		}
		return false, "Client.InstanceInitiatedShutdown: the machine shut itself down"
	case o := <-i.control:
		if err := e.halt(m, o.kind == orderKill); err != nil {
			e.options.Log.Warn("machine leaves something behind", "instance", i, "error", err)
		}
		if o.kind == orderReboot {
			_ = i.wantsReboot() // takes the record away
			return e.stillWanted(i), "Client.UserInitiatedShutdown"
		}
		return false, o.reason
	}
}

// halt ends a machine, cleanly or at once.
func (e *Engine) halt(m *machine.Machine, atOnce bool) error {
	if atOnce {
		return m.Kill()
	}
	ctx, cancel := context.WithTimeout(context.Background(), e.options.StopTimeout)
	defer cancel()
	return m.Stop(ctx)
}

// stillWanted reports whether no end has been ordered meanwhile.
func (e *Engine) stillWanted(i *instance) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !i.ordered
}

// end makes the instance terminated, then removes its disk.
func (e *Engine) end(i *instance, reason string) {
	e.mu.Lock()
	i.State, i.EndTime, i.PID, i.UserData = api.Terminated, time.Now().UTC(), 0, nil
	if i.StateReason == "" {
		i.StateReason = reason
	}
	i.ordered = true
	delete(e.addresses, i.address)
	e.saved(i)
	e.mu.Unlock()
	e.signer.Forget(i.ID)
	i.console.close()
	e.options.Log.Info("instance ended", "instance", i, "reason", reason)
	if err := i.removeFiles(); err != nil {
		e.options.Log.Warn("disk cannot be removed", "instance", i, "error", err)
	}
}

// saved writes the record; there is nobody to tell but the log. The caller
// holds the lock.
func (e *Engine) saved(i *instance) {
	if err := i.save(); err != nil {
		e.options.Log.Error("record cannot be written", "instance", i, "error", err)
	}
}
