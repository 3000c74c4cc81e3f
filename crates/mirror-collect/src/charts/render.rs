//! From a chart and its values to the texts where images are named.

use std::io;
use std::path::Path;

use helm_chart::yaml::Json;
use helm_chart::{Chart, ImagePaths, merge_values, read_values};
use isc_schema::HelmChart;
use mirror_plan::helm::FoundText;

use super::stored::{MAX_VALUES, StoredCharts};
use super::{ChartError, Collecting, ValuesFault};
use crate::regular_file::read_bounded;
use mirror_job::guard::blocking;

/// The values that a chart is rendered with, over its own: `valuesFiles` in their order, then `values`.
///
/// The files travel with the archive. Disk to mirror takes the copies, so that it renders what mirror to disk rendered.
///
/// # Errors
/// When a file is not there, or has no values.
pub(super) async fn values(at: &Collecting<'_>, stored: &StoredCharts, chart: &HelmChart) -> Result<Json, ChartError> {
    let files: Vec<_> =
        chart.values_files.iter().map(|path| (path.clone(), at.job.folders.of_configuration(path))).collect();
    let (stored, kept, own) = (stored.clone(), at.charts_are_kept(), chart.values.clone());
    blocking(move || {
        let mut all = Json::Map(std::collections::BTreeMap::new());
        for (path, place) in files {
            let failed = |why: ValuesFault| ChartError::ValuesFile { path: path.clone(), why };
            let copy = if kept { stored.values(&path).map_err(|error| failed(error.into()))? } else { None };
            let text = match copy {
                Some(text) => text,
                None => read_values_file(&place).map_err(|error| failed(error.into()))?,
            };
            merge_values(&mut all, read_values(&text).map_err(|error| failed(error.into()))?);
            if !kept {
                stored.keep_values(&path, &text)?;
            }
        }
        if let Some(own) = own {
            let text = serde_json::to_vec(&own).map_err(|error| ChartError::Values(error.into()))?;
            merge_values(&mut all, read_values(&text).map_err(|error| ChartError::Values(error.into()))?);
        }
        Ok(all)
    })
    .await
}

/// The text of a file with values of this machine.
///
/// # Errors
/// When it cannot be read, or is larger than a file with values is.
pub fn read_values_file(place: &Path) -> io::Result<Vec<u8>> {
    read_bounded(place, MAX_VALUES)
}

/// Renders a chart, and finds the texts at the known places of images and at `image_paths`; with `hooks` in manifests with
/// a hook, too.
///
/// # Errors
/// When a path is none, the chart does not render, or a path does not fit a manifest.
pub(super) fn texts(
    chart: &Chart,
    values: &Json,
    image_paths: &[String],
    hooks: bool,
) -> Result<Vec<FoundText>, ChartError> {
    let paths = ImagePaths::new(image_paths.iter().map(String::as_str))
        .map_err(|(path, error)| ChartError::ImagePath { path, error })?;
    let rendered = chart.render(values)?;
    let mut found = rendered.images(&paths)?;
    if hooks {
        found.extend(rendered.hook_images(&paths)?);
    }
    Ok(found.into_iter().map(|image| FoundText { text: image.name, template: image.source }).collect())
}
