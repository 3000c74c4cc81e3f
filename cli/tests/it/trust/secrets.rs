//! A secret is written nowhere: not on the terminal, not in a log, not in a result, not in a file, whatever happens.

use test_support::{Auth, Effect, Fault, Kind, OperatorWorld, Registry, TokenAuth, When};

use super::{Signed, push_all};
use crate::bad_input::Site;
use crate::harness::{Home, Outcome, auths, base64};

const PASSWORD: &str = "hunter2-Planted/Secret+";

/// Asserts that neither the output of `outcomes` nor a file of the workspace has one of these texts. What the user has
/// written down there, the auth file, has them.
#[track_caller]
fn keep_quiet<'a>(home: &Home, outcomes: impl IntoIterator<Item = &'a Outcome>, secrets: &[String]) {
    let files: Vec<(String, Vec<u8>)> = home
        .files()
        .into_iter()
        .filter(|name| !name.ends_with("auth.json"))
        .map(|name| (name.clone(), std::fs::read(home.path().join(name)).unwrap()))
        .collect();
    for secret in secrets {
        for (name, bytes) in &files {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{name} tells {secret}");
        }
    }
    for outcome in outcomes {
        for secret in secrets {
            assert!(!outcome.stdout.contains(secret), "standard output tells {secret}:\n{}", outcome.stdout);
            assert!(!outcome.stderr.contains(secret), "standard error tells {secret}:\n{}", outcome.stderr);
        }
    }
}

/// The password as it is and as it travels.
fn forms() -> Vec<String> {
    vec![PASSWORD.to_owned(), "hunter2-Planted%2FSecret%2B".to_owned(), base64(format!("me:{PASSWORD}"))]
}

/// The password and what it looks like on the way are in no output and in no file of a run, whether it is right or not.
#[test]
fn a_planted_secret_is_nowhere() {
    const SECRET: &str = "pl4nted-s3cret-word";
    let login = format!("user:{SECRET}");
    let encoded = base64(&login);
    // The list of what to delete, from the run whose credentials are accepted.
    let mut list = String::new();
    for accepted in [true, false] {
        let password = if accepted { SECRET } else { "another" };
        let secured = || Registry::builder().auth(Auth::basic("user", password)).start_blocking();
        let (source, destination) = (secured(), secured());
        let images = Signed::all();
        push_all(&images, &source);
        let home = Home::new();
        home.additional_images(images.iter().map(|image| image.name(source.host())));
        home.write("auth.json", auths(&[source.host(), destination.host()].map(|host| (host, login.as_str()))));
        let more = ["--authfile", "auth.json", "--log-level", "trace"];
        let mut outcomes = vec![home.to_disk(&more), home.to_disk(&[&more[..], &["--output", "json"]].concat())];
        outcomes.push(home.to_mirror(destination.host(), &more));
        outcomes.push(home.mirror_to_mirror(destination.host(), &more));
        OperatorWorld::new(source.host(), &[("foo", &["0.1.0"])]).push_to(&source);
        source.push("redhat/redhat-operator-index", "v4.20", &images[0].image);
        source.push("openshift-release-dev/ocp-release", "4.20.1-x86_64", &images[0].image);
        let catalog = format!("{}/cat/index:v1", source.host());
        for rest in [&[][..], &["--package=foo"], &["--package=foo", "--channel=stable"]] {
            let listing = ["list", "operators", "--catalog", catalog.as_str(), "--src-tls-verify=false"];
            let outcome = home.run(&[&listing[..], rest, &more].concat());
            assert!(accepted || outcome.code(1).stderr.contains("401"), "{}", outcome.stderr);
            outcomes.push(outcome);
        }
        let hosts = [source.host(), destination.host()];
        outcomes.extend(list_catalogs_and_releases(&home, source.host(), &more, accepted));
        outcomes.extend(delete_everything(&home, &images, hosts, &more, accepted.then_some(&mut list)));
        if !accepted {
            outcomes.push(delete_listed(&home, &list.replace("DESTINATION", hosts[1]), hosts[1], &more));
        }
        for outcome in &outcomes {
            assert_eq!(outcome.code == Some(0), accepted, "{}", outcome.stderr);
        }
        // The list of these images can be made without asking anyone.
        outcomes.push(generate(&home, &images, hosts, &more));
        keep_quiet(&home, &outcomes, &[SECRET.to_owned(), encoded.clone()]);
    }
}

