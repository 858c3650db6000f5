package enroll

import (
	"fmt"
	"strings"
	"time"
)

// Verdict is what becomes of a certificate request.
type Verdict string

// The verdicts.
const (
	// Sign: a certificate is issued at once.
	Sign Verdict = "sign"
	// Issued: there is a certificate for this key already; nothing is to be done.
	Issued Verdict = "issued"
	// Wait: not now, but perhaps in a moment; nothing is stored.
	Wait Verdict = "wait"
	// Hold: a person must sign it.
	Hold Verdict = "hold"
	// Refuse: no.
	Refuse Verdict = "refuse"
)

// Reason is a stable code that says why.
type Reason string

// The reasons.
const (
	ReasonTokenValid      Reason = "token_valid"
	ReasonSameKeyRetry    Reason = "same_key_retry"
	ReasonHaveCertificate Reason = "certificate_exists"
	ReasonUnbound         Reason = "instance_not_known_yet"
	ReasonNoToken         Reason = "no_token"
	ReasonKnownRequest    Reason = "request_exists"
	ReasonMalformed       Reason = "malformed_request"
	ReasonWrongName       Reason = "name_mismatch"
	ReasonAltNames        Reason = "alternative_names"
	ReasonAuthorization   Reason = "authorization_extension"
	ReasonUnknownExt      Reason = "unknown_extension"
	ReasonRetired         Reason = "identity_retired"
	ReasonUnknownToken    Reason = "unknown_token"
	ReasonExpired         Reason = "token_expired"
	ReasonOtherInstance   Reason = "token_of_other_instance"
	ReasonTokenUsed       Reason = "token_used"
	ReasonNameTaken       Reason = "name_has_other_key"
	ReasonTokenRequired   Reason = "token_required"
	ReasonSignedByHand    Reason = "signed_by_operator"
	ReasonRateLimited     Reason = "rate_limited"
)

// Decision is a verdict with its reason. Detail is for people and names the instance.
type Decision struct {
	Verdict Verdict
	Reason  Reason
	Detail  string
}

// Token is what is stored about a one-time token.
type Token struct {
	LaunchID string
	// InstanceID is the instance that the cloud gave for the launch; empty until it did.
	InstanceID string
	ExpiresAt  time.Time
	// BurntAt is zero while the token was not used; BurntKey is the key it was used with.
	BurntAt  time.Time
	BurntKey string
}

// Evidence is everything that a decision depends on. The request's form and signature have been verified already.
type Evidence struct {
	Now time.Time
	// Asked is the name in the path of the request, Certname the one in the request itself.
	Asked, Certname string
	KeyID           string
	AltNames        []string
	Authorization   []string
	Unknown         []string

	// HasToken says that the request carried one, Token what is known of it: nil if nothing.
	HasToken bool
	Token    *Token

	// RetiredAt is when the identity ended; zero if it did not.
	RetiredAt time.Time
	// CertificateKey is the key of the good certificate of that name; empty if there is none.
	CertificateKey string
	// RequestKey is the key of the request of that name that waits for a signature; empty if there is none.
	RequestKey string
	// Instance says that the name is that of an instance which we launched.
	Instance bool
}

// Decide is the whole policy. It is pure.
func Decide(e Evidence) Decision {
	for _, rule := range []func(Evidence) (Decision, bool){decideForm, decideIdentity, decideToken} {
		if d, ok := rule(e); ok {
			return d
		}
	}
	return decideWithoutToken(e)
}

func refuse(reason Reason, format string, args ...any) (Decision, bool) {
	return Decision{Refuse, reason, fmt.Sprintf(format, args...)}, true
}

// decideForm looks at what the request asks for.
func decideForm(e Evidence) (Decision, bool) {
	switch {
	case e.Asked != e.Certname:
		return refuse(ReasonWrongName, "the request for %s names %s", e.Asked, e.Certname)
	case len(e.AltNames) > 0:
		return refuse(ReasonAltNames,
			"CSR '%s' contains extra subject alternative names (%s), which are disallowed", e.Certname, strings.Join(e.AltNames, ", "))
	case len(e.Authorization) > 0:
		return refuse(ReasonAuthorization,
			"CSR '%s' contains authorization extensions (%s), which are disallowed", e.Certname, strings.Join(e.Authorization, ", "))
	case len(e.Unknown) > 0:
		return refuse(ReasonUnknownExt,
			"CSR '%s' contains extensions that are not supported (%s)", e.Certname, strings.Join(e.Unknown, ", "))
	}
	return Decision{}, false
}

// decideIdentity looks at what the name has been used for.
func decideIdentity(e Evidence) (Decision, bool) {
	switch {
	case !e.RetiredAt.IsZero():
		return refuse(ReasonRetired, "%s was retired at %s; its identity is not used again",
			e.Certname, e.RetiredAt.UTC().Format(time.RFC3339))
	case e.CertificateKey == e.KeyID && e.KeyID != "":
		return Decision{Issued, ReasonHaveCertificate, e.Certname + " has a certificate for this key"}, true
	case e.CertificateKey != "":
		return refuse(ReasonNameTaken, "%s has a certificate for another key; revoke or clean it first", e.Certname)
	}
	return Decision{}, false
}

// decideToken looks at the token, if there is one.
func decideToken(e Evidence) (Decision, bool) {
	t := e.Token
	switch {
	case !e.HasToken:
		return Decision{}, false
	case t == nil:
		return refuse(ReasonUnknownToken, "the token of %s was not made by this server", e.Certname)
	case t.InstanceID == "" && e.Now.Before(t.ExpiresAt):
		return Decision{Wait, ReasonUnbound,
			fmt.Sprintf("the cloud has not confirmed launch %s yet, so it is not known whether it is %s", t.LaunchID, e.Certname)}, true
	case t.InstanceID != "" && t.InstanceID != e.Certname:
		return refuse(ReasonOtherInstance, "%s presents the token of %s", e.Certname, t.InstanceID)
	case !t.BurntAt.IsZero() && t.BurntKey == e.KeyID:
		return Decision{Sign, ReasonSameKeyRetry,
			fmt.Sprintf("%s used its token with this key at %s and asks again", e.Certname, t.BurntAt.UTC().Format(time.RFC3339))}, true
	case !t.BurntAt.IsZero():
		return refuse(ReasonTokenUsed, "the token of %s was used with another key at %s",
			e.Certname, t.BurntAt.UTC().Format(time.RFC3339))
	case !e.Now.Before(t.ExpiresAt):
		return refuse(ReasonExpired, "the token of %s expired at %s", e.Certname, t.ExpiresAt.UTC().Format(time.RFC3339))
	}
	return Decision{Sign, ReasonTokenValid, fmt.Sprintf("%s presents the token of launch %s", e.Certname, t.LaunchID)}, true
}

// decideWithoutToken is about nodes that nobody launched: a person signs these.
func decideWithoutToken(e Evidence) Decision {
	switch {
	case e.Instance:
		d, _ := refuse(ReasonTokenRequired, "%s is an instance of the fleet and can enrol only with its token", e.Certname)
		return d
	case e.RequestKey != "":
		return Decision{Hold, ReasonKnownRequest,
			e.Certname + " already has a requested certificate; ignoring certificate request"}
	}
	return Decision{Hold, ReasonNoToken, e.Certname + " waits for a signature by hand"}
}
