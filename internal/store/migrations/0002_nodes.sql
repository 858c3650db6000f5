CREATE TABLE nodes (
    certname      TEXT PRIMARY KEY,
    environment   TEXT NOT NULL DEFAULT '',
    first_seen    BIGINT NOT NULL,
    last_seen     BIGINT NOT NULL,
    archived_at   BIGINT NOT NULL DEFAULT 0,
    -- the last catalog that was served
    catalog_at    BIGINT NOT NULL DEFAULT 0,
    catalog_uuid  TEXT NOT NULL DEFAULT '',
    code_id       TEXT NOT NULL DEFAULT '',
    -- the last report
    report_at     BIGINT NOT NULL DEFAULT 0,
    report_id     BIGINT NOT NULL DEFAULT 0,
    report_status TEXT NOT NULL DEFAULT '',
    report_code_id TEXT NOT NULL DEFAULT ''
);

CREATE TABLE facts (
    certname    TEXT PRIMARY KEY REFERENCES nodes (certname) ON DELETE CASCADE,
    environment TEXT NOT NULL,
    at          BIGINT NOT NULL,
    json        TEXT NOT NULL
);

-- The last catalog of each node, without the values of Sensitive.
CREATE TABLE catalogs (
    certname     TEXT PRIMARY KEY REFERENCES nodes (certname) ON DELETE CASCADE,
    environment  TEXT NOT NULL,
    at           BIGINT NOT NULL,
    catalog_uuid TEXT NOT NULL,
    code_id      TEXT NOT NULL,
    json         TEXT NOT NULL
);

-- Which catalog a run used: a report names its catalog and transaction, not the code it came from.
CREATE TABLE served_catalogs (
    catalog_uuid TEXT PRIMARY KEY,
    certname     TEXT NOT NULL REFERENCES nodes (certname) ON DELETE CASCADE,
    transaction_uuid TEXT NOT NULL,
    code_id      TEXT NOT NULL,
    at           BIGINT NOT NULL
);
CREATE INDEX served_catalogs_by_certname ON served_catalogs (certname, at);

CREATE TABLE reports (
    id            INTEGER PRIMARY KEY,
    certname      TEXT NOT NULL REFERENCES nodes (certname) ON DELETE CASCADE,
    environment   TEXT NOT NULL,
    received_at   BIGINT NOT NULL,
    started_at    BIGINT NOT NULL,
    status        TEXT NOT NULL,
    noop          INTEGER NOT NULL,
    transaction_uuid TEXT NOT NULL,
    catalog_uuid  TEXT NOT NULL,
    code_id       TEXT NOT NULL,
    config_version TEXT NOT NULL,
    problem       TEXT NOT NULL,           -- what went wrong first, for people
    json          BLOB NOT NULL            -- the report as it was sent, gzip
);
CREATE INDEX reports_by_certname ON reports (certname, received_at);

-- Exported resources. The environment is part of the key.
CREATE TABLE exported_resources (
    environment TEXT NOT NULL,
    type        TEXT NOT NULL,             -- capitalised
    title       TEXT NOT NULL,
    certname    TEXT NOT NULL,
    at          BIGINT NOT NULL,
    json        TEXT NOT NULL,
    PRIMARY KEY (environment, type, title, certname)
);
CREATE INDEX exported_resources_by_certname ON exported_resources (certname);

-- Backups of files of nodes.
CREATE TABLE bucket_files (
    digest    TEXT PRIMARY KEY,            -- lower-case hexadecimal SHA-256
    stored_at BIGINT NOT NULL,
    content   BLOB NOT NULL
);
