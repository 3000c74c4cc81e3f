//! The `oc-mirror` program: takes one look at the outside world and hands over to the library of the same name.

use std::backtrace::BacktraceStatus;
use std::io::Write as _;
use std::process::ExitCode;

use oc_mirror::env::Snapshot;
use oc_mirror::log::Streams;

fn main() -> ExitCode {
    oc_mirror::memory::keep_out_of_core_dumps();
    // The reason is told in the log, which knows what must not be shown. Here is only told where it was.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let trace = std::backtrace::Backtrace::capture();
        let trace = if trace.status() == BacktraceStatus::Captured { format!("\n{trace}") } else { String::new() };
        // Nobody may be there to read it.
        let _ = writeln!(std::io::stderr(), "internal error at {place}{trace}");
    }));
    ExitCode::from(oc_mirror::run(std::env::args_os(), &Snapshot::take(), Streams::of_process()))
}
