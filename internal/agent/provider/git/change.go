package git

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"kickoff/internal/agent/provider/system"
)

// create clones the source, or makes a new repository if there is none.
func (g *repo) create(ctx context.Context) error {
	path := g.p.m.Path(g.path)
	state, err := g.state(ctx)
	if err != nil {
		return err
	}
	if state == statePartial {
		// Only the repository's own data go: whatever else is there is not ours.
		if err := os.RemoveAll(filepath.Join(path, ".git")); err != nil {
			return err
		}
		if !g.empty() {
			return g.adopt(ctx)
		}
	}
	if state == stateOther && g.force() && !g.empty() {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	if g.source == "" {
		return g.initialise(ctx)
	}
	args := []string{"git", "-c", "advice.detachedHead=false", "clone", "--quiet", "--origin", g.remote}
	switch {
	case g.ensure == stateBare:
		args = append(args, "--bare")
	case g.revision != "":
		args = append(args, "--no-checkout")
	}
	if depth, err := strconv.Atoi(g.r.Text("depth")); err == nil && depth > 0 {
		args = append(args, "--depth", strconv.Itoa(depth), "--no-single-branch")
	}
	args = append(args, "--", g.source, path)
	if _, err := g.outside(ctx, args); err != nil {
		return err
	}
	if g.ensure == stateBare {
		return nil
	}
	if g.revision != "" {
		if err := g.checkout(ctx); err != nil {
			return err
		}
	}
	return g.submodules(ctx)
}

// outside runs git where the repository does not exist yet.
func (g *repo) outside(ctx context.Context, args []string) (system.Result, error) {
	return system.Must(ctx, g.p.m.Run, system.Command{Args: args, As: g.as, Env: g.env, Timeout: timeout, Umask: g.r.Text("umask")})
}

// adopt makes a working copy of a directory that holds files already.
func (g *repo) adopt(ctx context.Context) error {
	if err := g.initialise(ctx); err != nil {
		return err
	}
	if _, err := g.git(ctx, "remote", "add", g.remote, g.source); err != nil {
		return err
	}
	return g.update(ctx)
}

func (g *repo) initialise(ctx context.Context) error {
	args := []string{"git", "init", "--quiet"}
	if g.ensure == stateBare {
		args = append(args, "--bare")
	}
	_, err := g.outside(ctx, append(args, "--", g.p.m.Path(g.path)))
	return err
}

func (g *repo) remove(context.Context) error { return os.RemoveAll(g.p.m.Path(g.path)) }

// recreate turns a working copy into a bare repository or the other way round, which only force allows.
func (g *repo) recreate(ctx context.Context) error {
	if !g.force() {
		return errors.New("it is another kind of repository, which is not replaced without 'force'")
	}
	if err := g.remove(ctx); err != nil {
		return err
	}
	return g.create(ctx)
}

func (g *repo) setSource(ctx context.Context, have string) error {
	args := []string{"remote", "set-url", g.remote, g.source}
	if have == "absent" {
		args = []string{"remote", "add", g.remote, g.source}
	}
	if _, err := g.git(ctx, args...); err != nil {
		return err
	}
	if g.revision == "" && g.ensure != "latest" {
		return nil
	}
	return g.update(ctx)
}

// update fetches what is new and checks the wanted revision out. Local changes are lost, as with Puppet's type.
func (g *repo) update(ctx context.Context) error {
	if g.source != "" {
		if _, err := g.git(ctx, "fetch", "--quiet", "--tags", "--force", g.remote); err != nil {
			return err
		}
	}
	if g.revision == "" {
		if _, err := g.git(ctx, "remote", "set-head", g.remote, "--auto"); err != nil {
			return err
		}
		g.revision = "HEAD"
	}
	if err := g.checkout(ctx); err != nil {
		return err
	}
	return g.submodules(ctx)
}

// unknownRevision says that a repository has no such revision.
type unknownRevision struct{ name, source string }

// Error says which.
func (e *unknownRevision) Error() string {
	return "revision '" + e.name + "' is not known to " + e.source
}

// checkout brings the working copy to the revision: a branch of the remote becomes a local branch that follows it,
// anything else is checked out by itself.
func (g *repo) checkout(ctx context.Context) error {
	id := g.commit(ctx, g.revision)
	if id == "" {
		return &unknownRevision{g.revision, g.source}
	}
	branch := "refs/remotes/" + g.remote + "/" + g.revision
	if _, err := g.git(ctx, "rev-parse", "--verify", "--quiet", branch); err == nil && g.revision != "HEAD" {
		_, err := g.git(ctx, "checkout", "--quiet", "--force", "-B", g.revision, "--track", g.remote+"/"+g.revision)
		return err
	}
	_, err := g.git(ctx, "checkout", "--quiet", "--force", "--detach", id)
	return err
}

func (g *repo) submodules(ctx context.Context) error {
	if g.r.Text("submodules") == "false" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(g.p.m.Path(g.path), ".gitmodules")); err != nil {
		return nil
	}
	_, err := g.git(ctx, "submodule", "update", "--quiet", "--init", "--recursive")
	return err
}

// chown gives everything to owner and group, if these are set.
func (g *repo) chown(ctx context.Context) error {
	owner, group := g.r.Text("owner"), g.r.Text("group")
	if owner == "" && group == "" || g.ensure == "absent" {
		return nil
	}
	id, _, err := g.p.m.Accounts.Identity(ctx, owner, group)
	if err != nil {
		return err
	}
	uid, gid := id.UID, id.GID
	if owner == "" {
		uid = -1
	}
	if group == "" {
		gid = -1
	}
	root, err := os.OpenRoot(g.p.m.Path(g.path))
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return root.Lchown(path, uid, gid)
	})
}
