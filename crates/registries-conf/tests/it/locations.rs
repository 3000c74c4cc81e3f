//! Which files count (`docs/behaviour/release.md` 7.3 to 7.7).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use registries_conf::RegistriesConf;
use registries_conf::locations::{self, AuthFileFormat, Env, MainFile};

use crate::{SHARED, layer, shared};

fn user() -> Env {
    Env { home: "/home/u".into(), uid: 1000, ..Env::default() }
}

fn root() -> Env {
    Env { home: "/root".into(), uid: 0, ..Env::default() }
}

fn check(found: &[PathBuf], expected: &[&str]) {
    let found: Vec<_> = found.iter().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(found, expected);
}

fn candidates(main: &MainFile) -> Vec<PathBuf> {
    match main {
        MainFile::FirstOf(paths) => paths.clone(),
        MainFile::Required(path) => panic!("required {}", path.display()),
    }
}

#[test]
fn registries_conf_main_file() {
    check(
        &candidates(&locations::registries_conf(&user()).main),
        &[
            "/home/u/.config/containers/registries.conf",
            "/etc/containers/registries.conf",
            "/usr/share/containers/registries.conf",
        ],
    );
    let env = Env { xdg_config_home: Some("/x".into()), ..user() };
    check(&candidates(&locations::registries_conf(&env).main)[..1], &["/x/containers/registries.conf"]);
    let env = Env {
        containers_registries_conf: Some("/c.conf".into()),
        containers_registries_conf_override: Some("/o.conf".into()),
        ..user()
    };
    let files = locations::registries_conf(&env);
    assert_eq!(files.main, MainFile::Required("/c.conf".into()));
    assert_eq!(files.last.as_deref(), Some(Path::new("/o.conf")));
    assert!(!files.drop_in_dirs.is_empty(), "drop-ins are still read");
}

#[test]
fn registries_conf_drop_in_folders() {
    check(
        &locations::registries_conf(&user()).drop_in_dirs,
        &[
            "/home/u/.config/containers/registries.conf.d",
            "/etc/containers/registries.rootless.conf.d/1000",
            "/etc/containers/registries.rootless.conf.d",
            "/etc/containers/registries.conf.d",
            "/usr/share/containers/registries.rootless.conf.d/1000",
            "/usr/share/containers/registries.rootless.conf.d",
            "/usr/share/containers/registries.conf.d",
        ],
    );
    check(
        &locations::registries_conf(&root()).drop_in_dirs,
        &[
            "/root/.config/containers/registries.conf.d",
            "/etc/containers/registries.rootful.conf.d",
            "/etc/containers/registries.conf.d",
            "/usr/share/containers/registries.rootful.conf.d",
            "/usr/share/containers/registries.conf.d",
        ],
    );
}

#[test]
fn drop_ins_by_name_whatever_the_folder() {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let listings = [
        (PathBuf::from("/user"), names(&["50-b.conf", "notes.txt", "x.conf.bak"])),
        (PathBuf::from("/etc"), names(&["99-z.conf", "50-b.conf", "00-a.conf", "config-3.ignore"])),
        (PathBuf::from("/usr"), names(&["10-c.conf", "99-z.conf"])),
    ];
    check(
        &locations::select_drop_ins(&listings, ".conf"),
        &["/etc/00-a.conf", "/usr/10-c.conf", "/user/50-b.conf", "/etc/99-z.conf"],
    );
}

/// The drop-in folders of the containers projects hold a file each that is no drop-in by its name, and would break
/// the configuration if it were one.
#[test]
pub(crate) fn the_shared_data() {
    for folder in ["registries-conf/registries.conf.d", "short-names/registries.conf.d"] {
        let path = Path::new(SHARED).join(folder);
        let Ok(entries) = std::fs::read_dir(&path) else {
            println!("skipped: {} is not there", path.display());
            return;
        };
        let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let expected: Vec<_> =
            names.iter().filter(|name| *name != "config-3.ignore").map(|name| path.join(name)).collect();
        assert_eq!(expected.len() + 1, names.len());
        let found = locations::select_drop_ins(&[(path, names)], ".conf");
        assert_eq!(found.iter().collect::<BTreeSet<_>>(), expected.iter().collect());
        let text = shared(&format!("{folder}/config-3.ignore")).unwrap();
        let error = RegistriesConf::from_layers(&[layer("config-3.ignore", &text)]).unwrap_err().to_string();
        assert!(error.contains("invalid alias `me because i have a wrong suffix`"), "{error}");
    }
}

