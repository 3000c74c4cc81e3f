//! Where credentials, certificates and registries.conf are looked for (`docs/behaviour/config-cli.md` 2.4,
//! `docs/behaviour/release.md` 7.4).

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;

use test_support::{Auth, ImageBuilder, Layer, Registry, TestCa, TokenAuth, User};

use crate::harness::{Home, auths, base64};

/// What an auth file says about the source.
enum Says {
    Right,
    Wrong,
    /// It knows other registries only.
    Nothing,
}

/// An auth file of a row, relative to the home.
type File = (&'static str, Says);

/// One row: these files, these variables (their values are paths below the home), these arguments.
struct Row {
    home: Home,
    source: Registry,
}

impl Row {
    fn new(files: &[File], variables: &[(&str, &str)]) -> Self {
        let source = Registry::builder().auth(Auth::basic("me", "secret")).start_blocking();
        source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
        let mut home = Home::new();
        for (name, value) in variables {
            let value = home.path().join(value);
            home = home.variable(name, value);
        }
        for (path, says) in files {
            let (host, password) = match says {
                Says::Right => (source.host(), "secret"),
                Says::Wrong => (source.host(), "wrong"),
                Says::Nothing => ("registry.example.com", "secret"),
            };
            let login = format!("me:{password}");
            // docker's older file has no name for what it holds.
            let bare = || format!("{{\"{host}\": {{\"auth\": \"{}\"}}}}", base64(&login));
            home.write(path, if path.ends_with(".dockercfg") { bare() } else { auths(&[(host, &login)]) });
        }
        home.additional_images([format!("{}/ns/app:v1", source.host())]);
        Self { home, source }
    }
}

/// Mirrors to disk. `refusal` is what is said of a source that does not let us in.
#[track_caller]
fn check(files: &[File], variables: &[(&str, &str)], more: &[&str], refusal: Option<&str>) {
    let row = Row::new(files, variables);
    let outcome = row.home.to_disk(more);
    match refusal {
        None => outcome.code(0),
        Some(why) => outcome.code(8).says("401 Unauthorized").says(why),
    };
}

#[test]
fn places_of_credentials() {
    use Says::{Nothing, Right, Wrong};
    let (runtime, config, docker) = ("run/containers/auth.json", "conf/containers/auth.json", "docker/config.json");
    let (in_runtime, in_config, in_docker) =
        (("XDG_RUNTIME_DIR", "run"), ("XDG_CONFIG_HOME", "conf"), ("DOCKER_CONFIG", "docker"));
    let all = [in_runtime, in_config, in_docker];
    let (refused, unknown) = ("were refused", "no credentials were found");

    check(&[], &[], &[], Some(unknown));
    check(&[(runtime, Right)], &[in_runtime], &[], None);
    check(&[(runtime, Right)], &[], &[], Some(unknown));
    check(&[(config, Right)], &[in_config], &[], None);
    check(&[(".config/containers/auth.json", Right)], &[], &[], None);
    check(&[(".config/containers/auth.json", Right)], &[in_config], &[], Some(unknown));
    check(&[(docker, Right)], &[in_docker], &[], None);
    check(&[(".docker/config.json", Right)], &[], &[], None);
    check(&[(".docker/config.json", Right)], &[in_docker], &[], Some(unknown));
    check(&[(".dockercfg", Right)], &[], &[], None);

    // The first that knows the registry counts, and no other.
    check(&[(runtime, Right), (config, Wrong), (docker, Wrong), (".dockercfg", Wrong)], &all, &[], None);
    check(&[(runtime, Nothing), (config, Right), (docker, Wrong), (".dockercfg", Wrong)], &all, &[], None);
    check(&[(config, Nothing), (docker, Right), (".dockercfg", Wrong)], &all, &[], None);
    check(&[(docker, Nothing), (".dockercfg", Right)], &all, &[], None);
    check(&[(runtime, Wrong), (config, Right), (docker, Right), (".dockercfg", Right)], &all, &[], Some(refused));

    // One that was named stands alone; the flag goes before the variable, the flag of the side before both.
    let named = [in_runtime, ("REGISTRY_AUTH_FILE", "named.json")];
    check(&[("named.json", Right), (runtime, Wrong)], &named, &[], None);
    check(&[("named.json", Nothing), (runtime, Right)], &named, &[], Some(unknown));
    check(&[("named.json", Wrong), ("flag.json", Right)], &named, &["--authfile=flag.json"], None);
    check(&[("named.json", Right), ("flag.json", Wrong)], &named, &["--authfile=flag.json"], Some(refused));
    let sides = ["--authfile=flag.json", "--src-authfile=side.json", "--dest-authfile=flag.json"];
    check(&[("named.json", Wrong), ("flag.json", Wrong), ("side.json", Right)], &named, &sides, None);
    check(&[("named.json", Right)], &named, &["--authfile="], None);
    check(&[("named.json", Wrong)], &named, &["--src-creds=me:secret"], None);
    check(&[("named.json", Right)], &named, &["--src-no-creds"], Some("401"));
}

#[test]
fn places_that_are_not_there() {
    let row = Row::new(&[(".docker/config.json", Says::Right)], &[("XDG_RUNTIME_DIR", "none")]);
    insta::assert_snapshot!(row.home.to_disk(&[]).code(0).complaints(), @"[WARN]   : ⚠️  XDG_RUNTIME_DIR: `HOME/none` does not exist; continuing without its credentials");
    // Nobody would have looked there.
    let auth = ["--authfile=.docker/config.json"];
    let complaints = row.home.to_disk(&auth).code(0).complaints();
    assert!(!complaints.contains("XDG_RUNTIME_DIR"), "{complaints}");

    let row = Row::new(&[(".docker/config.json", Says::Right)], &[("REGISTRY_AUTH_FILE", "none.json")]);
    row.home.to_disk(&[]).code(8).says("none.json` does not exist").says("no credentials were found");
}

/// What was left behind by `sudo docker login` is no reason to stop, but one for a 401; what was named has to be read.
#[test]
fn places_that_cannot_be_read() {
    let (usual, row) = (".docker/config.json", Row::new(&[(".docker/config.json", Says::Right)], &[]));
    let path = row.home.path().join(usual);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&path).is_ok() {
        eprintln!("skipped: root reads everything");
        return;
    }
    let said = "config.json`: Permission denied (os error 13): continuing without its credentials";
    row.home.to_disk(&[]).code(8).says(said).says("no credentials were found");
    row.home.to_disk(&["--authfile", usual]).code(1).says("cannot read").says("Permission denied");
    let other = row.home.auth_file(row.source.host(), "me", "secret");
    assert_eq!(row.home.to_disk(&["--authfile", &other]).code(0).complaints(), "");
}

