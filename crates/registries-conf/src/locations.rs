//! Where the well-known files lie, and which of them count.
//!
//! Nothing here looks at the environment or at a disk: the caller hands in a snapshot of what matters ([`Env`]), reads
//! what the functions name, and hands file names back where a choice depends on them ([`select_drop_ins`]).
//! Order is precedence everywhere: the first entry of a list goes before the others.
//! Rules: `docs/behaviour/release.md` 7.3 to 7.7 (library 5.40 and later).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the well-known locations depend on. Empty variables are to be given as `None`, as upstream treats them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Env {
    /// `$HOME`, or what the user database says.
    pub home: PathBuf,
    /// The user id; 0 is root.
    pub uid: u32,
    /// `$XDG_CONFIG_HOME`.
    pub xdg_config_home: Option<PathBuf>,
    /// `$XDG_RUNTIME_DIR`.
    pub xdg_runtime_dir: Option<PathBuf>,
    /// `$XDG_DATA_HOME`.
    pub xdg_data_home: Option<PathBuf>,
    /// `$DOCKER_CONFIG`, a directory.
    pub docker_config: Option<PathBuf>,
    /// `$REGISTRY_AUTH_FILE`, the default of `--authfile`.
    pub registry_auth_file: Option<PathBuf>,
    /// `$CONTAINERS_REGISTRIES_CONF`.
    pub containers_registries_conf: Option<PathBuf>,
    /// `$CONTAINERS_REGISTRIES_CONF_OVERRIDE`.
    pub containers_registries_conf_override: Option<PathBuf>,
    /// `$CONTAINERS_POLICY_JSON`.
    pub containers_policy_json: Option<PathBuf>,
}

impl Env {
    /// `$XDG_CONFIG_HOME`, or `~/.config`.
    pub fn config_home(&self) -> PathBuf {
        self.xdg_config_home.clone().unwrap_or_else(|| self.home.join(".config"))
    }

    fn containers_config(&self) -> PathBuf {
        self.config_home().join("containers")
    }

    /// User, system, distribution.
    fn containers_dirs(&self) -> [PathBuf; 3] {
        [self.containers_config(), PathBuf::from("/etc/containers"), PathBuf::from("/usr/share/containers")]
    }

    /// Directories that exist in variants per kind of user: `<stem>.d`, `<stem>.rootless.d` and so on.
    /// `suffix` is what stands behind the stem, such as `.conf.d`.
    fn drop_in_dirs(&self, stem: &str, suffix: &str) -> Vec<PathBuf> {
        let [user, etc, share] = self.containers_dirs();
        let mut dirs = vec![user.join(format!("{stem}{suffix}"))];
        for base in [etc, share] {
            if self.uid == 0 {
                dirs.push(base.join(format!("{stem}.rootful{suffix}")));
            } else {
                let rootless = base.join(format!("{stem}.rootless{suffix}"));
                dirs.push(rootless.join(self.uid.to_string()));
                dirs.push(rootless);
            }
            dirs.push(base.join(format!("{stem}{suffix}")));
        }
        dirs
    }
}

/// A main file: the first of several places, or one that was demanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MainFile {
    /// The first of these that exists; none is fine.
    FirstOf(Vec<PathBuf>),
    /// This one, which must exist.
    Required(PathBuf),
}

/// Everything registries.conf is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistriesConfFiles {
    /// The main file, the first layer.
    pub main: MainFile,
    /// Folders with drop-ins, highest priority first; see [`select_drop_ins`] with the suffix `.conf`.
    pub drop_in_dirs: Vec<PathBuf>,
    /// The last layer, which must exist.
    pub last: Option<PathBuf>,
}

/// Which files registries.conf is made of, for every command: `$CONTAINERS_REGISTRIES_CONF` names the main file and
/// drop-ins are still read; `$CONTAINERS_REGISTRIES_CONF_OVERRIDE` names a file that is read after all others (
/// `docs/behaviour/release.md` 7.3). Upstream's `delete` and `list` read no drop-ins beside a main file that was named;
/// one machine shall not have two answers to where an image is.
pub fn registries_conf(env: &Env) -> RegistriesConfFiles {
    let main = match &env.containers_registries_conf {
        Some(path) => MainFile::Required(path.clone()),
        None => MainFile::FirstOf(env.containers_dirs().iter().map(|dir| dir.join("registries.conf")).collect()),
    };
    RegistriesConfFiles {
        main,
        drop_in_dirs: env.drop_in_dirs("registries", ".conf.d"),
        last: env.containers_registries_conf_override.clone(),
    }
}