#[test]
fn policy_json() {
    check(
        &candidates(&locations::policy_json(&user(), None)),
        &["/home/u/.config/containers/policy.json", "/etc/containers/policy.json", "/usr/share/containers/policy.json"],
    );
    let env = Env { containers_policy_json: Some("/env.json".into()), ..user() };
    assert_eq!(locations::policy_json(&env, None), MainFile::Required("/env.json".into()));
    assert_eq!(locations::policy_json(&env, Some(Path::new("/flag.json"))), MainFile::Required("/flag.json".into()));
}

#[test]
fn registries_d() {
    check(&locations::registries_d(&user(), Some(Path::new("/only"))), &["/only"]);
    check(
        &locations::registries_d(&root(), None),
        &[
            "/root/.config/containers/registries.d",
            "/etc/containers/registries.rootful.d",
            "/etc/containers/registries.d",
            "/usr/share/containers/registries.rootful.d",
            "/usr/share/containers/registries.d",
        ],
    );
    assert_eq!(locations::default_lookaside(&root()), Path::new("/var/lib/containers/sigstore"));
    assert_eq!(locations::default_lookaside(&user()), Path::new("/home/u/.local/share/containers/sigstore"));
}

#[test]
fn certs_d() {
    check(
        &locations::certs_d(&user(), "reg.io:5000", None),
        &[
            "/home/u/.config/containers/certs.d/reg.io:5000",
            "/etc/containers/certs.rootless.d/1000/reg.io:5000",
            "/etc/containers/certs.rootless.d/reg.io:5000",
            "/etc/containers/certs.d/reg.io:5000",
            "/usr/share/containers/certs.rootless.d/1000/reg.io:5000",
            "/usr/share/containers/certs.rootless.d/reg.io:5000",
            "/usr/share/containers/certs.d/reg.io:5000",
            "/etc/docker/certs.d/reg.io:5000",
        ],
    );
    assert_eq!(locations::certs_d(&root(), "reg.io", None)[1], Path::new("/etc/containers/certs.rootful.d/reg.io"));
    check(&locations::certs_d(&user(), "reg.io", Some(Path::new("/certs"))), &["/certs"]);
    for hostile in ["", "..", "a/../..", "a\\b"] {
        check(&locations::certs_d(&user(), hostile, None), &[]);
    }
}

#[test]
fn auth_files() {
    let paths = |env: &Env, explicit: Option<&str>| -> Vec<_> {
        let files = locations::auth_files(env, explicit.map(Path::new));
        assert!(files.iter().all(|file| (file.format == AuthFileFormat::Legacy) == file.path.ends_with(".dockercfg")));
        files.into_iter().map(|file| file.path).collect()
    };
    check(
        &paths(&user(), None),
        &[
            "/run/containers/1000/auth.json",
            "/home/u/.config/containers/auth.json",
            "/home/u/.docker/config.json",
            "/home/u/.dockercfg",
        ],
    );
    let env = Env {
        xdg_runtime_dir: Some("/run/user/1000".into()),
        xdg_config_home: Some("/x".into()),
        docker_config: Some("/d".into()),
        ..user()
    };
    check(
        &paths(&env, None),
        &["/run/user/1000/containers/auth.json", "/x/containers/auth.json", "/d/config.json", "/home/u/.dockercfg"],
    );
    let env = Env { registry_auth_file: Some("/env.json".into()), ..env };
    check(&paths(&env, None), &["/env.json"]);
    check(&paths(&env, Some("/flag.json")), &["/flag.json"]);
}
