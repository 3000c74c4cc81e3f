//! Access to registries: reads the files that say where registries are, how to trust them and who we are there, and
//! builds the clients from them. What the files mean is the matter of `registries-conf`.

mod credentials;
mod docker;
mod helper;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use oci_transport::{
    Bandwidth, Client, ClientOptions, CredentialSource, Notice, ProxySettings, Redactor, RetryPolicy, Side, Skopeo,
};
use registries_conf::locations::{self, AuthFileFormat, Env, MainFile};
use registries_conf::{AuthFile, CredentialChain, Layer, RegistriesConf, RegistriesD};

pub use self::helper::Processes;

use self::credentials::{Credentialed, FixedCredentials, LeftOver};
use crate::env::Snapshot;
use crate::log::Log;
use crate::settings::{Access, Common};

/// How long `skopeo` may take for one image: an hour, as images of this machine need no network.
const SKOPEO_TIMEOUT: Duration = Duration::from_secs(3600);

/// Why clients could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum AccessError {
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot use the registries configuration")]
    Registries(#[from] registries_conf::Error),
    #[error("cannot use auth file `{path}`: {reason}; correct the file, or name another one with --authfile")]
    AuthFile { path: PathBuf, reason: String },
    #[error("--secure-policy needs a trust policy, and there is none in {paths:?}; name one with --policy")]
    NoPolicy { paths: Vec<PathBuf> },
    #[error("cannot use the trust policy")]
    Policy(#[from] registries_conf::PolicyError),
    #[error("cannot use registries.d")]
    RegistriesD(#[from] registries_conf::RegistriesDError),
    #[error(transparent)]
    Client(#[from] oci_transport::Error),
}

/// The keys that release signatures are verified with, from the file that `OCP_SIGNATURE_VERIFICATION_PK` names; none
/// for the built-in ones. A file that gives none is warned about, as upstream does (`docs/behaviour/release.md` 4.1).
pub fn release_keys(common: &Common, log: &Log) -> Option<Vec<u8>> {
    let path = common.env.signature_key.as_deref()?;
    let reason = match std::fs::read(path) {
        Ok(keys) if keys.trim_ascii().is_empty() => "it is empty".to_owned(),
        Ok(keys) => return Some(keys),
        Err(error) => error.to_string(),
    };
    let path = path.display();
    log.caution(format_args!(
        "OCP_SIGNATURE_VERIFICATION_PK: cannot use `{path}`: {reason}; releases are verified with the built-in Red Hat keys"
    ));
    None
}

/// The clients of a run.
#[derive(Debug, Clone)]
pub struct Clients {
    /// For reading from source registries.
    pub source: Client,
    /// For the destination registry.
    pub destination: Client,
    /// The credential helpers that both have running.
    pub helpers: Arc<Processes>,
}

impl Clients {
    /// Reads the configuration files and builds both clients. Credentials that were named and are not there, or cannot be
    /// used, are warned about.
    ///
    /// # Errors
    /// When a file that counts cannot be read or understood, or TLS cannot be set up.
    pub fn new(common: &Common, log: &Log) -> Result<Self, AccessError> {
        Self::within(common, None, log)
    }

    /// The same for images of which each may take this long: a manifest, list or token may not take longer.
    ///
    /// # Errors
    /// As [`Clients::new`].
    pub fn within(common: &Common, limit: Option<Duration>, log: &Log) -> Result<Self, AccessError> {
        let env = locations_env(&common.env);
        let registries = Arc::new(registries_conf(&env)?);
        let mut warnings = missing_credentials(common);
        let helpers = Arc::default();
        let left_over = Arc::new(LeftOver::new(log.clone()));
        let redactor = log.redactor();
        let bandwidth = common.limit_rate.map(Bandwidth::new);
        let mut client = |side, access| {
            let shared =
                Shared { bandwidth: &bandwidth, helpers: &helpers, left_over: &left_over, redactor: &redactor };
            client(side, &env, &registries, access, common, limit, &shared, &mut warnings)
        };
        let (source, destination) =
            (client(Side::Source, &common.source)?, client(Side::Destination, &common.destination)?);
        // Both sides mostly read the same file.
        let mut told = HashSet::new();
        for warning in warnings.iter().filter(|warning| told.insert(warning.as_str())) {
            log.caution(format_args!("{warning}"));
        }
        for client in [&source, &destination] {
            let log = log.clone();
            client.on_notice(Arc::new(move |notice| match notice {
                Notice::Warning(text) => log.warn(text),
                Notice::Info(text) => log.info(text),
                Notice::Waiting(waiting) => log.info(waiting),
                other => log.debug(format_args!("{other:?}")),
            }));
        }
        Ok(Self { source, destination, helpers })
    }
}

/// Reads the trust policy to enforce: `--policy`, else `CONTAINERS_POLICY_JSON`, else the usual places.
///
/// # Errors
/// When there is none, or it is not valid: enforcing nothing would be the opposite of what was asked.
pub fn policy(common: &Common) -> Result<registries_conf::Policy, AccessError> {
    let path = match locations::policy_json(&locations_env(&common.env), common.policy.as_deref()) {
        MainFile::Required(path) => path,
        MainFile::FirstOf(paths) => {
            let found = paths.iter().find(|path| path.is_file()).cloned();
            found.ok_or(AccessError::NoPolicy { paths })?
        }
    };
    let text = std::fs::read_to_string(&path).map_err(|source| AccessError::Read { path: path.clone(), source })?;
    Ok(registries_conf::Policy::parse(&path.display().to_string(), &text)?)
}

/// Reads registries.d: where signatures lie. Also the folder for images of which it says nothing.
///
/// # Errors
/// When a file of it cannot be read or understood.
pub fn registries_d(common: &Common) -> Result<(RegistriesD, PathBuf), AccessError> {
    let env = locations_env(&common.env);
    let folders = locations::registries_d(&env, common.registries_d.as_deref());
    let listings: Vec<(PathBuf, Vec<String>)> =
        folders.into_iter().map(|folder| (folder.clone(), file_names(&folder))).collect();
    let mut layers = Vec::new();
    for path in locations::select_drop_ins(&listings, ".yaml") {
        layers.push(layer(&path)?);
    }
    Ok((RegistriesD::from_layers(&layers)?, locations::default_lookaside(&env)))
}

fn locations_env(snapshot: &Snapshot) -> Env {
    Env {
        home: snapshot.home.clone().unwrap_or_else(|| PathBuf::from("/")),
        uid: snapshot.uid,
        xdg_config_home: snapshot.xdg_config_home.clone(),
        xdg_runtime_dir: snapshot.xdg_runtime_dir.clone(),
        xdg_data_home: snapshot.xdg_data_home.clone(),
        docker_config: snapshot.docker_config.clone(),
        containers_registries_conf: snapshot.registries_conf.clone(),
        containers_registries_conf_override: snapshot.registries_conf_override.clone(),
        containers_policy_json: snapshot.policy_json.clone(),
        ..Env::default()
    }
}

/// Reads registries.conf with its drop-ins.
fn registries_conf(env: &Env) -> Result<RegistriesConf, AccessError> {
    let files = locations::registries_conf(env);
    let mut layers = Vec::new();
    match &files.main {
        MainFile::Required(path) => layers.push(layer(path)?),
        MainFile::FirstOf(paths) => {
            if let Some(path) = paths.iter().find(|path| path.is_file()) {
                layers.push(layer(path)?);
            }
        }
    }
    let listings: Vec<(PathBuf, Vec<String>)> =
        files.drop_in_dirs.iter().map(|folder| (folder.clone(), file_names(folder))).collect();
    for path in locations::select_drop_ins(&listings, ".conf") {
        layers.push(layer(&path)?);
    }
    if let Some(path) = &files.last {
        layers.push(layer(path)?);
    }
    Ok(RegistriesConf::from_layers(&layers)?)
}

/// Reads the auth files and joins them with the global helpers of registries.conf.
///
/// A file that is there but cannot be understood is an error: going on without it would end in a misleading
/// `unauthorized`. One that was named has to be readable as well; others may be somebody else's, and that is said.
fn credential_chain(
    env: &Env,
    auth_file: Option<&Path>,
    registries: &RegistriesConf,
    warnings: &mut Vec<String>,
) -> Result<CredentialChain, AccessError> {
    let mut files = Vec::new();
    for place in locations::auth_files(env, auth_file) {
        let text = match std::fs::read_to_string(&place.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && auth_file.is_none() => {
                // Of a folder that may not be entered nobody knows what it holds.
                if place.path.exists() {
                    let path = place.path.display();
                    warnings.push(format!("auth file `{path}`: {error}: continuing without its credentials"));
                }
                continue;
            }
            Err(source) => return Err(AccessError::Read { path: place.path, source }),
        };
        let parsed = match place.format {
            AuthFileFormat::Current => AuthFile::parse(&text),
            AuthFileFormat::Legacy => AuthFile::parse_legacy(&text),
        };
        match parsed {
            Ok(file) => files.push((place.path.display().to_string(), file)),
            Err(error) => return Err(AccessError::AuthFile { path: place.path, reason: error.to_string() }),
        }
    }
    Ok(CredentialChain::new(registries, files))
}

/// Places of credentials that were named and are not there, each once. That is no error, as a registry may need none.
fn missing_credentials(common: &Common) -> Vec<String> {
    let sides = [&common.source, &common.destination];
    let asked = sides.into_iter().filter_map(|access| access.authfile.as_deref());
    let mut missing: Vec<&Path> = asked.filter(|path| !path.exists()).collect();
    missing.dedup();
    let mut texts: Vec<String> = missing
        .into_iter()
        .map(|path| format!("auth file `{}` does not exist; continuing without credentials", path.display()))
        .collect();
    // An auth file that was named is the only one that is read.
    if let Some(folder) = common.env.xdg_runtime_dir.as_deref()
        && sides.into_iter().any(|access| access.authfile.is_none())
        && !folder.is_dir()
    {
        let folder = folder.display();
        texts.push(format!("XDG_RUNTIME_DIR: `{folder}` does not exist; continuing without its credentials"));
    }
    texts
}

/// What the clients of both sides have in common.
struct Shared<'a> {
    bandwidth: &'a Option<Bandwidth>,
    helpers: &'a Arc<Processes>,
    left_over: &'a Arc<LeftOver>,
    redactor: &'a Redactor,
}

#[expect(clippy::too_many_arguments, reason = "what both sides share, handed over by its only caller")]
fn client(
    side: Side,
    env: &Env,
    registries: &Arc<RegistriesConf>,
    access: &Access,
    common: &Common,
    limit: Option<Duration>,
    shared: &Shared<'_>,
    warnings: &mut Vec<String>,
) -> Result<Client, AccessError> {
    let credentials: Arc<dyn CredentialSource> = if let Some(fixed) = FixedCredentials::of(side, access) {
        Arc::new(fixed)
    } else {
        let chain = credential_chain(env, access.authfile.as_deref(), registries, warnings)?;
        warnings.extend(chain.warnings().map(|warning| format!("auth file {warning}")));
        let (search_path, named) = (common.env.search_path.clone(), access.authfile.is_some());
        Arc::new(Credentialed::new(chain, named, search_path, Arc::clone(shared.helpers), Arc::clone(shared.left_over)))
    };
    // The transport joins each root with the registry's name; any name does for finding the roots.
    let cert_dirs = locations::certs_d(env, "registry", None)
        .iter()
        .filter_map(|folder| folder.parent().map(Path::to_owned))
        .collect();
    let proxy = &common.env.proxy;
    let usual = ClientOptions::default();
    let options = ClientOptions {
        side,
        tls_verify: access.verify_tls,
        insecure_registries: !access.tls_given,
        cert_dirs,
        cert_dir: access.cert_dir.clone(),
        registries: Arc::clone(registries),
        credentials,
        redactor: shared.redactor.clone(),
        bandwidth: shared.bandwidth.clone(),
        retry: RetryPolicy {
            times: common.retry_times,
            delay: common.retry_delay.unwrap_or_default(),
            first_contact: RetryPolicy::default().first_contact.filter(|_| !common.retry_given),
            ..RetryPolicy::default()
        },
        document_timeout: limit.map_or(usual.document_timeout, |limit| limit.min(usual.document_timeout)),
        proxies: ProxySettings { http: proxy.http.clone(), https: proxy.https.clone(), no_proxy: proxy.except.clone() },
        // Beside the cache's blobs on their way in: those on their way out.
        uploads: common.cache.as_ref().filter(|_| matches!(side, Side::Destination)).map(|cache| cache.join("uploads")),
        shared_blobs: access.shared_blob_dir.clone(),
        skopeo: matches!(side, Side::Source).then(|| skopeo(common, access)).flatten(),
        ..usual
    };
    Ok(Client::new(options)?)
}

/// The program for images that lie neither in a registry nor in an OCI layout, if it is installed. Of the environment it
/// gets what says where the storage of containers is, and no more. Its temporary files are as large as the images, so they
/// go where those go, not to `TMPDIR`; what has no cache reads no image that needs it.
fn skopeo(common: &Common, access: &Access) -> Option<Skopeo> {
    let program = helper::find(&common.env.search_path, "skopeo")?;
    let scratch = common.cache.as_ref()?.join("skopeo");
    let path = std::env::join_paths(&common.env.search_path).ok()?;
    let mut environment = vec![("PATH".into(), path), ("TMPDIR".into(), scratch.clone().into_os_string())];
    environment.extend(common.env.for_skopeo.iter().map(|(name, value)| (name.into(), value.clone())));
    let daemon = docker::flags(access, &common.env.docker);
    Some(Skopeo { program, scratch, environment, daemon, timeout: SKOPEO_TIMEOUT })
}

fn layer(path: &Path) -> Result<Layer, AccessError> {
    let text = std::fs::read_to_string(path).map_err(|source| AccessError::Read { path: path.to_owned(), source })?;
    Ok(Layer::new(path.display().to_string(), text))
}

/// Names of the plain files in a folder; none when it cannot be listed.
fn file_names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}
