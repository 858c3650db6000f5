-- Instances of the fleet, from our intent to their end. What is asked for by name or stage has a column; the rest is JSON.
CREATE TABLE fleet_instances (
    launch_id    TEXT PRIMARY KEY,
    instance_id  TEXT NOT NULL DEFAULT '',   -- empty until the cloud accepted the launch
    group_name   TEXT NOT NULL,
    stage        TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    changed_at   BIGINT NOT NULL,
    json         TEXT NOT NULL,              -- without user-data
    user_data    TEXT NOT NULL               -- with a placeholder instead of the token
);
CREATE UNIQUE INDEX fleet_instances_by_id ON fleet_instances (instance_id) WHERE instance_id <> '';
CREATE INDEX fleet_instances_by_group ON fleet_instances (group_name, requested_at);

-- What is remembered of a group besides its instances: override, back-off, stop.
CREATE TABLE fleet_groups (
    name TEXT PRIMARY KEY,
    json TEXT NOT NULL
);

-- What happened. The sequence grows by one, so that a reader sees gaps.
CREATE TABLE fleet_events (
    seq        BIGINT PRIMARY KEY,
    at         BIGINT NOT NULL,
    group_name TEXT NOT NULL DEFAULT '',
    instance   TEXT NOT NULL DEFAULT '',
    json       TEXT NOT NULL
);

-- Every change of a group's size: inputs, the rule that won, the rules that lost.
CREATE TABLE fleet_decisions (
    id         INTEGER PRIMARY KEY,
    at         BIGINT NOT NULL,
    group_name TEXT NOT NULL,
    json       TEXT NOT NULL
);

-- Tokens of the operator API. Only hashes are stored.
CREATE TABLE api_tokens (
    id         TEXT PRIMARY KEY,
    hash       TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    scope      TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