/// From the listings of drop-in folders (highest priority first, names of plain files only) to the files to read, in the
/// order to read them: names that end in `suffix`; of a name that occurs twice only the one of the highest priority; by
/// name, whatever the folder.
pub fn select_drop_ins(listings: &[(PathBuf, Vec<String>)], suffix: &str) -> Vec<PathBuf> {
    let mut survivors: BTreeMap<&str, &Path> = BTreeMap::new();
    for (dir, names) in listings {
        for name in names.iter().filter(|name| name.ends_with(suffix)) {
            survivors.entry(name).or_insert(dir);
        }
    }
    survivors.into_iter().map(|(name, dir)| dir.join(name)).collect()
}

/// Which policy.json counts: the one that was demanded (`--policy`), else `$CONTAINERS_POLICY_JSON`, else the first that
/// exists; that there is none is an error.
pub fn policy_json(env: &Env, explicit: Option<&Path>) -> MainFile {
    match explicit.or(env.containers_policy_json.as_deref()) {
        Some(path) => MainFile::Required(path.to_owned()),
        None => MainFile::FirstOf(env.containers_dirs().iter().map(|dir| dir.join("policy.json")).collect()),
    }
}

/// The folders of registries.d, highest priority first; see [`select_drop_ins`] with the suffix `.yaml`. An explicit
/// folder (`--registries.d`) stands alone.
pub fn registries_d(env: &Env, explicit: Option<&Path>) -> Vec<PathBuf> {
    match explicit {
        Some(dir) => vec![dir.to_owned()],
        None => env.drop_in_dirs("registries", ".d"),
    }
}

/// Where signatures lie when registries.d names no lookaside.
pub fn default_lookaside(env: &Env) -> PathBuf {
    if env.uid == 0 {
        PathBuf::from("/var/lib/containers/sigstore")
    } else {
        let data = env.xdg_data_home.clone().unwrap_or_else(|| env.home.join(".local/share"));
        data.join("containers/sigstore")
    }
}

/// The folders that may hold certificates for `registry` (`host[:port]`, literally). The first that exists counts, alone.
/// An explicit folder (`--src-cert-dir`) replaces the search. A registry that could leave its folder has none.
pub fn certs_d(env: &Env, registry: &str, explicit: Option<&Path>) -> Vec<PathBuf> {
    if let Some(dir) = explicit {
        return vec![dir.to_owned()];
    }
    if registry.is_empty() || registry.contains(['/', '\\', '\0']) || matches!(registry, "." | "..") {
        return Vec::new();
    }
    let mut dirs = env.drop_in_dirs("certs", ".d");
    dirs.push(PathBuf::from("/etc/docker/certs.d"));
    dirs.into_iter().map(|dir| dir.join(registry)).collect()
}

/// One auth file and how to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthFilePath {
    /// The file. That it is missing means that it knows nothing.
    pub path: PathBuf,
    /// The format.
    pub format: AuthFileFormat,
}

/// How an auth file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthFileFormat {
    /// `auth.json` and docker's `config.json`: [`crate::AuthFile::parse`].
    Current,
    /// `.dockercfg`: [`crate::AuthFile::parse_legacy`].
    Legacy,
}

/// The auth files in the order to ask them. `explicit` is `--src-authfile` or `--authfile`; it, or else
/// `$REGISTRY_AUTH_FILE`, is the only one when given (`docs/behaviour/release.md` 7.1 and 7.4).
pub fn auth_files(env: &Env, explicit: Option<&Path>) -> Vec<AuthFilePath> {
    let current = |path: PathBuf| AuthFilePath { path, format: AuthFileFormat::Current };
    if let Some(path) = explicit.or(env.registry_auth_file.as_deref()) {
        return vec![current(path.to_owned())];
    }
    let runtime = match &env.xdg_runtime_dir {
        Some(dir) => dir.join("containers/auth.json"),
        None => PathBuf::from(format!("/run/containers/{}/auth.json", env.uid)),
    };
    let docker = env.docker_config.clone().unwrap_or_else(|| env.home.join(".docker"));
    vec![
        current(runtime),
        current(env.containers_config().join("auth.json")),
        current(docker.join("config.json")),
        AuthFilePath { path: env.home.join(".dockercfg"), format: AuthFileFormat::Legacy },
    ]
}
