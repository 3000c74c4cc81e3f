//! What the working directory keeps of charts. It travels in the archive, and another machine may have written it.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use mirror_plan::helm::{self, CHARTS, INDEXES, KeptCharts, LOCAL, RepositoryUrl, VALUES};
use rooted_folder::RootedFolder;

use super::{ChartError, Collecting, MAX_PACKAGE, PREFIX};
use mirror_job::event::Event;

/// The largest file with values, in bytes.
pub(super) const MAX_VALUES: u64 = 16 * 1024 * 1024;

/// The folder `helm` of a working directory. Clones are the same folder.
#[derive(Debug, Clone)]
pub(super) struct StoredCharts {
    folder: RootedFolder,
    record: Arc<Mutex<Record>>,
}

#[derive(Debug, Default)]
struct Record {
    kept: KeptCharts,
    changed: bool,
}

impl StoredCharts {
    /// The folder of a run. A record that cannot be read is as good as none.
    pub(super) fn open(at: &Collecting<'_>) -> Self {
        let folder = at.working_dir.folder().clone();
        let kept = match folder.read_bounded(KeptCharts::FILE, helm_chart::MAX_INDEX as u64) {
            Ok(text) => KeptCharts::parse(&text).map_err(|error| error.to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(KeptCharts::default()),
            Err(error) => Err(error.to_string()),
        };
        let kept = kept.unwrap_or_else(|error| {
            let place = at.working_dir.root().join(KeptCharts::FILE);
            at.tell(Event::Warning(format!(
                "{PREFIX} the record `{}` cannot be read ({error}): versions are looked up by the names of the files",
                place.display()
            )));
            KeptCharts::default()
        });
        Self { folder, record: Arc::new(Mutex::new(Record { kept, changed: false })) }
    }

    fn record(&self) -> std::sync::MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the record, if anything was noted.
    pub(super) fn save(&self) -> io::Result<()> {
        let record = self.record();
        if record.changed {
            self.folder.write_whole(KeptCharts::FILE, record.kept.to_json().as_bytes())
        } else {
            Ok(())
        }
    }

    /// Keeps the text of an index.
    pub(super) fn keep_index(&self, url: &RepositoryUrl, text: &[u8]) -> Result<(), ChartError> {
        self.keep(&format!("{INDEXES}/{}", url.index_file()), text)
    }

    /// The place of an index, and its text.
    pub(super) fn index(&self, url: &RepositoryUrl) -> (String, io::Result<Vec<u8>>) {
        let place = format!("{INDEXES}/{}", url.index_file());
        let text = self.folder.read_bounded(&place, helm_chart::MAX_INDEX as u64);
        (place, text)
    }

    /// Keeps a packaged chart, and notes for which wish. `file` lies below the folder of charts.
    pub(super) fn keep_chart(
        &self,
        (repository, name, wanted): (&str, &str, &str),
        file: &str,
        bytes: &[u8],
    ) -> Result<(), ChartError> {
        if self.chart(file).ok().as_deref() != Some(bytes) {
            self.keep(&format!("{CHARTS}/{file}"), bytes)?;
        }
        let mut record = self.record();
        record.kept.note(repository, name, wanted, file);
        record.changed = true;
        Ok(())
    }

    /// The bytes of a packaged chart below the folder of charts.
    pub(super) fn chart(&self, file: &str) -> io::Result<Vec<u8>> {
        self.folder.read_bounded(format!("{CHARTS}/{file}"), MAX_PACKAGE as u64)
    }

    /// The file that was taken for a wish.
    pub(super) fn taken(&self, repository: &str, name: &str, wanted: &str) -> Option<String> {
        self.record().kept.file(repository, name, wanted).map(str::to_owned)
    }

    /// The files of a chart, sorted: those whose name begins with the chart's and ends like a packaged chart.
    pub(super) fn files_of(&self, name: &str) -> Vec<String> {
        let entries = self.folder.read_dir(CHARTS).unwrap_or_default();
        let mut files: Vec<String> = entries
            .into_iter()
            .filter_map(|entry| entry.text().map(str::to_owned))
            .filter(|file| helm::version_in(name, file).is_some())
            .collect();
        files.sort();
        files
    }

    /// Keeps a local chart, packed.
    pub(super) fn keep_local(&self, path: &str, bytes: &[u8]) -> Result<(), ChartError> {
        self.keep(&format!("{LOCAL}/{}", helm::local_file(path)), bytes)
    }

    /// A local chart that an earlier run kept, packed; none when there is none.
    pub(super) fn local(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.optional(&format!("{LOCAL}/{}", helm::local_file(path)), MAX_PACKAGE as u64)
    }

    /// Keeps a file with values.
    pub(super) fn keep_values(&self, path: &str, text: &[u8]) -> Result<(), ChartError> {
        self.keep(&format!("{VALUES}/{}", helm::values_file(path)), text)
    }

    /// A file with values that an earlier run kept; none when there is none.
    pub(super) fn values(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.optional(&format!("{VALUES}/{}", helm::values_file(path)), MAX_VALUES)
    }

    fn keep(&self, place: &str, bytes: &[u8]) -> Result<(), ChartError> {
        let kept = self.folder.write_whole(place, bytes);
        kept.map_err(|error| ChartError::Keep { place: place.to_owned(), error })
    }

    fn optional(&self, place: &str, most: u64) -> io::Result<Option<Vec<u8>>> {
        match self.folder.read_bounded(Path::new(place), most) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}