/// The destination has its own entry in the same file.
#[test]
fn both_sides_are_in_one_file() {
    let row = Row::new(&[], &[("XDG_RUNTIME_DIR", "run")]);
    let destination = Registry::builder().auth(Auth::basic("you", "hidden")).start_blocking();
    let (here, there) = ((row.source.host(), "me:secret"), (destination.host(), "you:hidden"));
    row.home.write("run/containers/auth.json", auths(&[here, there]));
    row.home.mirror_to_mirror(destination.host(), &[]).code(0);
    assert!(destination.manifest("ns/app", "v1").is_some());
    row.home.write("run/containers/auth.json", auths(&[here]));
    row.home.mirror_to_mirror(destination.host(), &[]).code(1).says("checking registry").says(destination.host());
}

/// A token for everything below `ns`, asked of a registry's token server by hand.
fn token(registry: &Registry, login: &str) -> String {
    let mut server = TcpStream::connect(registry.host()).unwrap();
    let scopes = "scope=repository:ns/app:pull,push";
    let (host, login) = (registry.host(), base64(login));
    write!(server, "GET /token?service=test-registry&{scopes} HTTP/1.1\r\nhost: {host}\r\nauthorization: Basic {login}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    server.read_to_string(&mut answer).unwrap();
    let document = &answer[answer.find('{').unwrap()..=answer.rfind('}').unwrap()];
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    document["token"].as_str().unwrap().to_owned()
}

/// What is given on the command line goes before every file, and each side has its own (`docs/behaviour/release.md` 7.1).
#[test]
fn credentials_on_the_command_line() {
    let server =
        |name: &str, password: &str| Auth::Token(TokenAuth::user(name, password).and_user(User::new("bare", "")));
    let source = Registry::builder().auth(server("me", "secret")).start_blocking();
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
    // The home's files hold what is right or wrong for both sides.
    let check = |file: [&str; 2], flags: &str, said: Option<(i32, &[&str])>| {
        let destination = Registry::builder().auth(server("you", "hidden")).start_blocking();
        let home = Home::new();
        let file_of = |[here, there]: [&str; 2]| auths(&[(source.host(), here), (destination.host(), there)]);
        home.write(".config/containers/auth.json", file_of(file));
        home.write("right.json", file_of(["me:secret", "you:hidden"]));
        home.additional_images([format!("{}/ns/app:v1", source.host())]);
        let flags = flags
            .replace("SOURCE-TOKEN", &token(&source, "me:secret"))
            .replace("DESTINATION-TOKEN", &token(&destination, "you:hidden"));
        let flags: Vec<&str> = flags.split_whitespace().chain(["--retry-times=0"]).collect();
        let outcome = home.mirror_to_mirror(destination.host(), &flags);
        let (code, words) = said.unwrap_or_default();
        outcome.code(code);
        for word in words {
            outcome.says(word);
        }
        assert_eq!(destination.manifest("ns/app", "v1").is_some(), said.is_none(), "{flags:?}");
    };
    let (wrong, right) = (["me:wrong", "you:wrong"], ["me:secret", "you:hidden"]);
    let unknown_source: Option<(i32, &[&str])> = Some((8, &["401 Unauthorized"]));
    let unknown_destination: Option<(i32, &[&str])> = Some((1, &["checking registry", "access"]));
    check(right, "", None);
    check(wrong, "", unknown_destination);
    check(wrong, "--src-creds=me:secret --dest-creds=you:hidden", None);
    check(wrong, "--screds=me:secret --dcreds=you:hidden", None);
    check(wrong, "--src-creds=bare --dest-creds=bare:", None);
    check(wrong, "--src-username=me --src-password=secret --dest-username=you --dest-password=hidden", None);
    check(wrong, "--src-registry-token=SOURCE-TOKEN --dest-registry-token=DESTINATION-TOKEN", None);
    check(wrong, "--src-authfile=right.json --dest-authfile=right.json", None);
    check(wrong, "--src-creds=you:hidden --dest-creds=you:hidden", unknown_source);
    check(wrong, "--src-creds=me:secret --dest-creds=me:secret", unknown_destination);
    check(right, "--src-creds=me:wrong", unknown_source);
    check(right, "--dest-creds=you:wrong", unknown_destination);
    check(right, "--src-no-creds", unknown_source);
    // The token server lets everyone in, and to no repository.
    check(right, "--dest-no-creds", Some((8, &["401 Unauthorized", "no credentials were found"])));
    check(right, "--src-registry-token=nonsense", unknown_source);
    check(right, "--dest-registry-token=nonsense", unknown_destination);
    check(right, "--src-authfile=absent.json", Some((8, &["absent.json` does not exist"])));
    check(right, "--dest-authfile=absent.json", Some((8, &["absent.json` does not exist"])));
}

/// Certificates of one side, with that of a client, in a folder that a flag names.
#[test]
fn certificates_on_the_command_line() {
    let (ours, theirs) = (TestCa::new(), TestCa::new());
    let source = Registry::builder().tls_with_client_certificate(&ours).start_blocking();
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
    let check = |flags: &[&str], code: i32| {
        let destination = Registry::builder().tls_with_client_certificate(&theirs).start_blocking();
        let home = Home::new();
        for (name, ca, with_client) in
            [("ours", &ours, true), ("theirs", &theirs, true), ("server-only", &theirs, false)]
        {
            ca.write_certs_d(home.path(), name, with_client).unwrap();
        }
        home.additional_images([format!("{}/ns/app:v1", source.host())]);
        let (workspace, to) =
            (format!("file://{}", home.workspace().display()), format!("docker://{}", destination.host()));
        let all = [&["-c", "isc.yaml", "--workspace", &workspace, &to, "--retry-times=0"], flags].concat();
        home.run(&all).code(code);
        assert_eq!(destination.manifest("ns/app", "v1").is_some(), code == 0, "{flags:?}");
    };
    check(&["--src-cert-dir=ours", "--dest-cert-dir=theirs"], 0);
    check(&["--src-cert-dir=theirs", "--dest-cert-dir=theirs"], 8);
    check(&["--dest-cert-dir=theirs"], 8);
    check(&["--src-cert-dir=ours", "--dest-cert-dir=server-only"], 1);
    check(&["--src-cert-dir=ours", "--dest-cert-dir=ours"], 1);
    check(&["--src-cert-dir=ours"], 1);
}

/// Whoever may use a namespace only has credentials for no more than that, and the check of the destination asks with them.
#[test]
fn credentials_of_a_namespace() {
    let row = Row::new(&[], &[("XDG_RUNTIME_DIR", "run")]);
    let destination = Registry::builder().auth(Auth::basic("you", "hidden")).start_blocking();
    let write = |namespace: &str| {
        let (here, there) = (format!("{}/ns", row.source.host()), format!("{}/{namespace}", destination.host()));
        row.home.write("run/containers/auth.json", auths(&[(&here, "me:secret"), (&there, "you:hidden")]));
    };
    let to = |path: &str| format!("{}/{path}", destination.host());
    for (key, path) in [("team", "team"), ("team", "team/mirror"), ("team/mirror", "team/mirror")] {
        write(key);
        row.home.mirror_to_mirror(&to(path), &[]).code(0);
        assert!(destination.manifest(&format!("{path}/ns/app"), "v1").is_some(), "{key} for {path}");
    }
    let other = row.home.mirror_to_mirror(&to("other"), &[]);
    other.code(1).says(&format!("checking registry \"{}\" access", to("other"))).says("no credentials were found");
}

/// A helper program is asked for the registry that an auth file names; it is found on `PATH`.
#[test]
fn credential_helpers() {
    let row = Row::new(&[], &[("DOCKER_CONFIG", "docker")]);
    let host = row.source.host();
    row.home.write("docker/config.json", format!("{{\"credHelpers\": {{\"{host}\": \"test\"}}}}"));
    row.home.to_disk(&[]).code(8).says("docker-credential-test");
    let program = row.home.write(
        "bin/docker-credential-test",
        "#!/bin/sh\nread -r server\n[ \"$1\" = get ] && echo \"$server\" >> \"$0.asked\" && \
         echo '{\"Username\": \"me\", \"Secret\": \"secret\"}'\n",
    );
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let disk = format!("file://{}", row.home.disk().display());
    let run = |path: &str| {
        let mut command = row.home.command(&["-c", "isc.yaml", &disk, "--src-tls-verify=false"]);
        row.home.outcome(&command.env("PATH", path).output().unwrap())
    };
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    run(&path).code(0);
    let log = row.home.path().join("bin/docker-credential-test.asked");
    let asked = || std::fs::read_to_string(&log).unwrap_or_default();
    assert!(!asked().is_empty() && asked().lines().all(|line| line == host), "{}", asked());

    // Named by registries.conf, or by docker for all registries; and not asked when a file knows better.
    let (known, wrong) = (auths(&[(host, "me:secret")]), auths(&[(host, "me:wrong")]));
    let check = |conf: &str, file: &str, code: i32, is_asked: bool| {
        row.home.write(".config/containers/registries.conf", conf);
        row.home.write("docker/config.json", file);
        let _ = std::fs::remove_file(&log);
        let _ = std::fs::remove_dir_all(row.home.cache());
        run(&path).code(code);
        assert_eq!(!asked().is_empty(), is_asked, "{conf} {file}");
    };
    check("credential-helpers = [\"test\"]", "{}", 0, true);
    check("credential-helpers = [\"test\"]", &known, 0, true);
    check("credential-helpers = [\"test\", \"containers-auth.json\"]", &wrong, 0, true);
    check("credential-helpers = [\"containers-auth.json\", \"test\"]", &known, 0, false);
    check("credential-helpers = [\"containers-auth.json\", \"test\"]", &wrong, 8, false);
    check("credential-helpers = []", &known, 0, false);
    check("", "{\"credsStore\": \"test\"}", 0, true);
}

/// The warning about a `credsStore` that was left behind.
const LEFT: &str = "`credsStore` of the auth file names `docker-credential-desktop`, which is not on PATH: continuing";

/// Docker Desktop leaves `credsStore` behind when it goes: a program that is not there knows nothing, which is told once.
/// What names a program for one registry means it, and a program that fails is no left-over.
#[test]
fn a_credentials_store_that_was_left_behind() {
    let check = |file: &str, auth: Option<Auth>, code: i32, says: &str| {
        let builder = Registry::builder();
        let source = match auth {
            Some(auth) => builder.auth(auth).start_blocking(),
            None => builder.start_blocking(),
        };
        let home = Home::new();
        let folder = home.path().join("bin").display().to_string();
        let home = home.variable("PATH", format!("{folder}:/usr/bin:/bin"));
        let helper = home.write("bin/docker-credential-broken", "#!/bin/sh\nexit 1\n");
        std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
        let images = ["ns/a", "ns/b", "other/c"];
        for name in images {
            source.push(name, "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
        }
        home.additional_images(images.map(|name| format!("{}/{name}:v1", source.host())));
        home.write(".docker/config.json", file.replace("HOST", source.host()));
        let destination = Registry::start_blocking();
        let outcome = home.mirror_to_mirror(destination.host(), &[]);
        outcome.code(code).says(says);
        let warnings = outcome.complaints().matches("which is not on PATH: continuing").count();
        assert_eq!(warnings, usize::from(says == LEFT), "{file}: {}", outcome.complaints());
    };
    let secret = || Some(Auth::basic("me", "secret"));
    let key = "\"auths\": {\"HOST\": {\"auth\": \"bWU6c2VjcmV0\"}}";
    check(r#"{"auths": {"https://index.docker.io/v1/": {}}, "credsStore": "desktop"}"#, None, 0, LEFT);
    check(r#"{"credsStore": "desktop"}"#, None, 0, LEFT);
    check(r#"{"auths": {"HOST": {}}, "credsStore": "desktop"}"#, None, 0, LEFT);
    check(r#"{"credsStore": "desktop"}"#, secret(), 8, LEFT);
    // Asked for the destination alone; the source has its entry.
    check(&format!("{{{key}, \"credsStore\": \"desktop\"}}"), secret(), 0, LEFT);
    check(r#"{"credsStore": "broken"}"#, None, 1, "`docker-credential-broken` failed");
    check(r#"{"credHelpers": {"HOST": "desktop"}}"#, None, 8, "`docker-credential-desktop` for");
    check(r#"{"credHelpers": {"HOST": "broken"}}"#, None, 8, "`docker-credential-broken` failed");
}

/// What containers(5) files the user has, below `XDG_CONFIG_HOME` or `~/.config`.
#[test]
fn the_configuration_of_the_user() {
    let ca = TestCa::new();
    let source = Registry::builder().tls(&ca).start_blocking();
    source.push("mirrored/ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
    let host = source.host();
    let conf = format!("[[registry]]\nprefix = \"quay.example.com\"\nlocation = \"{host}/mirrored\"\n");
    for (variable, folder) in [(Some("conf"), "conf"), (None, ".config")] {
        let mut home = Home::new();
        if let Some(value) = variable {
            let value = home.path().join(value);
            home = home.variable("XDG_CONFIG_HOME", value);
        }
        home.additional_images(["quay.example.com/ns/app:v1"]);
        home.write(&format!("{folder}/containers/registries.conf"), &conf);
        let disk = format!("file://{}", home.disk().display());
        let run = || home.run(&["-c", "isc.yaml", &disk, "--retry-times=0"]);
        run().code(8).says("signed by an authority that is not trusted").says(&format!("certs.d/{host}/ca.crt"));
        ca.write_certs_d(&home.path().join(folder).join("containers/certs.d"), host, false).unwrap();
        run().code(0);
        home.write(&format!("{folder}/containers/registries.d/lab.yaml"), "docker: none\n");
        run().code(0).says("simple-signing signatures stay behind").says("registries.d/lab.yaml");
        std::fs::remove_file(home.path().join(folder).join("containers/registries.d/lab.yaml")).unwrap();
        home.write(&format!("{folder}/containers/policy.json"), "{\"default\": [{\"type\": \"reject\"}]}");
        run().code(0);
        home.run(&["-c", "isc.yaml", &disk, "--secure-policy"]).code(8).says("is rejected by policy");
    }
}

/// `registries.conf` of the machine that was named, its drop-ins and the file that is read last: one rule for every
/// command, so that `list` and `delete` do not look elsewhere than the mirroring commands.
#[test]
fn the_layers_of_registries_conf() {
    let source = Registry::start_blocking();
    let image = ImageBuilder::oci().layer(Layer::random(1, 1000)).build();
    source.push("ns/app", "v1", &image);
    source.push("openshift-release-dev/ocp-release", "4.20.3-x86_64", &image);
    let table = |prefix: &str, location: &str| {
        format!("[[registry]]\nprefix = \"{prefix}\"\nlocation = \"{location}\"\ninsecure = true\n")
    };
    let (here, nowhere) = (source.host(), "127.0.0.1:1");
    let check = |main: &str, drop_in: &str, last: Option<&str>, found: bool| {
        let mut home = Home::new();
        let both = |host: &str| table("quay.io", host) + &table("quay.example.com", host);
        let conf = home.write("main.conf", both(main));
        home = home.variable("CONTAINERS_REGISTRIES_CONF", conf);
        home.write(".config/containers/registries.conf.d/lab.conf", both(drop_in));
        if let Some(last) = last {
            let conf = home.write("last.conf", both(last));
            home = home.variable("CONTAINERS_REGISTRIES_CONF_OVERRIDE", conf);
        }
        home.additional_images(["quay.example.com/ns/app:v1"]);
        home.to_disk(&["--retry-times=0"]).code(if found { 0 } else { 8 });
        let list = home.run(&["list", "releases", "--src-tls-verify=false", "--retry-times=0"]);
        assert_eq!(list.stdout.contains("4.20"), found, "{main} {drop_in} {last:?}: {}", list.stdout);
    };
    check(here, here, None, true);
    check(nowhere, here, None, true);
    check(here, nowhere, None, false);
    check(nowhere, nowhere, Some(here), true);
    check(here, here, Some(nowhere), false);

    for variable in ["CONTAINERS_REGISTRIES_CONF", "CONTAINERS_REGISTRIES_CONF_OVERRIDE"] {
        let home = Home::new();
        let absent = home.path().join("absent.conf");
        let home = home.variable(variable, absent);
        home.additional_images([format!("{here}/ns/app:v1")]);
        home.to_disk(&[]).code(1).says("cannot read").says("absent.conf");
    }
}

/// The flag goes before the variable, the variable before the places.
#[test]
fn the_place_of_the_policy() {
    let source = Registry::start_blocking();
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
    let check = |variable: &str, more: &[&str], code: i32, said: Option<&str>| {
        let mut home = Home::new();
        for (name, kind) in [("accept.json", "insecureAcceptAnything"), ("reject.json", "reject")] {
            home.write(name, format!("{{\"default\": [{{\"type\": \"{kind}\"}}]}}"));
        }
        home.write(".config/containers/policy.json", "{\"default\": [{\"type\": \"reject\"}]}");
        let value = home.path().join(variable);
        home = home.variable("CONTAINERS_POLICY_JSON", value);
        home.additional_images([format!("{}/ns/app:v1", source.host())]);
        let outcome = home.to_disk(more);
        outcome.code(code);
        said.map(|text| outcome.says(text));
    };
    check("accept.json", &["--secure-policy"], 0, None);
    check("reject.json", &["--secure-policy"], 8, Some("is rejected by policy"));
    check("reject.json", &[], 0, None);
    check("reject.json", &["--secure-policy", "--policy=accept.json"], 0, None);
    check("accept.json", &["--secure-policy", "--policy=reject.json"], 8, Some("is rejected by policy"));
    check("absent.json", &["--secure-policy"], 1, Some("absent.json"));
}

/// The cache lies where the flag, the variable or the home says; the flag and the variable exclude each other.
#[test]
fn the_place_of_the_cache() {
    let source = Registry::start_blocking();
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
    let check = |variable: bool, flag: bool, place: Option<&str>| {
        let mut home = Home::new();
        if variable {
            let value = home.path().join("variable");
            home = home.variable("OC_MIRROR_CACHE", value);
        }
        home.additional_images([format!("{}/ns/app:v1", source.host())]);
        let outcome = home.to_disk(if flag { &["--cache-dir=flag"] } else { &[] });
        let Some(place) = place else {
            outcome.code(1).says("either OC_MIRROR_CACHE or --cache-dir");
            assert_eq!(home.files(), ["isc.yaml"]);
            return;
        };
        outcome.code(0);
        let link = ".oc-mirror/.cache/docker/registry/v2/repositories/ns/app/_manifests/tags/v1/current/link";
        let found: Vec<String> = home.files().into_iter().filter(|name| name.ends_with(link)).collect();
        assert_eq!(found, [format!("{place}{link}")]);
    };
    check(false, false, Some(""));
    check(true, false, Some("variable/"));
    check(false, true, Some("flag/"));
    check(true, true, None);
}

/// A user without a home, as in many containers: only a cache needs a place.
#[test]
fn without_a_home() {
    let source = Registry::start_blocking();
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
    let home = Home::new();
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    let disk = format!("file://{}", home.disk().display());
    let run = |args: &[&str]| home.outcome(&home.command(args).env_remove("HOME").output().unwrap());
    let mirror = ["-c", "isc.yaml", &disk, "--src-tls-verify=false"];
    run(&["version", "--short"]).code(0);
    run(&["completion", "bash"]).code(0);
    run(&mirror).code(1).says("no directory for the cache: set --cache-dir, OC_MIRROR_CACHE or HOME");
    assert_eq!(home.files(), ["isc.yaml"]);
    run(&[&mirror[..], &["--no-cache"]].concat()).code(0);
    assert_eq!(home.archives(), ["mirror_000001.tar"]);
    assert!(!home.files().iter().any(|name| name.contains(".oc-mirror/")), "{:?}", home.files());
    run(&["describe", &disk]).code(0).says("ns/app");
    run(&[&mirror[..], &["--cache-dir=elsewhere"]].concat()).code(0);
    assert!(home.path().join("elsewhere/.oc-mirror/.cache").is_dir());
}

/// Log lines and the names of their files are in the time zone of `TZ`.
#[test]
fn the_time_zone() {
    let source = Registry::start_blocking();
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
    let hour = |zone: &str| {
        let home = Home::new().variable("TZ", zone);
        home.additional_images([format!("{}/ns/app:v1", source.host())]);
        home.to_disk(&[]).code(0);
        let logs = std::fs::read_dir(home.disk().join("working-dir/logs")).unwrap();
        let names = logs.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let name = names.into_iter().find(|name| name.starts_with("oc-mirror-")).unwrap();
        let text = std::fs::read_to_string(home.disk().join("working-dir/logs").join(&name)).unwrap();
        // `oc-mirror-YYYYMMDD_hhmmss.log` and `YYYY/MM/DD hh:mm:ss ...`
        assert_eq!(name[10..18], text[..10].replace('/', ""), "{text}");
        name[19..21].parse::<i32>().unwrap()
    };
    // The second run may be in the next hour.
    let apart = (hour("<+12>-12") - hour("UTC")).rem_euclid(24);
    assert!(apart == 12 || apart == 11, "{apart} hours");
}

/// Who sets one of these variables decides what a run believes: the log and the result document name them.
#[test]
fn variables_that_replace_keys_and_addresses_are_told() {
    let source = Registry::start_blocking();
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
    let home = Home::new();
    let key = home.write("key.asc", "a key");
    let variables = [
        ("OCP_SIGNATURE_URL", "https://user:hunter22@signatures.example/"),
        ("OCP_SIGNATURE_VERIFICATION_PK", key.to_str().unwrap()),
        ("OC_MIRROR_GRAPH_DATA_URL", "https://graph.example/data"),
        ("OC_MIRROR_GRAPH_BASE_IMAGE", "registry.example/base:1"),
    ];
    let home = variables.iter().fold(home, |home, (name, value)| home.variable(name, value));
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    let outcome = home.to_disk(&["--output=json"]);
    let document: serde_json::Value = serde_json::from_str(&outcome.code(0).stdout).unwrap();
    for (name, value) in variables {
        let told = document["variables"][name].as_str().unwrap_or_else(|| panic!("{name}: {document:#}"));
        outcome.says(&format!("Using the {name} environment variable: {told}"));
        assert!(told == value || value.contains("hunter22"), "{told}");
        assert!(!told.contains("hunter22"), "{told}");
    }
    assert!(!outcome.stderr.contains("hunter22"), "{}", outcome.stderr);

    // A key that cannot be used replaces nothing, and nobody else is named.
    let home = Home::new().variable("OCP_SIGNATURE_VERIFICATION_PK", "missing.asc");
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    let outcome = home.to_disk(&["--output=json"]);
    let document: serde_json::Value = serde_json::from_str(&outcome.code(0).stdout).unwrap();
    assert_eq!(document.get("variables"), None, "{document:#}");
    outcome.says("releases are verified with the built-in Red Hat keys");
}

/// Credentials are in memory while a helper runs: a crash must not write them to disk.
#[test]
fn no_core_dump_holds_credentials() {
    let row = Row::new(&[], &[("DOCKER_CONFIG", "docker")]);
    let host = row.source.host();
    row.home.write("docker/config.json", format!("{{\"credHelpers\": {{\"{host}\": \"test\"}}}}"));
    let program = row.home.write(
        "bin/docker-credential-test",
        "#!/bin/sh\nread -r server\ncat /proc/$PPID/limits > \"$0.limits\"\necho '{\"Username\": \"me\", \"Secret\": \
         \"secret\"}'\n",
    );
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let disk = format!("file://{}", row.home.disk().display());
    let mut command = row.home.command(&["-c", "isc.yaml", &disk, "--src-tls-verify=false"]);
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    row.home.outcome(&command.env("PATH", path).output().unwrap()).code(0);
    let limits = std::fs::read_to_string(row.home.path().join("bin/docker-credential-test.limits")).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(line.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{line}");
}
