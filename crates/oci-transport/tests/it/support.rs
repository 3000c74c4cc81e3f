//! One client per side, quick retries, and a few lines that every test would repeat.

use std::sync::Arc;
use std::time::Duration;

use image_ref::{ImageRef, Repository};
use oci_transport::{
    BlobSource, Client, ClientOptions, CredentialSource, Credentials, Descriptor, Endpoint, RetryPolicy, Side,
};
use registries_conf::{Layer, RegistriesConf};
use test_support::{Blob, Kind, Registry, When};

/// Options that trust nobody, speak plain HTTP and are quick to give up.
pub(crate) fn options(side: Side) -> ClientOptions {
    ClientOptions {
        side,
        tls_verify: false,
        retry: RetryPolicy { times: 3, delay: Duration::from_millis(5), ..RetryPolicy::default() },
        stall_timeout: Duration::from_millis(1500),
        commit_timeout: Duration::from_secs(5),
        ..ClientOptions::default()
    }
}

/// What a registries.conf says.
pub(crate) fn conf(text: &str) -> Arc<RegistriesConf> {
    Arc::new(RegistriesConf::from_layers(&[Layer::new("registries.conf", text)]).unwrap())
}

/// A registries.conf with a registry and its mirror.
pub(crate) fn mirrored(primary: &str, mirror: &str) -> String {
    format!("[[registry]]\nlocation = \"{primary}\"\n[[registry.mirror]]\nlocation = \"{mirror}\"\n")
}

/// A client of the source side with something of its own.
pub(crate) fn client(adapt: impl FnOnce(&mut ClientOptions)) -> Client {
    let mut options = options(Side::Source);
    adapt(&mut options);
    Client::new(options).unwrap()
}

pub(crate) fn source() -> Client {
    Client::new(options(Side::Source)).unwrap()
}

pub(crate) fn destination() -> Client {
    Client::new(options(Side::Destination)).unwrap()
}

pub(crate) fn with_credentials(side: Side, credentials: impl CredentialSource + 'static) -> Client {
    Client::new(ClientOptions { credentials: Arc::new(credentials), ..options(side) }).unwrap()
}

pub(crate) fn repository(registry: &Registry, path: &str) -> Repository {
    Repository::new(registry.host(), path).unwrap()
}

pub(crate) fn endpoint(client: &Client, registry: &Registry, path: &str) -> Endpoint {
    client.endpoint(&repository(registry, path))
}

pub(crate) fn image(registry: &Registry, rest: &str) -> ImageRef {
    ImageRef::parse(&format!("{}/{rest}", registry.host())).unwrap()
}

pub(crate) fn blob(bytes: Vec<u8>) -> Blob {
    Blob::new(bytes)
}

/// `size` bytes that do not repeat.
pub(crate) fn random(seed: u64, size: usize) -> Blob {
    blob(test_support::Random::new(seed).bytes(size))
}

pub(crate) fn descriptor(blob: &Blob) -> Descriptor {
    Descriptor::new("application/octet-stream", blob.digest.clone(), blob.bytes.len() as u64)
}

pub(crate) fn content(blob: &Blob) -> Arc<dyn BlobSource> {
    Arc::new(blob.bytes.clone())
}

/// Credentials by repository prefix, the longest first.
pub(crate) struct ByPrefix(pub(crate) Vec<(String, Credentials)>);

impl CredentialSource for ByPrefix {
    fn credentials(&self, repository: &Repository) -> Option<Credentials> {
        let name = repository.to_string();
        self.0.iter().find(|(prefix, _)| name.starts_with(prefix)).map(|(_, credentials)| credentials.clone())
    }
}

pub(crate) fn user() -> ByPrefix {
    ByPrefix(vec![(String::new(), Credentials::basic("user", "s3cret"))])
}

/// Transfers run in spawned tasks, so their futures must be able to move between threads.
#[test]
fn futures_are_send() {
    fn check<T: Send>(_: T) {}
    let (client, registry) = (source(), Registry::start_blocking());
    let (image, at) = (image(&registry, "ns/app:v1"), endpoint(&client, &registry, "ns/app"));
    let blob = random(1, 1);
    let (descriptor, mut sink) = (descriptor(&blob), Vec::new());
    check(client.pull_manifest(&image));
    check(client.head_manifest(&image));
    check(client.pull_blob(&at, &descriptor, &mut sink, &|_| {}));
    check(client.push_blob(&at, &descriptor, content(&blob), &|_| {}));
    check(client.mount_blob(&at, &blob.digest, "a"));
    check(client.list_tags(&at));
    check(client.referrers(&at, &blob.digest));
    check(client.ping("a"));
}

/// Bytes of the chunks that the registry was sent, in their order.
pub(crate) fn chunks(registry: &Registry) -> Vec<u64> {
    let sizes = registry.requests_matching(&When::kind(Kind::Upload).method("PATCH")).into_iter().map(|request| {
        let (first, last) = request.header("content-range").unwrap().split_once('-').unwrap();
        last.parse::<u64>().unwrap() + 1 - first.parse::<u64>().unwrap()
    });
    sizes.collect()
}
