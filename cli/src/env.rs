//! The outside world, read once at the door: environment variables, directory, user, clock and terminal.
//!
//! Nothing else in this project reads a variable or asks for the current directory (`clippy.toml` forbids it), so
//! [`VARIABLES`] is the complete list, and a test hands in a map instead.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Zoned;

/// Every environment variable the program looks at, with its effect (`docs/behaviour/config-cli.md` 2.4). `--help`
/// lists them.
pub const VARIABLES: &[(&str, &str)] = &[
    (OC_MIRROR_CACHE, "directory that holds the cache `.oc-mirror/.cache`; not together with --cache-dir"),
    (
        OC_MIRROR_HEARTBEAT,
        "how often a line tells the progress where there is no terminal, such as `1m`; default `10s`",
    ),
    (HOME, "the cache is here unless told otherwise; also where per-user container configuration is looked for"),
    (REGISTRY_AUTH_FILE, "default of --authfile"),
    (CONTAINERS_REGISTRIES_CONF, "main registries.conf; must exist; drop-in directories are still read"),
    (CONTAINERS_REGISTRIES_CONF_OVERRIDE, "registries.conf that is read after all others; must exist"),
    (CONTAINERS_POLICY_JSON, "trust policy of --secure-policy where --policy names none; must exist"),
    (UPDATE_URL_OVERRIDE, "update graph endpoint for OCP; the graph image is then taken, not built"),
    (
        OCP_SIGNATURE_URL,
        "base URL of release signatures: `<base>sha256=<hex>/signature-1`; or `file:///DIR/working-dir` of an earlier hop",
    ),
    (OCP_SIGNATURE_VERIFICATION_PK, "file with the armored public key that release signatures are verified with"),
    (VERSION_FILTER, "regular expression on release versions (unsupported upstream, kept)"),
    (JOB_COMPLETION_INDEX, "number of the pod in a Kubernetes Job, for `apply --shard auto/N`"),
    (OC_MIRROR_GRAPH_DATA_URL, "where the data of the update graph image come from, instead of the public address"),
    (OC_MIRROR_GRAPH_BASE_IMAGE, "what the update graph image is built on, instead of the public base image"),
    (HTTP_PROXY, "proxy for plain HTTP; never used for loopback addresses"),
    (HTTPS_PROXY, "proxy for HTTPS; never used for loopback addresses"),
    (NO_PROXY, "hosts that are reached without a proxy"),
    (XDG_RUNTIME_DIR, "first place of `containers/auth.json`"),
    (XDG_CONFIG_HOME, "per-user container configuration, instead of `~/.config`"),
    (DOCKER_CONFIG, "directory of docker's `config.json`, instead of `~/.docker`"),
    (TMPDIR, "directory for temporary files, instead of `/tmp`"),
    (TZ, "time zone of log lines and of times in file names"),
    (CONTAINERS_STORAGE_CONF, "storage.conf of the containers storage, for `skopeo`"),
    (STORAGE_DRIVER, "driver of the containers storage, for `skopeo`"),
    (STORAGE_OPTS, "options of that driver, for `skopeo`"),
    (
        XDG_DATA_HOME,
        "per-user container data, instead of `~/.local/share`: simple-signing signatures, and storage for `skopeo`",
    ),
    (DOCKER_HOST, "where the docker daemon listens, instead of `unix:///var/run/docker.sock`"),
    (DOCKER_CERT_PATH, "certificates for the docker daemon; with it, `tcp://` is HTTPS"),
    (DOCKER_TLS_VERIFY, "when it is set, `tcp://` of the docker daemon is HTTPS"),
    (DBUS_SESSION_BUS_ADDRESS, "session bus, for `skopeo`"),
    (NO_COLOR, "when it is set, nothing is coloured; --color goes before it"),
    (CLICOLOR, "`0`: nothing is coloured on terminals either"),
    (CLICOLOR_FORCE, "not `0`: lines are coloured in pipes too"),
    (PATH, "where `skopeo` and credential helpers are looked for"),
];

