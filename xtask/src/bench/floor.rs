//! The floor: the same bytes moved by `curl` and `cp`, which verify nothing and keep no books.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use test_support::Workload;

use super::measure::{Cost, run};

/// How many transfers `curl` runs at once.
const PARALLEL: &str = "8";

/// Fetches every blob once in parallel, then copies them once: what mirror to disk cannot do without.
pub(crate) fn pull(workload: &Workload, host: &str, folder: &Path) -> anyhow::Result<Cost> {
    let (cache, archive) = (folder.join("cache"), folder.join("archive"));
    fs::create_dir_all(&cache)?;
    let mut config = String::new();
    for (digest, repository) in homes(workload) {
        let output = cache.join(&digest);
        writeln!(config, "url = \"http://{host}/v2/{repository}/blobs/{digest}\"\noutput = \"{}\"", output.display())?;
    }
    let fetched = curl(&config, folder)?;
    let copied = run(Command::new("cp").arg("-r").arg(&cache).arg(&archive))?;
    Ok(Cost {
        wall: fetched.wall + copied.wall,
        cpu: fetched.cpu + copied.cpu,
        memory: fetched.memory.max(copied.memory),
        written: fetched.written + copied.written,
    })
}

/// Uploads every blob once in parallel, from the files of the source's storage.
pub(crate) fn push(workload: &Workload, host: &str, source: &Path, folder: &Path) -> anyhow::Result<Cost> {
    fs::create_dir_all(folder)?;
    let mut config = String::new();
    for (digest, repository) in homes(workload) {
        let file = source.join("blobs").join(digest.replace(':', "-"));
        writeln!(
            config,
            "url = \"http://{host}/v2/{repository}/blobs/uploads/?digest={digest}\"\nupload-file = \"{}\"\n\
             request = \"POST\"\nheader = \"Content-Type: application/octet-stream\"\noutput = \"/dev/null\"\nfail\nnext",
            file.display()
        )?;
    }
    curl(&config, folder)
}

fn curl(config: &str, folder: &Path) -> anyhow::Result<Cost> {
    let path = folder.join("curl.conf");
    fs::write(&path, config)?;
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--parallel", "--parallel-max", PARALLEL]);
    command.arg("--config").arg(path);
    run(&mut command)
}

/// Each blob with one repository that holds it.
fn homes(workload: &Workload) -> std::collections::BTreeMap<String, &str> {
    let images = workload.images.iter();
    images.flat_map(|image| image.blobs.iter().map(|digest| (digest.to_string(), image.repository.as_str()))).collect()
}
