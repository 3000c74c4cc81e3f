//! Room on disk: what a run will need, and whether it is there.

use std::collections::HashMap;
use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use archive_format::free_bytes;

use mirror_job::report::DiskNeed;

/// It cannot fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoRoom(DiskNeed);

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DiskNeed { stage, path, needed_together, free, .. } = &self.0;
        write!(
            f,
            "not enough room for the {stage}: `{}` has {} free and {} are needed on its filesystem; free some space, \
             choose another folder, or go on with --force",
            path.display(),
            mebibytes(*free),
            mebibytes(*needed_together),
        )
    }
}

impl std::error::Error for NoRoom {}

/// Asks the filesystems about stages given as name, folder and bytes.
///
/// # Errors
/// When a filesystem does not answer.
pub(crate) fn ask(stages: &[(&'static str, &Path, u64)]) -> std::io::Result<Vec<DiskNeed>> {
    let mut together: HashMap<u64, u64> = HashMap::new();
    let mut needs = Vec::new();
    for (stage, path, needed) in stages {
        let device = device(path)?;
        let sum = together.entry(device).or_default();
        *sum = sum.saturating_add(*needed);
        let free = free_bytes(path)?;
        needs.push((device, DiskNeed { stage, path: path.to_path_buf(), needed: *needed, free, needed_together: 0 }));
    }
    let sum = |device, need: &DiskNeed| together.get(&device).copied().unwrap_or(need.needed);
    Ok(needs.into_iter().map(|(device, need)| DiskNeed { needed_together: sum(device, &need), ..need }).collect())
}

/// Refuses when any stage cannot fit.
pub(crate) fn refuse(needs: &[DiskNeed]) -> Result<(), NoRoom> {
    let short = |need: &&DiskNeed| need.needed > 0 && need.needed_together > need.free;
    needs.iter().find(short).map_or(Ok(()), |need| Err(NoRoom(need.clone())))
}

/// The filesystem that holds `path`, which need not exist yet.
fn device(path: &Path) -> std::io::Result<u64> {
    let mut asked = path;
    loop {
        match asked.metadata() {
            Ok(meta) => return Ok(meta.dev()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => match asked.parent() {
                Some(parent) => asked = parent,
                None => return Err(error),
            },
            Err(error) => return Err(error),
        }
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_on_one_filesystem_share_its_room() {
        let folder = tempfile::tempdir().unwrap();
        let (cache, archive) = (folder.path().join("a/cache"), folder.path().join("b"));
        let check = |cache_bytes, archive_bytes, fits: bool| {
            let needs = ask(&[("cache", &cache, cache_bytes), ("archive", &archive, archive_bytes)]).unwrap();
            assert_eq!(refuse(&needs).is_ok(), fits, "{needs:?}");
            assert!(needs.iter().all(|need| need.needed_together == u64::saturating_add(cache_bytes, archive_bytes)));
        };
        check(0, 0, true);
        check(1000, 1000, true);
        check(1 << 60, 0, false);
        check(0, 1 << 60, false);
        check(1 << 60, 1 << 60, false);
        // Manifests of others tell the sizes.
        check(u64::MAX, u64::MAX, false);
    }

    #[test]
    fn the_message() {
        let need = DiskNeed {
            stage: "cache",
            path: "/srv/cache".into(),
            needed: 5 << 20,
            free: (3 << 20) - 1,
            needed_together: 9 << 20,
        };
        insta::assert_snapshot!(
            refuse(&[need]).unwrap_err(),
            @"not enough room for the cache: `/srv/cache` has 3 MiB free and 9 MiB are needed on its filesystem; free some space, choose another folder, or go on with --force"
        );
    }
}
