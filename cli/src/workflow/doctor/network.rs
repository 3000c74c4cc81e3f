//! What a run needs of others: registries that let us in, the update service, the signature server, proxies, clocks that agree.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use image_ref::ImageRef;
use isc_schema::{ImageSetConfiguration, ReleaseType};
use mirror_engine::list;
use mirror_plan::release::signature;
use oci_transport::{Client, Condition, Error, ProxySettings, Reference};
use tokio::net::TcpStream;

use super::super::runtime::Runtime;
use super::Check;
use crate::access::Clients;
use crate::log::Log;
use crate::settings::{Common, Doctor, DoctorTarget, Settings};

/// How long one check may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a proxy may take to accept a connection.
const PROXY_PATIENCE: Duration = Duration::from_secs(10);
/// How far clocks may be apart, in seconds: five minutes, as most certificates and tokens allow.
const CLOCK_TOLERANCE: i64 = 300;
/// Most bytes of an answer whose content nobody reads.
const ANSWER: usize = 1 << 20;
/// A tag that no image has. A registry that lets us in says that nothing is there.
const NO_TAG: &str = "oc-mirror-doctor";

/// Asks everybody whom the configuration and the destination name.
///
/// # Errors
/// When the files that say how to ask cannot be used.
pub(super) fn checks(
    settings: &Settings,
    request: &Doctor,
    configuration: &ImageSetConfiguration,
    log: &Log,
) -> anyhow::Result<Vec<Check>> {
    // One attempt: whoever waits for a diagnosis does not wait for patience.
    let common = Common { retry_times: 0, retry_given: true, ..settings.common.clone() };
    let clients = Clients::within(&common, Some(PATIENCE), log)?;
    let runtime = Runtime::new(&clients)?;
    let (source, destination) = (clients.source.clone(), clients.destination.clone());
    let found = runtime.block_on(async {
        let mut checks = proxies(&source.options().proxies).await;
        for image in sources(configuration) {
            checks.push(ask("registry", registry_of(&image), ask_source(&source, &image)).await);
        }
        if let Some(DoctorTarget::Registry(target)) = &request.target {
            let host = target.registry();
            let path = format!("{}/{NO_TAG}", target.namespace());
            let image = ImageRef::parse(&format!("{host}/{}:{NO_TAG}", path.trim_start_matches('/')));
            match image {
                Ok(image) => {
                    let asked = ask_destination(&destination, &image);
                    checks.push(ask("destination", host.to_owned(), asked).await);
                }
                Err(error) => checks.push(Check::failed("destination", host, error.to_string(), "")),
            }
        }
        checks.extend(services(&common, configuration, &source).await);
        checks
    });
    let mut known = source.clocks();
    known.extend(destination.clocks());
    Ok(found.into_iter().chain(clocks(known)).collect())
}

/// One image of each registry that the configuration names. For releases this is the repository of releases.
fn sources(configuration: &ImageSetConfiguration) -> Vec<ImageRef> {
    let mirror = &configuration.mirror;
    let release = (!mirror.platform.channels.is_empty())
        .then(|| ImageRef::parse(&format!("{}:{NO_TAG}", list::RELEASE_REPOSITORY)).ok())
        .flatten();
    let charts = mirror.helm.repositories.iter().filter_map(|repository| {
        let name = repository.url.strip_prefix("oci://")?;
        ImageRef::parse(&format!("{}/{NO_TAG}:{NO_TAG}", name.trim_end_matches('/'))).ok()
    });
    let named = release
        .into_iter()
        .chain(mirror.platform.release.clone())
        .chain(mirror.operators.iter().map(|catalog| catalog.catalog.clone()))
        .chain(mirror.additional_images.iter().map(|image| image.name.clone()))
        .chain(charts);
    let mut each: BTreeMap<String, ImageRef> = BTreeMap::new();
    for image in named.map(|image| image.normalized()).filter(|image| image.repository().is_ok()) {
        each.entry(registry_of(&image)).or_insert(image);
    }
    each.into_values().collect()
}

fn registry_of(image: &ImageRef) -> String {
    image.repository().map(|repository| repository.registry().to_owned()).unwrap_or_default()
}

/// Asks a server, and advises by what went wrong.
async fn ask(check: &'static str, subject: String, asked: impl Future<Output = Result<String, Error>>) -> Check {
    within(PATIENCE, check, subject, asked, |error| match error {
        Some(error) if error.hint().is_some() => "",
        Some(error) => advice(error.condition()),
        None => advice(Condition::Timeout),
    })
    .await
}

/// Gives a check its time. `advice` is asked with the error, or with none when no answer came.
async fn within<'a, E: Display>(
    patience: Duration,
    check: &'static str,
    subject: String,
    asked: impl Future<Output = Result<String, E>>,
    advice: impl FnOnce(Option<&E>) -> &'a str,
) -> Check {
    match tokio::time::timeout(patience, asked).await {
        Ok(Ok(message)) => Check::ok(check, subject, message),
        Ok(Err(error)) => Check::failed(check, subject, error.to_string(), advice(Some(&error))),
        Err(_) => {
            let message = format!("no answer within {} s", patience.as_secs());
            Check::failed(check, subject, message, advice(None))
        }
    }
}

/// Asks for a manifest, where registries.conf says. One that is not there is an answer all the same, unless the configuration
/// names it.
async fn ask_source(client: &Client, image: &ImageRef) -> Result<String, Error> {
    let found = client.head_manifest(image).await?;
    let whose = credentials(client, image);
    let is_named = image.tag() != Some(NO_TAG);
    Ok(match found {
        Some(_) => format!("serves `{image}`, {whose}"),
        None if is_named => format!("answers, {whose}; it has no `{image}`"),
        None => format!("answers, {whose}"),
    })
}

