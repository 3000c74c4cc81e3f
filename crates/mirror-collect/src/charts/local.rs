//! Charts on this machine.
//!
//! Disk to mirror takes the copy that travelled with the archive, so that it renders what mirror to disk rendered. An
//! archive of oc-mirror has no copy: then the chart has to be at the same path on both sides.

use std::io;
use std::path::{Path, PathBuf};

use helm_chart::Chart;
use isc_schema::HelmChart;

use super::stored::StoredCharts;
use super::{ChartError, Collecting, FoundChart, MAX_PACKAGE, folder};
use crate::regular_file::read_bounded;
use mirror_job::guard::blocking;

/// Loads a chart, a folder or a package, and keeps a copy for disk to mirror.
///
/// # Errors
/// When it is not there, or no chart.
pub(super) async fn find(
    at: &Collecting<'_>,
    stored: &StoredCharts,
    configured: &HelmChart,
) -> Result<FoundChart, ChartError> {
    let path = configured.path.clone().unwrap_or_default();
    let places = at.job.folders.places(&path);
    let (stored, kept) = (stored.clone(), at.charts_are_kept());
    blocking(move || {
        if kept {
            let copy = stored.local(&path).map_err(ChartError::Copy)?;
            if let Some(bytes) = copy {
                let chart = Chart::from_package(&path, &bytes)?;
                return Ok(found(chart, &path));
            }
        }
        let (chart, bytes) = load(&path, &places)?;
        if !kept {
            stored.keep_local(&path, &bytes)?;
        }
        Ok(found(chart, &path))
    })
    .await
}

fn found(chart: Chart, path: &str) -> FoundChart {
    let label = format!("{} {} ({path})", chart.metadata.name, chart.metadata.version);
    FoundChart { chart, label }
}

/// Loads the chart at the first of the places where anything lies, and packs it.
fn load(path: &str, places: &[PathBuf]) -> Result<(Chart, Vec<u8>), ChartError> {
    let mut last = absent(path);
    for place in places {
        match std::fs::metadata(place) {
            Ok(about) if about.is_dir() => return folder::load_and_pack(place),
            Ok(_) => {
                let bytes = read_package(path, place)?;
                return Ok((Chart::from_package(path, &bytes)?, bytes));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => last = ChartError::Stat { path: path.to_owned(), error },
        }
    }
    Err(last)
}

/// Loads the chart at `place`, a folder or a package. Messages call it `path`.
///
/// # Errors
/// When it is not there, or no chart.
pub fn load_one(path: &str, place: &Path) -> Result<Chart, ChartError> {
    let about = std::fs::metadata(place).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => absent(path),
        _ => ChartError::Stat { path: path.to_owned(), error },
    })?;
    if about.is_dir() {
        return folder::load(place);
    }
    Ok(Chart::from_package(path, &read_package(path, place)?)?)
}

fn absent(path: &str) -> ChartError {
    ChartError::Absent { path: path.to_owned() }
}

fn read_package(path: &str, place: &Path) -> Result<Vec<u8>, ChartError> {
    let bytes = read_bounded(place, MAX_PACKAGE as u64);
    let path = path.to_owned();
    bytes.map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => ChartError::LargeFile { path },
        _ => ChartError::Read { path, error },
    })
}
