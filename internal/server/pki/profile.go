package pki

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// ProfileConfig is the form in which the properties of certificates are configured. The zero value is Puppet's: valid
// for five years, from a day ago.
type ProfileConfig struct {
	// Validity is how long a certificate is good.
	Validity time.Duration
	// Backdate is how far notBefore lies in the past, for nodes whose clock is late.
	Backdate time.Duration
	// MaxNames bounds the subject alternative names.
	MaxNames int
}

// Profile is a validated ProfileConfig.
type Profile struct {
	validity, backdate time.Duration
	maxNames           int
}

// Bounds of what a profile may ask for.
const (
	day             = 24 * time.Hour
	minValidity     = time.Hour
	maxValidity     = 10 * 365 * day
	maxBackdate     = 7 * day
	defaultValidity = 5 * 365 * day
	defaultMaxNames = 32
)

// NewProfile validates a configuration.
func NewProfile(c ProfileConfig) (Profile, error) {
	p := Profile{c.Validity, c.Backdate, c.MaxNames}
	if p.validity == 0 {
		p.validity = defaultValidity
	}
	if p.backdate == 0 {
		p.backdate = day
	}
	if p.maxNames == 0 {
		p.maxNames = defaultMaxNames
	}
	switch {
	case p.validity < minValidity || p.validity > maxValidity:
		return Profile{}, fmt.Errorf("certificate validity %v is not between %v and %v", p.validity, minValidity, maxValidity)
	case p.backdate < 0 || p.backdate > maxBackdate:
		return Profile{}, fmt.Errorf("certificate backdate %v is not between 0 and %v", p.backdate, maxBackdate)
	case p.maxNames < 1:
		return Profile{}, errors.New("a certificate needs at least one name")
	}
	return p, nil
}

// certnamePattern is what Puppet accepts as the name of a node, in lower case.
var certnamePattern = regexp.MustCompile(`^[a-z0-9_][a-z0-9._-]*$`)

// maxCertname is the longest common name that X.509 allows for.
const maxCertname = 64

// ValidateCertname says what is wrong with the name of a node. Names are used in paths and log lines, so they are
// narrow.
func ValidateCertname(name string) error {
	switch {
	case name == "":
		return errors.New("the certificate name is empty")
	case name != strings.ToLower(name):
		return ErrUpperCase
	case len(name) > maxCertname:
		return fmt.Errorf("certificate name %.70q is longer than %d characters", name, maxCertname)
	case !certnamePattern.MatchString(name) || strings.Contains(name, ".."):
		return fmt.Errorf("certificate name %q has characters other than a-z, 0-9, dot, dash and underscore", name)
	case name == "ca":
		return errors.New(`the certificate name "ca" is taken by the authority itself`)
	}
	return nil
}

// ErrUpperCase says that a name is not in lower case.
var ErrUpperCase = errors.New("the certificate name is not in lower case")
