package resource

import (
	"regexp"
	"strings"

	"kickoff/internal/value"
)

// accountTypes are the types about users, groups and their keys.
func accountTypes() []*Type { return []*Type{userType(), groupType(), authorizedKeyType()} }

func userType() *Type {
	return typ(Type{
		Name: "user", NameVars: []string{"name"}, EnsureDefault: "present", Check: checkUser,
		Autorequire: []Auto{{Type: "group", Titles: func(p Params) []string {
			return append(nameOf(p, "gid"), p.Texts("groups")...)
		}}},
	}, []Attribute{
		param("name", text), ensure("role"),
		prop("home", text), prop("uid", idOrName), prop("gid", idOrName), prop("comment", text), prop("shell", text),
		prop("password", userPassword).secret(),
		prop("password_min_age", integer("Password minimum age must be provided as a number.")),
		prop("password_max_age", integer("Password maximum age must be provided as a number.")),
		prop("password_warn_days", integer("Password warning days must be provided as a number.")),
		prop("groups", groupName).list(),
		{Name: "expiry", Kind: Property, Munge: userExpiry},
	}, props("roles", "auths", "profiles", "keys", "project", "attributes"), []Attribute{
		prop("salt", nil).secret(),
	}, props("iterations", "loginclass"), params("provider", "ia_load_module"), []Attribute{
		choice("membership", "inclusive", "minimum").or(value.String("minimum")),
		userFlag("system"), userFlag("allowdupe"), userFlag("managehome"), userFlag("forcelocal"),
		choice("role_membership", "inclusive", "minimum"), choice("auth_membership", "inclusive", "minimum"),
		choice("profile_membership", "inclusive", "minimum"), choice("key_membership", "inclusive", "minimum"),
		choice("attribute_membership", "inclusive", "minimum"),
		param("purge_ssh_keys", nil),
	})
}

// userFlag is a boolean parameter of user and group, whose error Puppet words in another way than file's.
func userFlag(name string) Attribute {
	return Attribute{Name: name, Kind: Param, Default: value.Bool(false), Munge: func(v value.Value) (value.Value, error) {
		b, err := boolean(v)
		if err != nil {
			return nil, bad("Munging failed for value %s in class %s: expected a boolean value", inspect(v), name)
		}
		return b, nil
	}}
}

// idOrName gives an Int for a number, also one written as text, and else a String.
func idOrName(v value.Value) (value.Value, error) {
	if n, ok := asInt(v); ok {
		return n, nil
	}
	return text(v)
}

func userPassword(v value.Value) (value.Value, error) {
	if strings.Contains(v.String(), ":") {
		return nil, bad("Passwords cannot include ':'")
	}
	return text(v)
}

func groupName(v value.Value) (value.Value, error) {
	s := v.String()
	switch {
	case digits.MatchString(s):
		return nil, bad("Group names must be provided, not GID numbers.")
	case strings.Contains(s, ","):
		return nil, bad("Group names must be provided as an array, not a comma-separated list.")
	case s == "":
		return nil, bad("Group names must not be empty. If you want to specify \"no groups\" pass an empty array")
	}
	return value.String(s), nil
}

var expiryDate = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)

func userExpiry(v value.Value) (value.Value, error) {
	if s := v.String(); s == "absent" || expiryDate.MatchString(s) {
		return value.String(s), nil
	}
	return nil, bad("Expiry dates must be YYYY-MM-DD or the string \"absent\"")
}

func checkUser(_ string, p Params) error {
	if p.Text("comment") != "" && strings.ContainsAny(p.Text("comment"), ":\n") {
		return bad("the comment of a user cannot contain ':' or a line break")
	}
	return nil
}

func groupType() *Type {
	return typ(Type{
		Name: "group", NameVars: []string{"name"}, EnsureDefault: "present",
		Autorequire: []Auto{},
	}, []Attribute{
		param("name", text), ensure(), prop("gid", groupID), prop("members", groupMember).list(), prop("attributes", nil),
		userFlag("auth_membership"), userFlag("allowdupe"), userFlag("system"), userFlag("forcelocal"),
		choice("attribute_membership", "inclusive", "minimum"),
	}, params("provider", "ia_load_module"))
}

func groupID(v value.Value) (value.Value, error) {
	if n, ok := asInt(v); ok {
		return n, nil
	}
	if v.String() == "" {
		return nil, bad("GID must be provided")
	}
	return nil, bad("Invalid GID %s", v.String())
}

func groupMember(v value.Value) (value.Value, error) {
	if s := v.String(); s == "" || strings.ContainsAny(s, ",:\n") {
		return nil, bad("Invalid member %s", inspect(v))
	}
	return text(v)
}

// keyTypes are the types of SSH keys, in Puppet's order.
var keyTypes = []string{"ssh-dss", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
	"ssh-ed25519", "sk-ecdsa-sha2-nistp256@openssh.com", "sk-ssh-ed25519@openssh.com", "ssh-rsa-cert-v01@openssh.com",
	"ssh-ed25519-cert-v01@openssh.com", "ssh-dss-cert-v01@openssh.com", "ecdsa-sha2-nistp256-cert-v01@openssh.com",
	"ecdsa-sha2-nistp384-cert-v01@openssh.com", "ecdsa-sha2-nistp521-cert-v01@openssh.com"}

func authorizedKeyType() *Type {
	return typ(Type{
		Name: "ssh_authorized_key", NameVars: []string{"name"}, EnsureDefault: "present", Check: checkAuthorizedKey,
		Autorequire: []Auto{{Type: "user", Titles: func(p Params) []string { return nameOf(p, "user") }}},
	}, []Attribute{
		param("name", text), ensure(),
		words("type", keyTypes...).alias("dsa", "ssh-dss", "rsa", "ssh-rsa", "ed25519", "ssh-ed25519",
			"ecdsa-sk", "sk-ecdsa-sha2-nistp256@openssh.com", "ed25519-sk", "sk-ssh-ed25519@openssh.com",
			"rsa-cert", "ssh-rsa-cert-v01@openssh.com", "ed25519-cert", "ssh-ed25519-cert-v01@openssh.com"),
		prop("key", authorizedKey), prop("user", text),
		prop("target", absolutePath("Target must be a fully qualified path, not '%s'")),
		prop("options", keyOption).list(),
		param("provider", nil), flag("drop_privileges").or(value.Bool(true)),
	})
}

func authorizedKey(v value.Value) (value.Value, error) {
	s := v.String()
	switch {
	case strings.ContainsAny(s, " \t\r\n"):
		return nil, bad("Key must not contain whitespace: %s", s)
	case s == "":
		return nil, bad("Key must not be empty")
	}
	return text(v)
}

func keyOption(v value.Value) (value.Value, error) {
	s := v.String()
	if s == "" || strings.ContainsAny(s, "\n\r") {
		return nil, bad("Option must be a single line of text, not %s", inspect(v))
	}
	return value.String(s), nil
}

func checkAuthorizedKey(_ string, p Params) error {
	if p.Text("ensure") == "absent" {
		return nil
	}
	if p.Text("user") == "" && p.Text("target") == "" {
		return bad("Attribute 'user' or 'target' is mandatory")
	}
	return nil
}
