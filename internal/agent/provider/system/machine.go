package system

// Machine is what a provider works on.
type Machine struct {
	// Root is put before every path; "" is /.
	Root     string
	Run      Runner
	Accounts *Accounts
}

// NewMachine gives a machine with its accounts.
func NewMachine(root string, run Runner) *Machine {
	return &Machine{Root: root, Run: run, Accounts: NewAccounts(root, run)}
}

// Path puts the root before a path.
func (m *Machine) Path(p string) string { return m.Root + p }
