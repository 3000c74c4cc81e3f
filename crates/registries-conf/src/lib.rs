//! registries.conf, short names, auth files, certs.d, registries.d and policy.json: merge, match, resolve.
