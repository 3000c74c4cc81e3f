//! Charts on this machine.
//!
//! Disk to mirror takes the copy that travelled with the archive, so that it renders what mirror to disk rendered. An
//! archive of oc-mirror has no copy: then the chart has to be at the same path on both sides.

use std::io;
use std::path::PathBuf;

use helm_chart::Chart;
use isc_schema::HelmChart;
use rooted_folder::open_regular;

use super::shelf::Shelf;
use super::{Collecting, Found, MAX_PACKAGE, folder};
use mirror_job::guard::blocking;

/// Loads a chart, a folder or a package, and keeps a copy for disk to mirror.
///
/// # Errors
/// When it is not there, or no chart.
pub(super) async fn find(at: &Collecting<'_>, shelf: &Shelf, configured: &HelmChart) -> Result<Found, String> {
    let path = configured.path.clone().unwrap_or_default();
    let places = at.job.folders.places(&path);
    let (shelf, kept) = (shelf.clone(), at.charts_are_kept());
    blocking(move || {
        if kept {
            let copy = shelf.local(&path).map_err(|error| error.to_string())?;
            if let Some(bytes) = copy {
                let chart = Chart::from_package(&path, &bytes).map_err(|error| error.to_string())?;
                return Ok(found(chart, &path));
            }
        }
        let (chart, bytes) = load(&path, &places)?;
        if !kept {
            shelf.keep_local(&path, &bytes)?;
        }
        Ok(found(chart, &path))
    })
    .await
}

fn found(chart: Chart, path: &str) -> Found {
    let label = format!("{} {} ({path})", chart.metadata.name, chart.metadata.version);
    Found { chart, label }
}

/// Loads the chart at the first of the places where anything lies, and packs it.
fn load(path: &str, places: &[PathBuf]) -> Result<(Chart, Vec<u8>), String> {
    let mut last = format!("stat {path}: no such file or directory");
    for place in places {
        let about = match std::fs::metadata(place) {
            Ok(about) => about,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                last = format!("stat {path}: {error}");
                continue;
            }
        };
        if about.is_dir() {
            return folder::load_and_pack(place);
        }
        let file = open_regular(place).map_err(|error| format!("open {path}: {error}"))?;
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(file, MAX_PACKAGE as u64 + 1), &mut bytes)
            .map_err(|error| format!("read {path}: {error}"))?;
        if bytes.len() > MAX_PACKAGE {
            return Err(format!("{path} is larger than the {MAX_PACKAGE} bytes that are read"));
        }
        let chart = Chart::from_package(path, &bytes).map_err(|error| error.to_string())?;
        return Ok((chart, bytes));
    }
    Err(last)
}
