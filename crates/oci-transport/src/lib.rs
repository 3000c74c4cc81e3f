//! Registries, OCI layouts and other transports: pull, push, mount, delete.
