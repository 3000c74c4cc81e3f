//! A second opinion: a plain HTTP/1.1 client of fifty lines that shares no code with the tool.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use test_support::{manifest_digest, sha256};

/// What an image was found to hold.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Found {
    /// Manifests, those of a list included.
    pub(crate) manifests: usize,
    /// Blobs.
    pub(crate) blobs: usize,
    /// Bytes of the blobs.
    pub(crate) bytes: u64,
}

/// Pulls an image with all its instances and blobs, and compares every digest.
pub(crate) fn verify(host: &str, repository: &str, reference: &str, digest: &str) -> anyhow::Result<Found> {
    let manifest = get(host, &format!("/v2/{repository}/manifests/{reference}"))?;
    let found = manifest_digest(&manifest).to_string();
    ensure!(found == digest, "{repository}:{reference} is {found} at the destination and {digest} at the source");
    let json: Value = serde_json::from_slice(&manifest).context("the manifest is not JSON")?;
    let mut total = Found { manifests: 1, ..Found::default() };
    let list = |name: &str| json.get(name).and_then(Value::as_array).into_iter().flatten();
    let digest_of = |descriptor: &Value| descriptor.get("digest").and_then(Value::as_str).map(str::to_owned);
    for child in list("manifests").filter_map(digest_of) {
        let below = verify(host, repository, &child, &child)?;
        total.manifests += below.manifests;
        total.blobs += below.blobs;
        total.bytes += below.bytes;
    }
    for blob in list("layers").chain(json.get("config")).filter_map(digest_of) {
        let bytes = get(host, &format!("/v2/{repository}/blobs/{blob}"))?;
        let found = sha256(&bytes).to_string();
        ensure!(found == blob, "the blob {blob} of {repository} has the digest {found}");
        total.blobs += 1;
        total.bytes += bytes.len() as u64;
    }
    Ok(total)
}

fn get(host: &str, path: &str) -> anyhow::Result<Vec<u8>> {
    let context = || format!("GET http://{host}{path}");
    let mut stream = TcpStream::connect(host).with_context(context)?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).with_context(context)?;
    let accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                  application/vnd.docker.distribution.manifest.list.v2+json, \
                  application/vnd.docker.distribution.manifest.v2+json";
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).with_context(context)?;
    let mut reader = BufReader::new(stream);
    let mut status = String::new();
    reader.read_line(&mut status).with_context(context)?;
    if !status.starts_with("HTTP/1.1 200 ") {
        bail!("{} answers {}", context(), status.trim());
    }
    let mut length = None;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).with_context(context)?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = Some(value.trim().parse::<usize>().with_context(context)?);
        }
    }
    let mut body = vec![0; length.with_context(context)?];
    reader.read_exact(&mut body).with_context(context)?;
    Ok(body)
}
