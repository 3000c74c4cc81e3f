//! Update graphs: asked of the update service and kept, or what an earlier run kept.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use bytes::Bytes;
use cincinnati_graph::{
    ACCEPT, Endpoints, Graph, GraphError, GraphKey, MAX_GRAPH_BYTES, Query, query_id, read_response,
};
use oci_transport::Client;

use crate::Collecting;
use mirror_job::event::{Event, uses_variable};

/// Where this run has its graphs from.
pub(super) enum Graphs {
    /// The update services; every answer is kept for disk to mirror.
    Network(Endpoints),
    /// What mirror to disk has kept.
    Disk,
}

impl Graphs {
    pub(super) fn new(at: &Collecting<'_>) -> Result<Self, String> {
        if !at.asks_sources() {
            return Ok(Self::Disk);
        }
        let override_url = at.job.options.update_url.as_deref();
        if let Some(url) = override_url {
            at.tell(Event::Info(uses_variable("UPDATE_URL_OVERRIDE", url)));
        }
        Endpoints::new(override_url).map(Self::Network).map_err(|error| error.to_string())
    }

    pub(super) async fn get(&self, at: &Collecting<'_>, key: &GraphKey) -> Result<Graph, GraphError> {
        let path = at.working_dir.graph_data().join(key.file_name());
        match self {
            Self::Network(endpoints) => {
                let asked = update_graph(&at.job.source, endpoints, key.clone()).await;
                let (graph, answer) = asked.map_err(|error| match error {
                    // Nobody reaches the public service from inside an enclave.
                    GraphError::Request(reason) if at.job.options.update_url.is_none() => GraphError::Request(format!(
                        "{reason}. Inside an enclave, set UPDATE_URL_OVERRIDE to the update service of the outer network"
                    )),
                    error => error,
                })?;
                at.working_dir.write(&path, &answer).map_err(|error| GraphError::Write(error.to_string()))?;
                Ok(graph)
            }
            Self::Disk => match at.working_dir.folder().read_bounded(&path, MAX_GRAPH_BYTES as u64) {
                Ok(bytes) => Graph::from_json(&bytes).map_err(GraphError::DataInvalid),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(GraphError::NotOnDisk),
                Err(error) => Err(GraphError::Read(format!("{}: {error}", path.display()))),
            },
        }
    }
}

/// The graph that an update service has now, and its answer as it came.
///
/// # Errors
/// [`GraphError`]: the request did not get through, or the answer is no graph.
pub async fn update_graph(client: &Client, endpoints: &Endpoints, key: GraphKey) -> Result<(Graph, Bytes), GraphError> {
    let url = Query { key, id: query_id(random()), version: None }.url(endpoints);
    let answer = client
        .get(url.as_str(), Some(ACCEPT), MAX_GRAPH_BYTES)
        .await
        .map_err(|error| GraphError::Request(mirror_job::failure::chain(&error)))?;
    Ok((read_response(answer.status, &answer.body)?, answer.body))
}

/// 16 bytes that differ from request to request; the service only counts clients by them.
fn random() -> [u8; 16] {
    let half = || RandomState::new().build_hasher().finish().to_le_bytes();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&half());
    bytes[8..].copy_from_slice(&half());
    bytes
}
