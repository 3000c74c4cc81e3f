//! Finding files in the tree.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The files in a folder and in the folders below it, sorted. `is_entered` is asked for each folder by its name.
pub(crate) fn below(folder: &Path, is_entered: impl Fn(&str) -> bool) -> anyhow::Result<Vec<PathBuf>> {
    let (mut files, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let path = entry?.path();
            if !path.is_dir() {
                files.push(path);
            } else if is_entered(&path.file_name().unwrap_or_default().to_string_lossy()) {
                open.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