/// Asks for a manifest with the right to push. Nothing is written.
async fn ask_destination(client: &Client, image: &ImageRef) -> Result<String, Error> {
    if let Ok(repository) = image.repository() {
        client.head_manifest_at(&client.endpoint(&repository), &Reference::Tag(NO_TAG.to_owned())).await?;
    }
    Ok(format!("answers, {}", credentials(client, image)))
}

/// Whose credentials a registry gets.
fn credentials(client: &Client, image: &ImageRef) -> String {
    let Ok(repository) = image.repository() else { return "without credentials".to_owned() };
    let origin = client.options().credentials.origin(repository.registry(), Some(&repository));
    match (origin.flag, origin.found) {
        (Some(flag), _) => format!("credentials of {flag}"),
        (None, Some(file)) => format!("credentials of `{file}`"),
        (None, None) => "without credentials".to_owned(),
    }
}

/// The update service and the signature server, when releases are mirrored.
async fn services(common: &Common, configuration: &ImageSetConfiguration, client: &Client) -> Vec<Check> {
    let platform = &configuration.mirror.platform;
    let mut checks = Vec::new();
    let update_url = common.env.update_url.as_deref();
    let architecture = platform.release_architectures().first().copied().unwrap_or("amd64").to_owned();
    let channel = platform.channels.iter().find(|channel| channel.release_type == ReleaseType::Ocp);
    if let Some(channel) = channel {
        let subject = channel.name.clone();
        let asked = async {
            let versions = list::release_versions(client, update_url, &channel.name, &architecture).await;
            versions.map(|versions| format!("the update service knows {} versions", versions.len()))
        };
        checks.push(within(PATIENCE, "updates", subject, asked, |_| update_advice(update_url)).await);
    }
    if channel.is_some() || platform.release.is_some() {
        let (base, wrong) = match signature::base(common.env.signature_url.as_deref()) {
            Ok(base) => (base, None),
            Err(error) => (signature::DEFAULT_BASE, Some(error.to_string())),
        };
        if let Some(wrong) = wrong {
            checks.push(Check::warning("signatures", "OCP_SIGNATURE_URL", wrong, "correct the variable"));
        }
        if let Some(place) = signature::local_place(Some(base)) {
            let subject = place.display().to_string();
            checks.push(match place.metadata() {
                Ok(_) => Check::ok("signatures", subject, "is there"),
                Err(error) => Check::failed("signatures", subject, error.to_string(), "correct OCP_SIGNATURE_URL"),
            });
        } else {
            let asked = async {
                let answer = client.get(base, None, ANSWER).await?;
                Ok(format!("answers ({})", answer.status))
            };
            checks.push(ask("signatures", base.to_owned(), asked).await);
        }
    }
    checks
}

fn update_advice(update_url: Option<&str>) -> &'static str {
    match update_url {
        Some(_) => "check the variable UPDATE_URL_OVERRIDE and the channel",
        None => {
            "check the channel with `oc-mirror list releases`, and firewall and proxy; inside an enclave, set UPDATE_URL_OVERRIDE"
        }
    }
}

/// Proxies of the environment.
async fn proxies(settings: &ProxySettings) -> Vec<Check> {
    let mut checks = Vec::new();
    for (name, host, port) in settings.places() {
        let subject = format!("{name} {host}:{port}");
        let advice = format!("correct or unset {name}; hosts of NO_PROXY are reached without it");
        let asked = async {
            TcpStream::connect((host.as_str(), port)).await?;
            std::io::Result::Ok("accepts connections".to_owned())
        };
        checks.push(within(PROXY_PATIENCE, "proxy", subject, asked, |_| &advice).await);
    }
    checks
}

/// Clocks of registries, by how many seconds each is ahead of ours.
fn clocks(known: BTreeMap<String, i64>) -> Vec<Check> {
    let compared = known.into_iter().map(|(registry, ahead)| {
        if ahead.abs() <= CLOCK_TOLERANCE {
            return Check::ok("clock", registry, "agrees with this machine");
        }
        let side = if ahead > 0 { "ahead of" } else { "behind" };
        let message = format!("its clock is {} s {side} the clock of this machine", ahead.abs());
        let advice = "set the clock that is wrong: certificates, tokens and signatures depend on the time";
        Check::failed("clock", registry, message, advice)
    });
    compared.collect()
}

/// What to look at when an error gives no advice of its own.
fn advice(condition: Condition) -> &'static str {
    match condition {
        Condition::Refused => "check host and port, and that the registry runs",
        Condition::Dns => "check the name, and the name server of this machine",
        Condition::Timeout | Condition::Stall | Condition::TooSlow | Condition::Unreachable => {
            "check network, firewall and proxy"
        }
        Condition::Proxy => "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
        Condition::Tls | Condition::PlainHttp => {
            "if this registry speaks plain HTTP, pass --src-tls-verify=false or --dest-tls-verify=false"
        }
        Condition::Unauthorized | Condition::Denied => "log in with `podman login`",
        Condition::ServerError | Condition::TryAgain | Condition::TooManyRequests => "try again later",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_differ() {
        let found =
            clocks(BTreeMap::from([("a.io".to_owned(), 299), ("b.io".to_owned(), -7200), ("c.io".to_owned(), 301)]));
        let lines: Vec<_> = found.iter().map(Check::line).collect();
        assert_eq!(lines[0], "ok       clock          a.io: agrees with this machine");
        assert!(
            lines[1]
                .starts_with("FAILED   clock          b.io: its clock is 7200 s behind the clock of this machine; set")
        );
        assert!(
            lines[2].starts_with(
                "FAILED   clock          c.io: its clock is 301 s ahead of the clock of this machine; set"
            )
        );
    }
}
