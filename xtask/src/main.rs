//! The project's chores. `cargo xtask` lists them.
//!
//! Everything that the gate (`.ci/run`) does is one of these commands, so that anyone can run what the gate runs.

mod fuzz;
mod layers;
mod process;
mod setup;
mod test;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  setup                  install the Debian packages that the tests use (as root; otherwise says the command)
  test                   setup, fmt, layers, tidy, clippy, all tests, doc tests: what the gate runs
  layers                 hold the allowed arrows between crates against `cargo metadata`
  tidy                   hold the text rules (module docs, no unfinished marks, internal dependencies)
  fuzz TARGET SECONDS    run one fuzz target for so many seconds (`fuzz list` names them)
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args.as_slice() {
        ["setup"] => setup::run(),
        ["test"] => test::run(),
        ["layers"] => layers::run(),
        ["tidy"] => tidy::run(),
        ["fuzz", "list"] => fuzz::list(),
        ["fuzz", target, seconds] => fuzz::run(target, seconds),
        _ => {
            process::say(USAGE);
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            process::complain(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