/// Base directory of the cache.
pub const OC_MIRROR_CACHE: &str = "OC_MIRROR_CACHE";
/// How often a plain line tells the progress.
pub const OC_MIRROR_HEARTBEAT: &str = "OC_MIRROR_HEARTBEAT";
/// The user's home directory.
pub const HOME: &str = "HOME";
/// Default of `--authfile`.
pub const REGISTRY_AUTH_FILE: &str = "REGISTRY_AUTH_FILE";
/// Main `registries.conf`.
pub const CONTAINERS_REGISTRIES_CONF: &str = "CONTAINERS_REGISTRIES_CONF";
/// `registries.conf` that is read last.
pub const CONTAINERS_REGISTRIES_CONF_OVERRIDE: &str = "CONTAINERS_REGISTRIES_CONF_OVERRIDE";
/// Trust policy, unless a flag names one.
pub const CONTAINERS_POLICY_JSON: &str = "CONTAINERS_POLICY_JSON";
/// Endpoint of the update graph for OCP.
pub const UPDATE_URL_OVERRIDE: &str = "UPDATE_URL_OVERRIDE";
/// Base URL of release signatures.
pub const OCP_SIGNATURE_URL: &str = "OCP_SIGNATURE_URL";
/// Public key file for release signatures.
pub const OCP_SIGNATURE_VERIFICATION_PK: &str = "OCP_SIGNATURE_VERIFICATION_PK";
/// Regular expression on release versions.
pub const VERSION_FILTER: &str = "VERSION_FILTER";
/// Number of the pod in an Indexed Job, for `apply --shard auto/N`.
pub const JOB_COMPLETION_INDEX: &str = "JOB_COMPLETION_INDEX";
/// Address of the update graph data.
pub const OC_MIRROR_GRAPH_DATA_URL: &str = "OC_MIRROR_GRAPH_DATA_URL";
/// Base of the update graph image.
pub const OC_MIRROR_GRAPH_BASE_IMAGE: &str = "OC_MIRROR_GRAPH_BASE_IMAGE";
/// Proxy for plain HTTP; also read in lower case.
pub const HTTP_PROXY: &str = "HTTP_PROXY";
/// Proxy for HTTPS; also read in lower case.
pub const HTTPS_PROXY: &str = "HTTPS_PROXY";
/// Hosts reached without proxy; also read in lower case.
pub const NO_PROXY: &str = "NO_PROXY";
/// Per-login directory of container tools.
pub const XDG_RUNTIME_DIR: &str = "XDG_RUNTIME_DIR";
/// Per-user configuration directory.
pub const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";
/// Directory of docker's `config.json`.
pub const DOCKER_CONFIG: &str = "DOCKER_CONFIG";
/// Directory for temporary files.
pub const TMPDIR: &str = "TMPDIR";
/// Time zone; read by the clock library.
pub const TZ: &str = "TZ";
/// `storage.conf` of the containers storage.
pub const CONTAINERS_STORAGE_CONF: &str = "CONTAINERS_STORAGE_CONF";
/// Driver of the containers storage.
pub const STORAGE_DRIVER: &str = "STORAGE_DRIVER";
/// Options of the driver.
pub const STORAGE_OPTS: &str = "STORAGE_OPTS";
/// Per-user data directory.
pub const XDG_DATA_HOME: &str = "XDG_DATA_HOME";
/// Address of the docker daemon.
pub const DOCKER_HOST: &str = "DOCKER_HOST";
/// Certificates for the docker daemon.
pub const DOCKER_CERT_PATH: &str = "DOCKER_CERT_PATH";
/// Whether the docker daemon speaks HTTPS.
pub const DOCKER_TLS_VERIFY: &str = "DOCKER_TLS_VERIFY";
/// Address of the session bus.
pub const DBUS_SESSION_BUS_ADDRESS: &str = "DBUS_SESSION_BUS_ADDRESS";
/// Nothing is coloured.
pub const NO_COLOR: &str = "NO_COLOR";
/// `0`: nothing is coloured.
pub const CLICOLOR: &str = "CLICOLOR";
/// Not `0`: everything is coloured.
pub const CLICOLOR_FORCE: &str = "CLICOLOR_FORCE";
/// Search path for programs.
pub const PATH: &str = "PATH";

