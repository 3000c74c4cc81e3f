//! Runs a plan: mirror to disk, disk to mirror, mirror to mirror, delete.
