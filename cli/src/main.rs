//! The `oc-mirror` program: takes one look at the outside world and hands over to the library of the same name.

use std::process::ExitCode;

use oc_mirror::env::Snapshot;
use oc_mirror::log::Streams;

fn main() -> ExitCode {
    ExitCode::from(oc_mirror::run(std::env::args_os(), &Snapshot::take(), Streams::of_process()))
}