/// The variables that `skopeo` gets as they are: they say where the storage of containers is. The program itself looks at
/// none of them but [`HOME`] and those of XDG.
pub const FOR_SKOPEO: &[&str] = &[
    HOME,
    XDG_RUNTIME_DIR,
    XDG_CONFIG_HOME,
    XDG_DATA_HOME,
    CONTAINERS_STORAGE_CONF,
    STORAGE_DRIVER,
    STORAGE_OPTS,
    DBUS_SESSION_BUS_ADDRESS,
];

/// The variables that speak to this program alone. Programs that it starts do not get them: the addresses among them may
/// carry a password.
pub const FOR_THIS_PROGRAM: &[&str] = &[
    OC_MIRROR_CACHE,
    OC_MIRROR_HEARTBEAT,
    UPDATE_URL_OVERRIDE,
    OCP_SIGNATURE_URL,
    OCP_SIGNATURE_VERIFICATION_PK,
    VERSION_FILTER,
    OC_MIRROR_GRAPH_DATA_URL,
    OC_MIRROR_GRAPH_BASE_IMAGE,
];

/// What the program knows of the world outside its arguments. Variables that are set but empty count as unset.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Base directory of the cache, from `OC_MIRROR_CACHE`.
    pub cache_base: Option<PathBuf>,
    /// How often a line tells the progress where there is no terminal. A value that is no duration counts as unset.
    pub heartbeat: Option<Duration>,
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// Default auth file, from `REGISTRY_AUTH_FILE`.
    pub auth_file: Option<PathBuf>,
    /// Main `registries.conf`.
    pub registries_conf: Option<PathBuf>,
    /// `registries.conf` that is read after all others.
    pub registries_conf_override: Option<PathBuf>,
    /// Trust policy, from `CONTAINERS_POLICY_JSON`.
    pub policy_json: Option<PathBuf>,
    /// Endpoint of the update graph for OCP.
    pub update_url: Option<String>,
    /// Base URL of release signatures.
    pub signature_url: Option<String>,
    /// Public key file for release signatures.
    pub signature_key: Option<PathBuf>,
    /// Regular expression on release versions.
    pub version_filter: Option<String>,
    /// Number of the pod in an Indexed Job.
    pub completion_index: Option<String>,
    /// [`OC_MIRROR_GRAPH_DATA_URL`].
    pub graph_data_url: Option<String>,
    /// [`OC_MIRROR_GRAPH_BASE_IMAGE`].
    pub graph_base_image: Option<String>,
    /// Proxies.
    pub proxy: Proxy,
    /// `XDG_RUNTIME_DIR`.
    pub xdg_runtime_dir: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`.
    pub xdg_config_home: Option<PathBuf>,
    /// `XDG_DATA_HOME`.
    pub xdg_data_home: Option<PathBuf>,
    /// `DOCKER_CONFIG`.
    pub docker_config: Option<PathBuf>,
    /// Directory for temporary files.
    pub temp_dir: PathBuf,
    /// Where programs are looked for, in order.
    pub search_path: Vec<PathBuf>,
    /// The docker daemon.
    pub docker: Docker,
    /// Those of [`FOR_SKOPEO`] that are set.
    pub for_skopeo: Vec<(&'static str, OsString)>,
    /// The current directory; relative paths of flags start here.
    pub directory: PathBuf,
    /// User id of the process.
    pub uid: u32,
    /// File mode creation mask of the process.
    pub umask: u32,
    /// When the program started, in the local time zone. Times in file names come from here.
    pub started: Zoned,
    /// Whether standard output is a terminal: live progress is drawn only there.
    pub stdout_is_terminal: bool,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
    /// What the variables say of colours.
    pub colours: Colours,
}

/// What variables say of colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Colours {
    /// `NO_COLOR` is set.
    pub no_color: bool,
    /// `CLICOLOR` is `0`.
    pub off: bool,
    /// `CLICOLOR_FORCE` is set, and not `0`.
    pub force: bool,
}

/// The docker daemon, as its own programs are told of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Docker {
    /// Where it listens.
    pub host: Option<String>,
    /// The folder of certificates for it.
    pub cert_path: Option<PathBuf>,
    /// Whether it speaks HTTPS.
    pub tls_verify: bool,
}

/// Proxy settings, as written in the environment.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxy {
    /// For plain HTTP.
    pub http: Option<String>,
    /// For HTTPS.
    pub https: Option<String>,
    /// Hosts, domains and networks that are reached directly, separated by commas.
    pub except: Option<String>,
}

impl std::fmt::Debug for Proxy {
    /// Proxy URLs may carry a password, so only their presence is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy")
            .field("http", &self.http.is_some())
            .field("https", &self.https.is_some())
            .field("except", &self.except)
            .finish()
    }
}

impl Snapshot {
    /// Looks at the process.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the outside world")]
    pub fn take() -> Self {
        let mut snapshot = Self::from_variables(&|name| std::env::var_os(name));
        snapshot.directory = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        snapshot.uid = rustix::process::getuid().as_raw();
        snapshot.umask = umask();
        snapshot.started = Zoned::now();
        snapshot.stdout_is_terminal = std::io::stdout().is_terminal();
        snapshot.stderr_is_terminal = std::io::stderr().is_terminal();
        snapshot
    }

    /// A world for tests: these variables, directory `/cwd`, user 1000, umask 0022, no terminal, and a fixed time.
    pub fn for_test<const N: usize>(variables: [(&str, &str); N]) -> Self {
        let map: HashMap<_, _> = variables.into_iter().collect();
        Self::from_variables(&|name| map.get(name).map(OsString::from))
    }

    fn from_variables(lookup: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let get = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let path = |name: &str| get(name).map(PathBuf::from);
        let text = |name: &str| get(name).map(|value| value.to_string_lossy().into_owned());
        let either = |name: &str| text(name).or_else(|| text(&name.to_ascii_lowercase()));
        Self {
            cache_base: path(OC_MIRROR_CACHE),
            heartbeat: text(OC_MIRROR_HEARTBEAT).and_then(|value| crate::duration::parse(&value).ok()),
            home: path(HOME),
            auth_file: path(REGISTRY_AUTH_FILE),
            registries_conf: path(CONTAINERS_REGISTRIES_CONF),
            registries_conf_override: path(CONTAINERS_REGISTRIES_CONF_OVERRIDE),
            policy_json: path(CONTAINERS_POLICY_JSON),
            update_url: text(UPDATE_URL_OVERRIDE),
            signature_url: text(OCP_SIGNATURE_URL),
            signature_key: path(OCP_SIGNATURE_VERIFICATION_PK),
            version_filter: text(VERSION_FILTER),
            completion_index: text(JOB_COMPLETION_INDEX),
            graph_data_url: text(OC_MIRROR_GRAPH_DATA_URL),
            graph_base_image: text(OC_MIRROR_GRAPH_BASE_IMAGE),
            proxy: Proxy { http: either(HTTP_PROXY), https: either(HTTPS_PROXY), except: either(NO_PROXY) },
            xdg_runtime_dir: path(XDG_RUNTIME_DIR),
            xdg_config_home: path(XDG_CONFIG_HOME),
            xdg_data_home: path(XDG_DATA_HOME),
            docker_config: path(DOCKER_CONFIG),
            temp_dir: path(TMPDIR).unwrap_or_else(|| PathBuf::from("/tmp")),
            search_path: get(PATH)
                .map(|value| {
                    value.to_string_lossy().split(':').filter(|dir| !dir.is_empty()).map(PathBuf::from).collect()
                })
                .unwrap_or_default(),
            docker: Docker {
                host: text(DOCKER_HOST),
                cert_path: path(DOCKER_CERT_PATH),
                tls_verify: get(DOCKER_TLS_VERIFY).is_some(),
            },
            for_skopeo: FOR_SKOPEO.iter().filter_map(|name| Some((*name, get(name)?))).collect(),
            directory: PathBuf::from("/cwd"),
            uid: 1000,
            umask: 0o022,
            started: jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC),
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            colours: Colours {
                no_color: get(NO_COLOR).is_some(),
                off: text(CLICOLOR).is_some_and(|value| value == "0"),
                force: text(CLICOLOR_FORCE).is_some_and(|value| value != "0"),
            },
        }
    }

    /// The variables that replace the signature key or an address, with their values.
    pub fn replacements(&self) -> Vec<(&'static str, String)> {
        let key = self.signature_key.as_ref().map(|path| path.display().to_string());
        let all = [
            (UPDATE_URL_OVERRIDE, self.update_url.clone()),
            (OCP_SIGNATURE_URL, self.signature_url.clone()),
            (OCP_SIGNATURE_VERIFICATION_PK, key),
            (OC_MIRROR_GRAPH_DATA_URL, self.graph_data_url.clone()),
            (OC_MIRROR_GRAPH_BASE_IMAGE, self.graph_base_image.clone()),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// Makes a path absolute, counted from the current directory; `.` and empty elements go, `..` stays.
    pub fn absolute(&self, path: impl AsRef<std::path::Path>) -> PathBuf {
        self.directory.join(path).components().collect()
    }
}

/// The process's umask. POSIX can only tell it by setting it, so it is set and put back at once.
fn umask() -> u32 {
    let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    rustix::process::umask(mask);
    mask.as_raw_mode()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_reaches_its_field() {
        let world = Snapshot::for_test([
            (OC_MIRROR_CACHE, "/cache"),
            (OC_MIRROR_HEARTBEAT, "1m30s"),
            (HOME, "/home/u"),
            (REGISTRY_AUTH_FILE, "/auth.json"),
            (CONTAINERS_REGISTRIES_CONF, "/registries.conf"),
            (CONTAINERS_REGISTRIES_CONF_OVERRIDE, "/last.conf"),
            (CONTAINERS_POLICY_JSON, "/policy.json"),
            (UPDATE_URL_OVERRIDE, "https://osus.example/graph"),
            (OCP_SIGNATURE_URL, "https://sig.example/"),
            (OCP_SIGNATURE_VERIFICATION_PK, "/key.asc"),
            (VERSION_FILTER, "4[.]20"),
            (JOB_COMPLETION_INDEX, "3"),
            (OC_MIRROR_GRAPH_DATA_URL, "https://data.example/graph-data"),
            (OC_MIRROR_GRAPH_BASE_IMAGE, "reg.lan/base:1"),
            ("http_proxy", "http://u:secret@proxy.example"),
            (HTTPS_PROXY, "http://proxy.example"),
            (NO_PROXY, ".lan"),
            (XDG_RUNTIME_DIR, "/run/user/1000"),
            (XDG_CONFIG_HOME, "/conf"),
            (XDG_DATA_HOME, "/data"),
            (DOCKER_CONFIG, "/docker"),
            (TMPDIR, "/scratch"),
            (PATH, "/bin::/usr/bin"),
            (CONTAINERS_STORAGE_CONF, "/storage.conf"),
            (DOCKER_HOST, "tcp://docker.example:2376"),
            (DOCKER_CERT_PATH, "/certs"),
            (DOCKER_TLS_VERIFY, "1"),
        ]);
        insta::assert_debug_snapshot!(world, @r#"
        Snapshot {
            cache_base: Some(
                "/cache",
            ),
            heartbeat: Some(
                90s,
            ),
            home: Some(
                "/home/u",
            ),
            auth_file: Some(
                "/auth.json",
            ),
            registries_conf: Some(
                "/registries.conf",
            ),
            registries_conf_override: Some(
                "/last.conf",
            ),
            policy_json: Some(
                "/policy.json",
            ),
            update_url: Some(
                "https://osus.example/graph",
            ),
            signature_url: Some(
                "https://sig.example/",
            ),
            signature_key: Some(
                "/key.asc",
            ),
            version_filter: Some(
                "4[.]20",
            ),
            completion_index: Some(
                "3",
            ),
            graph_data_url: Some(
                "https://data.example/graph-data",
            ),
            graph_base_image: Some(
                "reg.lan/base:1",
            ),
            proxy: Proxy {
                http: true,
                https: true,
                except: Some(
                    ".lan",
                ),
            },
            xdg_runtime_dir: Some(
                "/run/user/1000",
            ),
            xdg_config_home: Some(
                "/conf",
            ),
            xdg_data_home: Some(
                "/data",
            ),
            docker_config: Some(
                "/docker",
            ),
            temp_dir: "/scratch",
            search_path: [
                "/bin",
                "/usr/bin",
            ],
            docker: Docker {
                host: Some(
                    "tcp://docker.example:2376",
                ),
                cert_path: Some(
                    "/certs",
                ),
                tls_verify: true,
            },
            for_skopeo: [
                (
                    "HOME",
                    "/home/u",
                ),
                (
                    "XDG_RUNTIME_DIR",
                    "/run/user/1000",
                ),
                (
                    "XDG_CONFIG_HOME",
                    "/conf",
                ),
                (
                    "XDG_DATA_HOME",
                    "/data",
                ),
                (
                    "CONTAINERS_STORAGE_CONF",
                    "/storage.conf",
                ),
            ],
            directory: "/cwd",
            uid: 1000,
            umask: 18,
            started: 1970-01-01T00:00:00+00:00[UTC],
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            colours: Colours {
                no_color: false,
                off: false,
                force: false,
            },
        }
        "#);
    }

    #[test]
    fn empty_is_unset() {
        let world =
            Snapshot::for_test([(REGISTRY_AUTH_FILE, ""), (HTTP_PROXY, ""), ("http_proxy", "http://p"), (TMPDIR, "")]);
        assert_eq!(world.auth_file, None);
        assert_eq!(world.proxy.http.as_deref(), Some("http://p"));
        assert_eq!(world.temp_dir, PathBuf::from("/tmp"));
    }

    #[test]
    fn the_list_is_complete_and_unique() {
        let mut names: Vec<_> = VARIABLES.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), VARIABLES.len());
        let source = include_str!("env.rs");
        let constants =
            source.lines().filter(|line| line.starts_with("pub const") && line.contains(": &str =")).count();
        assert_eq!(constants, VARIABLES.len());
    }

    #[test]
    fn paths_become_absolute() {
        let world = Snapshot::for_test([]);
        for (path, absolute) in
            [("a/b", "/cwd/a/b"), ("./a//b/", "/cwd/a/b"), ("/x/./y", "/x/y"), ("", "/cwd"), ("../a", "/cwd/../a")]
        {
            assert_eq!(world.absolute(path), PathBuf::from(absolute), "{path}");
        }
    }

    #[test]
    fn the_process_can_be_looked_at() {
        let world = Snapshot::take();
        assert!(world.directory.is_absolute());
        assert_eq!(umask(), world.umask);
    }
}
