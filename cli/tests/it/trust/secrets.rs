//! Secrets are in no output and in no file.

use test_support::{Auth, OperatorWorld, Registry};

use super::{Signed, push_all};
use crate::harness::{Home, Outcome, base64};

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
        let entry = |host: &str| format!("\"{host}\": {{\"auth\": \"{encoded}\"}}");
        home.write("auth.json", format!("{{\"auths\": {{{}, {}}}}}", entry(source.host()), entry(destination.host())));
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
        for outcome in &outcomes {
            for secret in [SECRET, encoded.as_str()] {
                assert!(!outcome.stdout.contains(secret), "{}", outcome.stdout);
                assert!(!outcome.stderr.contains(secret), "{}", outcome.stderr);
            }
        }
        let mut folders = vec![home.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else if entry.file_name() != "auth.json" {
                    let bytes = std::fs::read(entry.path()).unwrap();
                    for secret in [SECRET, encoded.as_str()] {
                        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                        assert!(!found, "{} has the secret", entry.path().display());
                    }
                }
            }
        }
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
