//! The log file of a run.

use anyhow::Context as _;
use rooted_folder::RootedFolder;

use crate::args::OutputFormat;
use crate::log::Log;

/// The name of the log file of the run that began at `stamp`.
pub(super) fn log_file(stamp: &str) -> String {
    format!("oc-mirror-{stamp}.log")
}

/// Makes the folder of logs and starts the log file there.
pub(super) fn open_log(folder: &RootedFolder, stamp: &str, output: OutputFormat, log: &Log) -> anyhow::Result<()> {
    let (place, name) = (folder.path().display(), log_file(stamp));
    folder.create_dir_all("").with_context(|| format!("cannot make the log folder `{place}`"))?;
    log.open(folder, &name, output == OutputFormat::Json)
        .with_context(|| format!("cannot write the log `{place}/{name}`"))
}
