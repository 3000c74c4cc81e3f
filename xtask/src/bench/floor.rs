//! The floor: the same bytes moved by `curl` and `cp`, which verify nothing and keep no books.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use image_ref::Digest;
use test_support::Workload;

use super::measure::{self, Cost};

/// How many `curl` processes run at once, each with its own connection. One process with `--parallel` takes twice as
/// long for the same blobs, so it would be a floor too easy to beat.
const PROCESSES: usize = 4;

/// Fetches every blob once in parallel, then copies them once: what mirror to disk cannot do without.
pub(super) fn pull(workload: &Workload, host: &str, folder: &Path) -> anyhow::Result<Cost> {
    let (cache, archive) = (folder.join("cache"), folder.join("archive"));
    fs::create_dir_all(&cache)?;
    let transfers = homes(workload).into_iter().map(|(digest, repository)| {
        let output = cache.join(digest.hex());
        format!("url = \"http://{host}/v2/{repository}/blobs/{digest}\"\noutput = \"{}\"\nfail\n", output.display())
    });
    let transfers: Vec<String> = transfers.collect();
    measure::children(|| {
        curl(&transfers, folder)?;
        let status = Command::new("cp").arg("-r").arg(&cache).arg(&archive).status().context("cannot start `cp`")?;
        ensure!(status.success(), "`cp` failed");
        Ok(())
    })
}

/// Uploads every blob once in parallel, from the files of the source's storage.
pub(super) fn push(workload: &Workload, host: &str, source: &Path, folder: &Path) -> anyhow::Result<Cost> {
    fs::create_dir_all(folder)?;
    let transfers = homes(workload).into_iter().map(|(digest, repository)| {
        // Without a slash before the query: there curl would put the name of the file.
        format!(
            "url = \"http://{host}/v2/{repository}/blobs/uploads?digest={digest}\"\nupload-file = \"{}\"\n\
             request = \"POST\"\nheader = \"Content-Type: application/octet-stream\"\noutput = \"/dev/null\"\nfail\n",
            source.join("blobs").join(digest.as_tag()).display()
        )
    });
    let transfers: Vec<String> = transfers.collect();
    measure::children(|| curl(&transfers, folder))
}

/// Copies every image from registry to registry with `skopeo copy --all`, one after the other: what scripts do without a
/// mirroring tool. Costs of all processes together; the peak of memory is that of the largest.
pub(super) fn skopeo(workload: &Workload, from: &str, to: &str, folder: &Path) -> anyhow::Result<Cost> {
    fs::create_dir_all(folder)?;
    let mut total = Cost::default();
    for image in &workload.images {
        let mut command = Command::new("skopeo");
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", folder).current_dir(folder);
        command.args(["--insecure-policy", "copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false"]);
        command.arg(format!("docker://{from}/{}@{}", image.repository, image.digest));
        command.arg(format!("docker://{to}/mirror/{}:{}", image.repository, image.tag));
        let cost = measure::run(&mut command)?;
        total.wall += cost.wall;
        total.cpu += cost.cpu;
        total.memory = total.memory.max(cost.memory);
        total.written += cost.written;
    }
    fs::remove_dir_all(folder)?;
    Ok(total)
}

/// Deals the transfers out to the processes, and waits for all of them.
fn curl(transfers: &[String], folder: &Path) -> anyhow::Result<()> {
    let processes: Vec<Child> = (0..PROCESSES)
        .map(|number| {
            let dealt: Vec<&str> = transfers.iter().skip(number).step_by(PROCESSES).map(String::as_str).collect();
            let path = folder.join(format!("curl-{number}.conf"));
            fs::write(&path, dealt.join("next\n"))?;
            let mut command = Command::new("curl");
            // No proxy of the environment stands between it and loopback.
            command.env_clear().env("PATH", "/usr/bin:/bin");
            command.args(["--silent", "--show-error", "--config"]).arg(path);
            command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().context("cannot start `curl`")
        })
        .collect::<Result<_, _>>()?;
    // All are waited for, also when one fails: none may outlive the measurement.
    let outcomes: Vec<_> = processes.into_iter().map(|mut process| process.wait()).collect();
    for outcome in outcomes {
        ensure!(outcome?.success(), "`curl` failed");
    }
    Ok(())
}

/// Each blob with one repository that holds it, the largest first.
fn homes(workload: &Workload) -> Vec<(&Digest, &str)> {
    let images = workload.images.iter();
    let homes: BTreeMap<&Digest, &str> =
        images.flat_map(|image| image.blobs.iter().map(|digest| (digest, image.repository.as_str()))).collect();
    let mut homes: Vec<_> = homes.into_iter().collect();
    homes.sort_by_key(|(digest, _)| std::cmp::Reverse(workload.blobs.get(digest)));
    homes
}
