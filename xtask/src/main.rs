//! The project's chores. `cargo xtask` lists them.
//!
//! Everything that the gate (`.ci/run`) does is one of these commands, so that anyone can run what the gate runs.

mod bench;
mod citations;
mod demo;
mod deny;
mod dist;
mod files;
mod fuzz;
mod guide;
mod layers;
mod links;
mod modules;
mod nightly;
mod outside;
mod peers;
mod process;
mod promises;
mod public;
mod pull;
mod setup;
mod test;
mod tidy;
mod tool;
mod voice;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  setup                  install the Debian packages that the tests use (as root; otherwise says the command)
  test                   setup, fmt, layers, tidy, deny, clippy, all tests, doc tests: what the gate runs
  layers                 hold the allowed arrows between crates and between modules against the sources
  tidy                   hold the text rules (module docs, no unfinished marks, internal dependencies, tests that documents name, pages that sources cite, links)
  deny                   hold deny.toml against every dependency: licences, crates that stay out, sources
  demo [--binary PATH] [--keep]
                         mirror a small world to disk and on to a registry, and compare every digest; --keep leaves configuration,
                         commands and registries to try
  bench transfer [--images N] [--scale X] [--pairs N] [--binary PATH] [--folder DIR]
                         speed, CPU, memory and requests of a release-shaped workload, beside curl and cp
  bench catalog [--runs N] [--large MB] [--only TEXT]
                         reading, selecting from and writing real and generated catalogs: times and peak memory
  bench release [--runs N] [--binary PATH] [--only select|collect]
                         selecting from update graphs, and runs that find a release of 190 components cached
  bench blob [--mib N,N] [--pairs N] [--folder DIR]
                         one blob of 64 MiB, 1 GiB, 4 GiB down and up, beside curl: ratios, CPU, memory
  bench plan [--images N] [--large N] [--runs N] [--binary PATH] [--folder DIR]
                         plans with a warm cache, and comparing and drawing large plans: times, memory, requests
  bench requests [--binary PATH]
                         requests to the source beyond the manifests and blobs of each new image
  serve-registry DIR     a registry on DIR, as the benchmarks use it, until standard input ends
  peers [FOLDER...]      the workflows against registries and clients of others, built with Go (skipped without Go);
                         FOLDER: a real catalog, a folder for each package, whose caches are judged too
  nightly [--fuzz-seconds N] [--kills N] [--only NAME]
                         what takes too long for the gate: kills, peers, mutants, every fuzz target
  dist [--binary PATH] [--out DIR] [--check]
                         what a release page holds, in target/dist: static programs, archives, packages, a container image, an SBOM,
                         SHA256SUMS. --check packs twice, compares, and tries each with the tools of its format
  guide                  write the guide's reference of the configuration from the schema
  man [DIR]              write the manual pages (to target/man unless told otherwise)
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
        ["deny"] => deny::run(),
        ["demo", options @ ..] => demo::run(options),
        ["bench", "catalog", options @ ..] => bench::catalog::run(options),
        ["bench", "release", options @ ..] => bench::release::run(options),
        ["bench", "transfer", options @ ..] => bench::transfer::run(options),
        ["bench", "blob", options @ ..] => bench::blob::run(options),
        ["bench", "plan", options @ ..] => bench::plan::run(options),
        ["bench", "requests", options @ ..] => bench::requests::run(options),
        ["dist", options @ ..] => dist::run(options),
        ["serve-registry", folder] => bench::server::run(folder.as_ref()),
        ["peers", catalogs @ ..] => peers::run(catalogs),
        ["nightly", options @ ..] => nightly::run(options),
        ["guide"] => guide::write(),
        ["man"] => man("target/man"),
        ["man", folder] => man(folder),
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

/// Lets the program write its manual pages: it knows its flags best.
fn man(folder: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(process::root().join(folder))?;
    process::run(process::cargo(), &["run", "--quiet", "--package", "oc-mirror", "--", "man", folder])
}
