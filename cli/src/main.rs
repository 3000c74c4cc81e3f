//! The command line of oc-mirror.

fn main() {}
