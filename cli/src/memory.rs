//! The memory of this process, which holds credentials.

use rustix::process::{DumpableBehavior, Resource, Rlimit};

/// Sees to it that a crash writes no core dump, and that no other process of the same user may read the memory: passwords,
/// tokens and private keys are in it. Programs that this one starts write no core dumps either.
///
/// A system that refuses is no reason not to run: it is as it was before.
pub fn keep_out_of_core_dumps() {
    let _ = rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_writes_no_memory_to_disk() {
        keep_out_of_core_dumps();
        assert_eq!(rustix::process::getrlimit(Resource::Core), Rlimit { current: Some(0), maximum: Some(0) });
        assert_eq!(rustix::process::dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
