//! Why a chart cannot be had, or does not say which images it needs.

use std::io;

use helm_chart::{FindError, IndexError, JsonPathError, LoadError, RenderError, semver, yaml};
use image_ref::ParseError;
use mirror_job::failure::chain;
use mirror_job::guard::Panicked;
use mirror_plan::DestinationError;
use mirror_plan::helm::{NameError, UrlError};

use super::MAX_PACKAGE;

/// Why a chart cannot be had, or does not say which images it needs.
///
/// Where another library's error has causes, its whole chain is part of the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChartError {
    /// The address of a repository, or of a chart in its index, is none.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// A repository gives no index.
    #[error("invalid chart repository \"{url}\": {why}")]
    Repository {
        /// Its address.
        url: String,
        /// What it gives instead.
        why: RepositoryFault,
    },
    /// No earlier run has kept the index of a repository.
    #[error(
        "the index of {url} is not at hand: {place}: {error}; mirror to disk again with this configuration, or name the \
         charts in `charts`"
    )]
    NoIndexKept {
        /// The address of the repository.
        url: String,
        /// Where its index would be, below `helm` in the working directory.
        place: String,
        /// Why it cannot be read.
        error: io::Error,
    },
    /// A registry has no index, and the configuration names no charts.
    #[error("a registry has no index, so nobody knows which charts there are: name the charts of {url} in `charts`")]
    NoCharts {
        /// The address of the registry.
        url: String,
    },
    /// The index of a repository does not offer a chart.
    #[error("not found in {repository} index: {error}")]
    NotOffered {
        /// The name that the configuration gives to the repository.
        repository: String,
        /// Why.
        error: IndexError,
    },
    /// The index says nowhere where a chart is.
    #[error("chart {name:?} has no downloadable URLs")]
    NoUrl {
        /// The name of the chart.
        name: String,
    },
    /// Name or version cannot be part of a file's name.
    #[error(transparent)]
    FileName(#[from] NameError),
    /// A version is none, and no constraint.
    #[error("invalid chart version {wanted:?}: {error}")]
    Version {
        /// As the configuration has it.
        wanted: String,
        /// Why.
        error: semver::Error,
    },
    /// A server or registry cannot be asked, or does not give what was asked for.
    #[error("{}", chain(.0))]
    Transport(Box<oci_transport::Error>),
    /// A web server does not give a chart.
    #[error("failed to fetch {url} : status {status}")]
    Status {
        /// The address, without its secrets.
        url: String,
        /// The status of its answer.
        status: u16,
    },
    /// The name of an artifact is none.
    #[error(transparent)]
    Reference(#[from] ParseError),
    /// The manifest of an artifact is broken.
    #[error("{}", chain(.0))]
    Manifest(oci_manifest::ManifestError),
    /// An artifact of a registry is something else.
    #[error("{image} is no Helm chart: it has no layer of the type {layer}")]
    NoChart {
        /// The artifact.
        image: String,
        /// The media type of a packaged chart.
        layer: &'static str,
    },
    /// A chart of a registry is too large.
    #[error("{image} has {size} bytes, more than the {MAX_PACKAGE} bytes that are read")]
    LargeArtifact {
        /// The artifact.
        image: String,
        /// Its size in bytes.
        size: u64,
    },
    /// No tag of an artifact is a version that is wanted.
    #[error("could not locate a version matching provided version string {wanted} among the tags of {image}")]
    NoVersion {
        /// The artifact.
        image: String,
        /// The version or constraint.
        wanted: String,
    },
    /// No place of an artifact lists its tags.
    #[error("cannot list the versions of {image}: {last}")]
    NoVersions {
        /// The artifact.
        image: String,
        /// Why the last place did not.
        last: String,
    },
    /// No earlier run has kept a chart.
    #[error(
        "chart file not found for {name} version {wanted}: {tried}; mirror to disk again with this configuration, and bring \
         the new archive"
    )]
    NotKept {
        /// The name of the chart.
        name: String,
        /// Its version, or the constraint.
        wanted: String,
        /// What was looked for.
        tried: String,
    },
    /// A chart is not on this machine.
    #[error("stat {path}: no such file or directory")]
    Absent {
        /// As the configuration has it.
        path: String,
    },
    /// Nobody may look whether a chart is on this machine.
    #[error("stat {path}: {error}")]
    Stat {
        /// As the configuration has it.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// A packaged chart of this machine is too large.
    #[error("{path} is larger than the {MAX_PACKAGE} bytes that are read")]
    LargeFile {
        /// As the configuration has it.
        path: String,
    },
    /// A packaged chart of this machine cannot be read.
    #[error("read {path}: {error}")]
    Read {
        /// As the configuration has it.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// A folder of this machine, or a chart that an earlier run kept, cannot be opened.
    #[error("{place}: {error}")]
    Open {
        /// Where it is.
        place: String,
        /// Why.
        error: io::Error,
    },
    /// The copy of a local chart cannot be made or read.
    #[error(transparent)]
    Copy(io::Error),
    /// Something that disk to mirror needs cannot be kept in the working directory.
    #[error("cannot keep {place}: {error}")]
    Keep {
        /// Where it would be, below the working directory.
        place: String,
        /// Why.
        error: io::Error,
    },
    /// What is there is no chart.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A file of `valuesFiles` cannot be used.
    #[error("values file `{path}`: {why}")]
    ValuesFile {
        /// As the configuration has it.
        path: String,
        /// Why.
        why: ValuesFault,
    },
    /// The `values` of the configuration cannot be used.
    #[error("values: {0}")]
    Values(ValuesFault),
    /// A path of `imagePaths` is none.
    #[error("imagePaths: `{path}`: {error}")]
    ImagePath {
        /// As the configuration has it.
        path: String,
        /// Why.
        error: JsonPathError,
    },
    /// The chart does not render.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A rendered manifest has no images that can be read.
    #[error(transparent)]
    Find(#[from] FindError),
    /// A rendered manifest is no YAML.
    #[error("{template}: {error}")]
    Document {
        /// The template that the manifest comes from.
        template: String,
        /// What is wrong.
        error: yaml::Error,
    },
    /// An image cannot have a name at the destination.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// A chart met a defect of this program.
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

impl From<oci_transport::Error> for ChartError {
    fn from(error: oci_transport::Error) -> Self {
        Self::Transport(Box::new(error))
    }
}

impl From<oci_manifest::ManifestError> for ChartError {
    fn from(error: oci_manifest::ManifestError) -> Self {
        Self::Manifest(error)
    }
}

/// What a repository gives instead of an index.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryFault {
    /// No answer.
    #[error("{}", chain(.0))]
    Transport(Box<oci_transport::Error>),
    /// An answer that is no success.
    #[error("{url}/index.yaml answered with status {status}; check `url` and the credentials")]
    Status {
        /// The address of the repository.
        url: String,
        /// The status.
        status: u16,
    },
    /// Something that is no index.
    #[error("{}", chain(.0))]
    Index(IndexError),
    /// What an earlier run kept is no index.
    #[error("{place}: {error}")]
    Kept {
        /// Where it is, below `helm` in the working directory.
        place: String,
        /// What is wrong.
        error: IndexError,
    },
}

/// Why values cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValuesFault {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// The text is no mapping.
    #[error(transparent)]
    Yaml(#[from] yaml::Error),
    /// The values of the configuration cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}