/// `list operators --catalogs` and `list releases`, of registries that registries.conf puts in the place of the public ones.
fn list_catalogs_and_releases(home: &Home, host: &str, more: &[&str], accepted: bool) -> Vec<Outcome> {
    let table = |prefix: &str| format!("[[registry]]\nprefix = \"{prefix}\"\nlocation = \"{host}\"\ninsecure = true\n");
    let conf = home.write("registries.conf", ["quay.io", "registry.redhat.io"].map(table).concat());
    let outcomes = [&["list", "operators", "--catalogs", "--version=4.20"][..], &["list", "releases"]].map(|listing| {
        let mut command = home.command(&[listing, &["--src-tls-verify=false"], more].concat());
        home.outcome(&command.env("CONTAINERS_REGISTRIES_CONF", &conf).output().unwrap())
    });
    // Whether the credentials were any use is said.
    for outcome in &outcomes {
        assert!(accepted || outcome.stderr.contains("401") || outcome.stdout.contains("401"), "{outcome:?}");
    }
    outcomes.into()
}

/// The first step of `delete`.
fn generate(home: &Home, images: &[Signed], [source, destination]: [&str; 2], more: &[&str]) -> Outcome {
    let mut text =
        "kind: DeleteImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\ndelete:\n  additionalImages:\n"
            .to_owned();
    for image in images {
        text.extend(["  - name: ", &image.name(source), "\n"]);
    }
    home.write("disc.yaml", text);
    let (workspace, to) = (format!("file://{}", home.disk().display()), format!("docker://{destination}"));
    let generate = ["delete", "--generate", "-c", "disc.yaml", "--workspace", workspace.as_str(), to.as_str()];
    home.run(&[&generate[..], more].concat())
}

/// Both steps of `delete`, which notes the `list` without the name of the destination; nothing without a list to note.
fn delete_everything(
    home: &Home,
    images: &[Signed],
    [source, destination]: [&str; 2],
    more: &[&str],
    list: Option<&mut String>,
) -> Vec<Outcome> {
    let Some(list) = list else { return Vec::new() };
    let generated = generate(home, images, [source, destination], more);
    let written = std::fs::read_to_string(home.disk().join("working-dir/delete/delete-images.yaml")).unwrap();
    *list = written.replace(destination, "DESTINATION");
    vec![generated, delete_listed(home, &written, destination, more)]
}

/// Deletes what a list says.
fn delete_listed(home: &Home, list: &str, destination: &str, more: &[&str]) -> Outcome {
    assert!(list.contains(destination), "{list}");
    let list = home.write("delete-list.yaml", list).display().to_string();
    let (workspace, to) = (format!("file://{}", home.disk().display()), format!("docker://{destination}"));
    let execute = ["delete", "--delete-yaml-file", list.as_str(), "--workspace", workspace.as_str(), to.as_str()];
    home.run(&[&execute[..], more, &["--dest-tls-verify=false"]].concat())
}

/// Asserts that a run tells neither the password nor these tokens.
#[track_caller]
fn keeps_quiet(home: &Home, outcome: &Outcome, tokens: &[String]) {
    keep_quiet(home, [outcome], &[&forms()[..], tokens].concat());
}

/// The bearer tokens that clients showed to a registry.
fn tokens(registry: &Registry) -> Vec<String> {
    let mut tokens: Vec<String> = registry
        .requests()
        .iter()
        .filter_map(|request| Some(request.header("authorization")?.strip_prefix("Bearer ")?.to_owned()))
        .collect();
    tokens.sort();
    tokens.dedup();
    tokens
}

#[test]
fn at_the_highest_log_level() {
    for auth in [Auth::basic("me", PASSWORD), Auth::Token(TokenAuth::user("me", PASSWORD))] {
        for output in ["text", "json"] {
            let site = Site::with(Registry::builder().auth(auth.clone()));
            let destination = Registry::builder().auth(auth.clone()).start_blocking();
            let auth_file = site.home.auth_file(site.source.host(), "me", PASSWORD);
            let more = ["--log-level=trace", "--output", output, "--authfile", &auth_file];
            let outcome = site.home.to_disk(&more);
            keeps_quiet(&site.home, outcome.code(0), &tokens(&site.source));
            let auth_file = site.home.auth_file(destination.host(), "me", PASSWORD);
            let more = ["--log-level=trace", "--output", output, "--authfile", &auth_file];
            let outcome = site.home.to_mirror(destination.host(), &more);
            keeps_quiet(&site.home, outcome.code(0), &tokens(&destination));
            assert!(matches!(auth, Auth::Basic { .. }) || !tokens(&destination).is_empty());
        }
    }
}

