//! What is asked of an update service, and what it answers.

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::wire::WireServiceError;
use crate::{Graph, ParseGraphError};

/// The update service of OpenShift Container Platform.
pub const OCP_URL: &str = "https://api.openshift.com/api/upgrades_info/v1/graph";

/// The update service of OKD.
pub const OKD_URL: &str = "https://origin-release.ci.openshift.org/graph";

/// The value of the `Accept` header of every request.
pub const ACCEPT: &str = "application/json";

/// Which of the two update services knows a channel: `type` of a release channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// OpenShift Container Platform, `ocp`; the default.
    #[default]
    Ocp,
    /// OKD, `okd`.
    Okd,
}

impl Service {
    /// The word of the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ocp => "ocp",
            Self::Okd => "okd",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Service {
    type Err = UnknownServiceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" | "ocp" => Ok(Self::Ocp),
            "okd" => Ok(Self::Okd),
            other => Err(UnknownServiceError(other.into())),
        }
    }
}

/// A channel type that is neither `ocp` nor `okd`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown release channel type `{0}`: expected `ocp` or `okd`")]
pub struct UnknownServiceError(String);

/// Names one update graph.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GraphKey {
    /// The service that is asked.
    pub service: Service,
    /// The architecture in the service's words: `amd64`, `arm64`, `ppc64le`, `s390x`, `multi`. Empty for none.
    pub arch: String,
    /// The channel, such as `stable-4.16`.
    pub channel: String,
}

impl GraphKey {
    /// The key of a channel of OpenShift Container Platform.
    pub fn ocp(arch: impl Into<String>, channel: impl Into<String>) -> Self {
        Self { service: Service::Ocp, arch: arch.into(), channel: channel.into() }
    }

    /// The name of the file that keeps the answer for later runs without a network, below
    /// `hold-release/cincinnati-graph-data/` of the working directory (`docs/behaviour/release.md`, on-disk paths).
    pub fn file_name(&self) -> String {
        format!("{}-{}.json", self.arch, self.channel)
    }
}

impl fmt::Display for GraphKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.channel, if self.arch.is_empty() { "no architecture" } else { &self.arch })
    }
}

/// The addresses of the two update services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Where OpenShift Container Platform channels are asked for.
    pub ocp: Url,
    /// Where OKD channels are asked for.
    pub okd: Url,
}

impl Endpoints {
    /// The public services, or `update_url_override` (the value of `UPDATE_URL_OVERRIDE`) in place of the one of
    /// OpenShift Container Platform. An empty override is none. OKD has no override.
    ///
    /// # Errors
    /// When the override is no absolute URL.
    pub fn new(update_url_override: Option<&str>) -> Result<Self, InvalidOverrideError> {
        let ocp = match update_url_override {
            None | Some("") => Url::parse(OCP_URL).expect("the constant is a URL"),
            Some(text) => Url::parse(text).map_err(|source| InvalidOverrideError { text: text.to_owned(), source })?,
        };
        Ok(Self { ocp, okd: Url::parse(OKD_URL).expect("the constant is a URL") })
    }
}

/// `UPDATE_URL_OVERRIDE` is no URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no URL of an update service: {source}; expected an absolute URL like `https://host/graph`")]
pub struct InvalidOverrideError {
    text: String,
    source: url::ParseError,
}

/// One GET request to an update service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The graph that is asked for.
    pub key: GraphKey,
    /// A random UUID, see [`query_id`]. Left out of the request when empty.
    pub id: String,
    /// The version from which the service may look, for services that narrow their answer by it. The selection of this
    /// crate works on whole graphs and never sets it.
    pub version: Option<String>,
}

impl Query {
    /// The address to GET: the parameters are added to whatever query the base URL has, all in alphabetical order.
    pub fn url(&self, endpoints: &Endpoints) -> Url {
        let mut url = match self.key.service {
            Service::Ocp => endpoints.ocp.clone(),
            Service::Okd => endpoints.okd.clone(),
        };
        let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let version = self.version.as_deref().unwrap_or_default();
        pairs.push(("channel".into(), self.key.channel.clone()));
        for (name, value) in [("arch", self.key.arch.as_str()), ("id", &self.id), ("version", version)] {
            if !value.is_empty() {
                pairs.push((name.into(), value.into()));
            }
        }
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        url.query_pairs_mut().clear().extend_pairs(pairs);
        url
    }
}

/// The `id` of a request: a version 4 UUID (RFC 9562) made of 16 random bytes.
pub fn query_id(random: [u8; 16]) -> String {
    let mut bytes = random;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).expect("four bits are one hex digit"));
        }
    }
    text
}

/// Reads what the service answered. Only status 200 carries a graph.
///
/// # Errors
/// [`GraphError::Status`] for any other status, with the service's own words when it gave some, and
/// [`GraphError::ResponseInvalid`] when the body is no graph.
pub fn read_response(status: u16, body: &[u8]) -> Result<Graph, GraphError> {
    if status == 200 {
        return Graph::from_json(body).map_err(GraphError::ResponseInvalid);
    }
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("");
    let words = serde_json::from_slice::<WireServiceError>(body).ok();
    Err(GraphError::Status {
        status,
        reason: reason.to_owned(),
        service_error: words.map(|error| ServiceError { kind: error.kind, value: error.value }),
    })
}

/// What the service itself says was wrong with a request: `{"kind": "invalid_params", "value": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceError {
    /// A word for machines.
    pub kind: String,
    /// A sentence for people.
    pub value: String,
}

/// Why there is no graph for a [`GraphKey`]. The first word of each message is the reason of `docs/behaviour/release.md` 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// The request did not get through.
    #[error("GetGraphDataFailed: request failed: {0}")]
    Request(String),
    /// The service answered with another status than 200.
    #[error("GetGraphDataFailed: unexpected HTTP status {status} {reason}{}", words(.service_error.as_ref()))]
    Status {
        /// The HTTP status code.
        status: u16,
        /// Its standard text.
        reason: String,
        /// What the service said about it.
        service_error: Option<ServiceError>,
    },
    /// The service answered with something that is no graph.
    #[error("ResponseInvalid: {0}")]
    ResponseInvalid(ParseGraphError),
    /// No earlier run left this graph in the working directory, and this run may not ask for it.
    #[error("NoGraphData: No graph data found on disk")]
    NotOnDisk,
    /// The kept graph cannot be read from disk.
    #[error("ReadFileFailed: {0}")]
    Read(String),
    /// The kept graph is no graph.
    #[error("GraphDataInvalid: {0}")]
    DataInvalid(ParseGraphError),
    /// The graph cannot be kept for later runs.
    #[error("FileWriteFailed: {0}")]
    Write(String),
}

fn words(error: Option<&ServiceError>) -> String {
    error.map(|error| format!(" ({}: {})", error.kind, error.value)).unwrap_or_default()
}
