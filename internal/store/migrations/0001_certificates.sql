-- One row per counter; a value is the last one given out.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

-- Every certificate that the authority has signed, its own included. Serials are decimal text: they may outgrow 64 bits.
CREATE TABLE certificates (
    serial      TEXT PRIMARY KEY,
    certname    TEXT NOT NULL,
    kind        TEXT NOT NULL,            -- node, server
    pem         TEXT NOT NULL,
    fingerprint TEXT NOT NULL,            -- SHA-256 of the certificate, lower-case hexadecimal
    key_id      TEXT NOT NULL,            -- SHA-256 of the public key, lower-case hexadecimal
    not_before  BIGINT NOT NULL,
    not_after   BIGINT NOT NULL,
    issued_at   BIGINT NOT NULL,
    revoked_at  BIGINT NOT NULL DEFAULT 0,
    cleaned_at  BIGINT NOT NULL DEFAULT 0 -- no longer handed out nor listed
);
CREATE INDEX certificates_by_certname ON certificates (certname);
CREATE INDEX certificates_revoked ON certificates (revoked_at) WHERE revoked_at <> 0;

-- Requests that wait for a signature.
CREATE TABLE certificate_requests (
    certname     TEXT PRIMARY KEY,
    pem          TEXT NOT NULL,
    key_id       TEXT NOT NULL,
    fingerprint  TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    remote       TEXT NOT NULL,
    signable     INTEGER NOT NULL DEFAULT 1, -- 0: kept for the list, but refused (alternative names)
    reason       TEXT NOT NULL DEFAULT ''
);

-- One-time tokens. Only hashes are stored.
CREATE TABLE enrolment_tokens (
    token_hash  TEXT PRIMARY KEY,
    launch_id   TEXT NOT NULL UNIQUE,
    instance_id TEXT NOT NULL DEFAULT '',   -- bound when the cloud has accepted the launch
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    burnt_at    BIGINT NOT NULL DEFAULT 0,
    burnt_key   TEXT NOT NULL DEFAULT ''    -- the key that the token was used with
);
CREATE INDEX enrolment_tokens_by_instance ON enrolment_tokens (instance_id);

-- What was decided about requests, and why.
CREATE TABLE enrolment_decisions (
    id          INTEGER PRIMARY KEY,
    certname    TEXT NOT NULL,
    at          BIGINT NOT NULL,
    verdict     TEXT NOT NULL,
    reason      TEXT NOT NULL,
    detail      TEXT NOT NULL DEFAULT '',
    key_id      TEXT NOT NULL DEFAULT '',
    remote      TEXT NOT NULL DEFAULT '',
    count       INTEGER NOT NULL DEFAULT 1  -- how often the same was decided in a row
);
CREATE INDEX enrolment_decisions_by_certname ON enrolment_decisions (certname, id);

-- Identities that have ended. They never enrol again.
CREATE TABLE tombstones (
    certname   TEXT PRIMARY KEY,
    retired_at BIGINT NOT NULL,
    reason     TEXT NOT NULL DEFAULT ''
);