/// A registry, or a proxy in front of it, that repeats what it was told, in words, in addresses and in headers.
#[test]
fn what_is_repeated_is_blotted_out() {
    let encoded = base64(format!("me:{PASSWORD}"));
    let json = |text: &str| serde_json::json!({"errors": [{"code": "DENIED", "message": text}]}).to_string();
    let words = [
        json(&format!("forbidden, you sent Authorization: Basic {encoded}")),
        json(&format!("bad credential <{}>", encoded.trim_end_matches('='))),
        json(&format!("no such login me:{PASSWORD}")),
        json(&format!("{}me:{PASSWORD}", "x".repeat(300 - 10))),
        format!("the password {PASSWORD} is wrong"),
        "<a href='?p=hunter2-Planted%2FSecret%2B'> or p=hunter2-Planted%2FSecret%2B".to_owned(),
        "Bearer test-token-0 is not valid; neither is TEST-TOKEN-0".to_owned(),
    ];
    let refusal = |body: &str| Effect::Status { code: 403, headers: Vec::new(), body: Some(body.to_owned()) };
    let mut effects: Vec<Effect> = words.iter().map(|body| refusal(body)).collect();
    effects.push(Effect::Redirect(format!("http://127.0.0.1:1/{PASSWORD}/{encoded}")));
    let header = |name: &str, value: String| vec![(name.to_owned(), value)];
    let body = Some("{}".to_owned());
    effects.push(Effect::Status { code: 200, headers: header("content-type", format!("x/{encoded}")), body });
    for effect in effects {
        for (auth, output) in
            [(Auth::basic("me", PASSWORD), "json"), (Auth::Token(TokenAuth::user("me", PASSWORD)), "text")]
        {
            let site = Site::with(Registry::builder().auth(auth));
            site.source.fault(Fault::new(When::kind(Kind::Manifest), effect.clone()));
            let auth_file = site.home.auth_file(site.source.host(), "me", PASSWORD);
            let more = ["--log-level=trace", "--retry-times=0", "--output", output, "--authfile", &auth_file];
            let outcome = site.home.to_disk(&more);
            keeps_quiet(&site.home, &outcome, &tokens(&site.source));
            assert_ne!(outcome.code, Some(0));
        }
    }
    // A token server that repeats what it was asked with.
    let site = Site::with(Registry::builder().auth(Auth::Token(TokenAuth::user("me", PASSWORD))));
    site.source.fault(Fault::new(When::kind(Kind::Token), refusal(&words[2])));
    let auth_file = site.home.auth_file(site.source.host(), "me", PASSWORD);
    let outcome = site.home.to_disk(&["--log-level=trace", "--output=json", "--authfile", &auth_file]);
    keeps_quiet(&site.home, outcome.code(8), &[]);
}

/// A password in a name is refused, and the refusal does not show it, wherever the name stands and whatever the password
/// is made of.
#[test]
fn a_password_in_a_name_is_not_shown() {
    let home = Home::new();
    for password in ["s3cr3tPW-x", "s3c/r3t#PW?x", "s3cr3t@PW-x", "s3cr3t PW x"] {
        let quiet = |outcome: &Outcome| {
            assert_ne!(outcome.code, Some(0));
            let secrets = [password.to_owned(), format!("user:{password}")];
            for secret in &secrets {
                assert!(!outcome.stdout.contains(secret) && !outcome.stderr.contains(secret), "{outcome:?}");
            }
        };
        home.additional_images(["127.0.0.1:9/a/b:v1".to_owned()]);
        for destination in [format!("docker://user:{password}@reg.example.com/ns"), format!("user:{password}@reg.io")] {
            quiet(&home.run(&["-c", "isc.yaml", "--workspace", "file:///tmp/nowhere-at-all", &destination]));
        }
        home.additional_images([format!("user:{password}@127.0.0.1:9/a/b:v1")]);
        quiet(&home.to_disk(&["--retry-times=0"]));
    }
}

/// Failures are where secrets slip out: refused credentials, a redirect with a signed address, a token server that fails.
#[test]
fn when_things_fail() {
    let refused = Auth::Token(TokenAuth::user("me", "another"));
    for (auth, fault) in [
        (Auth::basic("me", "another"), None),
        (refused, None),
        (Auth::basic("me", PASSWORD), Some(Fault::new(When::kind(Kind::Blob), Effect::status(500)))),
        (Auth::Token(TokenAuth::user("me", PASSWORD)), Some(Fault::new(When::kind(Kind::Token), Effect::status(500)))),
        (Auth::Token(TokenAuth::user("me", PASSWORD)), Some(Fault::new(When::kind(Kind::Blob), Effect::Denied))),
    ] {
        let site = Site::with(Registry::builder().auth(auth));
        if let Some(fault) = fault {
            site.source.fault(fault);
        }
        let auth_file = site.home.auth_file(site.source.host(), "me", PASSWORD);
        let outcome = site.home.to_disk(&["--log-level=trace", "--retry-times=1", "--authfile", &auth_file]);
        keeps_quiet(&site.home, outcome.code(8), &tokens(&site.source));
    }
    // A signature in the query of a redirect is a credential too.
    let site = Site::new();
    let target = format!("http://{}/gone?X-Amz-Signature=hunter2-Planted%2FSecret%2B", site.source.cdn_host());
    site.source.fault(Fault::new(When::kind(Kind::Blob), Effect::Redirect(target)));
    let outcome = site.home.to_disk(&["--log-level=trace", "--retry-times=1"]);
    keeps_quiet(&site.home, outcome.code(8), &[]);
}
